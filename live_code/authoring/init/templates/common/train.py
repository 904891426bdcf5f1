"""Training: learns from the task's training set, and hands the platform a stage with its mAP every few epochs."""

import random
from pathlib import Path

import numpy as np
from boxes import IOU_THRESHOLD, find_boxes, mean_average_precision
from data import cells, labels, read_boxes, read_image
from model import SUFFIX, Model, load
from params import number
from weights import given_weights
from ymir_exc import monitor, result_writer
from ymir_exc.dataset_reader import item_paths
from ymir_exc.env import DatasetType

LEAST_SCORE = 0.05  # boxes below don't count for the mAP


def run(cfg):
    epochs, rate, seed = number(cfg, "epochs", int), number(cfg, "learning_rate"), number(cfg, "seed", int)
    evaluate_every = number(cfg, "evaluate_every", int)
    random.seed(seed)
    np.random.seed(seed)
    model = start_from(cfg)
    train_set, val_set = read_split(DatasetType.TRAINING), read_split(DatasetType.VALIDATION)
    print(f"{len(train_set)} images to learn from, {len(val_set)} to measure with", flush=True)
    for epoch in range(1, epochs + 1):
        loss = train_epoch(model, train_set, rate)
        print(f"epoch {epoch}/{epochs} loss {loss:.3f}", flush=True)
        if epoch % evaluate_every == 0 or epoch == epochs:
            write_stage(cfg, model, val_set, epoch)
        monitor.write_monitor_logger(epoch / epochs)


def start_from(cfg):
    """An earlier training's model when one of the same classes is given, else a new one."""
    class_names = list(cfg.param.class_names)
    for path in given_weights(cfg, SUFFIX):
        known = load(path)
        if known.class_names == class_names:
            print(f"finetuning {path}", flush=True)
            return known
        print(f"warning: {path} knows {known.class_names}, other classes than the task's: starting anew", flush=True)
    return Model(class_names)


def read_split(split):
    return [(cells(read_image(image)), read_boxes(boxes)) for image, boxes in item_paths(split)]


def train_epoch(model, samples, rate):
    """One step for each image, in any order. Returns the mean loss."""
    losses = []
    for features, boxes in random.sample(samples, len(samples)):
        wanted = labels(boxes, features.shape[:2], background=len(model.class_names))
        losses.append(model.learn(features.reshape(-1, features.shape[-1]), wanted.ravel(), rate))
    return float(np.mean(losses))


def write_stage(cfg, model, val_set, epoch):
    """Measures on the validation set, and saves the model."""
    name, folder = f"epoch{epoch}", Path(cfg.ymir.output.models_dir)
    folder.mkdir(parents=True, exist_ok=True)
    found = [find_boxes(model.chances(features), LEAST_SCORE) for features, _ in val_set]
    mean = mean_average_precision(found, [boxes for _, boxes in val_set])
    print(f"{name}: mAP@0.5 {mean:.3f}", flush=True)
    result_writer.write_model_stage(
        stage_name=name,
        files=model.save(folder, name),
        evaluation_result={"mAP": mean},
        evaluate_config={"iou_thr": IOU_THRESHOLD, "conf_thr": LEAST_SCORE},
    )
