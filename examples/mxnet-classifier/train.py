"""Training: learns to tell crops of objects from each other and from the background; writes a stage now and then."""

import signal
import time
from pathlib import Path

import mxnet as mx
import numpy as np
from boxes import IOU_THRESHOLD, iou, mean_average_precision
from data import crops, read_boxes, read_image, squares_around, squares_in
from model import Classifier, load
from params import number
from weights import given_weights
from ymir_exc import monitor, result_writer
from ymir_exc.dataset_reader import item_paths
from ymir_exc.env import DatasetType

LEAST_SCORE = 0.05  # boxes below are not measured


class Stop:
    """Set by SIGTERM: the platform wants the task to end, and gets what was learned so far."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        self.asked = True


def run(cfg) -> int:
    """Returns the exit code."""
    stop = Stop()
    epochs, batch_size, seed = (number(cfg, key, int) for key in ("epochs", "batch_size", "seed"))
    crops_per_box, evaluate_every = number(cfg, "crops_per_box", int), number(cfg, "evaluate_every", int)
    random = np.random.RandomState(seed)
    mx.random.seed(seed)
    train_set, val_set = read_split(DatasetType.TRAINING), read_split(DatasetType.VALIDATION)
    print(f"{len(train_set)} images to learn from, {len(val_set)} to measure with", flush=True)
    classifier = start_from(cfg)
    trainer = mx.gluon.Trainer(
        classifier.network.collect_params(), "adam", {"learning_rate": number(cfg, "learning_rate")}
    )
    for epoch in range(1, epochs + 1):
        pixels, labels = samples(train_set, len(classifier.class_names), crops_per_box, random)
        loss = train_epoch(classifier, trainer, pixels, labels, batch_size, random, stop)
        print(f"epoch {epoch}/{epochs} loss {loss:.3f}", flush=True)
        if stop.asked or epoch == epochs or epoch % evaluate_every == 0:
            write_stage(cfg, classifier, val_set, epoch)
        monitor.write_monitor_logger(epoch / epochs)
        if stop.asked:
            return 128 + signal.SIGTERM
    return 0


def start_from(cfg) -> Classifier:
    """An earlier training's classifier when one of the same classes is given, else a new one."""
    gpu_id = str(cfg.param.get("gpu_id", ""))
    for weights in given_weights(cfg, ".params"):
        known = load(weights, gpu_id)
        if known.class_names == list(cfg.param.class_names):
            print(f"finetuning {weights}", flush=True)
            return known
        print(f"warning: {weights} knows {known.class_names}, other classes than the task's: starting anew", flush=True)
    return Classifier(cfg.param.class_names, gpu_id)


def read_split(split):
    return [(read_image(image), read_boxes(boxes)) for image, boxes in item_paths(split)]


def samples(images, background: int, per_box: int, random):
    """Fresh crops for an epoch: around each box, and as many where no box is."""
    pixels, labels = [], []
    for image, boxes in images:
        around = squares_around(np.repeat(boxes[:, 1:], per_box, 0), random)
        anywhere = squares_in(image, 4 * max(per_box, len(around)), random)
        beside = anywhere[iou(anywhere, boxes[:, 1:]).max(1, initial=0) < 0.3][: max(per_box, len(around))]
        pixels += [crops(image, around), crops(image, beside)]
        labels += [np.repeat(boxes[:, 0], per_box), np.full(len(beside), background)]
    return np.concatenate(pixels), np.concatenate(labels)


def train_epoch(classifier, trainer, pixels, labels, batch_size: int, random, stop) -> float:
    """Returns the mean loss of the epoch's batches, or of those before the stop."""
    measure, losses = mx.gluon.loss.SoftmaxCrossEntropyLoss(), []
    order = random.permutation(len(pixels))
    for at in range(0, len(order), batch_size):
        chosen = order[at : at + batch_size]
        batch = mirrored(pixels[chosen], random)
        with mx.autograd.record():
            outputs = classifier.network(mx.nd.array(batch, ctx=classifier.device))
            loss = measure(outputs, mx.nd.array(labels[chosen], ctx=classifier.device))
        loss.backward()
        trainer.step(len(chosen))
        losses.append(float(loss.mean().asscalar()))
        if stop.asked:
            break
    return float(np.mean(losses))


def mirrored(pixels: np.ndarray, random) -> np.ndarray:
    """The batch as it is, or mirrored in one or both directions."""
    if random.rand() < 0.5:
        pixels = pixels[:, :, :, ::-1]
    return pixels[:, :, ::-1] if random.rand() < 0.5 else pixels


def write_stage(cfg, classifier, val_set, epoch: int) -> None:
    """Measures on the validation set, and saves the weights."""
    name = f"epoch{epoch}"
    found = [classifier.find(image, LEAST_SCORE)[0] for image, _ in val_set]
    mean = mean_average_precision(found, [boxes for _, boxes in val_set], len(classifier.class_names))
    print(f"{name}: mAP@0.5 {mean:.3f} on {len(val_set)} images", flush=True)
    result_writer.write_model_stage(
        stage_name=name,
        files=classifier.save(Path(cfg.ymir.output.models_dir), name),
        evaluation_result={"mAP": mean},
        timestamp=int(time.time()),
        evaluate_config={"iou_thr": IOU_THRESHOLD, "conf_thr": LEAST_SCORE},
    )
