"""Training: learns from the task's training set, and hands the platform a stage with its mAP every few epochs."""

import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from data import read_samples, vary
from evaluate import IOU_THRESHOLD, SCORE_THRESHOLD, average_precisions, predict_all
from export import export_onnx
from loss import detection_loss
from model import Detector, Predictor, load, save
from params import number
from torch.utils.tensorboard import SummaryWriter
from weights import given_weights
from ymir_exc import monitor, result_writer
from ymir_exc.dataset_reader import item_paths
from ymir_exc.env import DatasetType
from ymir_exc.util import get_bool, get_merged_config


class Settings(NamedTuple):
    """The hyper-parameters: ``configs/default.yaml`` says what they mean. The platform's form sends strings."""

    class_names: list
    epochs: int
    batch_size: int
    learning_rate: float
    image_size: int
    width: int
    evaluate_every: int
    seed: int
    threads: int
    export_onnx: bool
    device: str


def read_settings(cfg) -> Settings:
    kinds = Settings.__annotations__
    plain = {name: number(cfg, name, kinds[name]) for name in Settings._fields if kinds[name] in (int, float)}
    return Settings(
        class_names=list(cfg.param.class_names),
        export_onnx=get_bool(cfg, "export_onnx"),
        device="cuda" if str(cfg.param.get("gpu_id", "")) else "cpu",
        **plain,
    )


class Stop:
    """Set by SIGTERM: the platform wants the task to end, and gets what was learned so far."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        self.asked = True


def new_detector(settings: Settings, weight_files) -> Detector:
    """From an earlier training's weights when there are any; of another set of classes all but the last layer."""
    if not weight_files:
        return Detector(len(settings.class_names), settings.width)
    print(f"finetuning {weight_files[0]}")
    old, saved = load(weight_files[0])
    if saved["class_names"] == settings.class_names:
        return old
    detector = Detector(len(settings.class_names), saved["width"])
    kept = {name: value for name, value in old.state_dict().items() if not name.startswith("classes.1.")}
    detector.load_state_dict(kept, strict=False)
    return detector


def train(cfg, settings: Settings, stop: Stop) -> None:
    samples = read_samples(item_paths(DatasetType.TRAINING), settings.image_size)
    val = read_samples(item_paths(DatasetType.VALIDATION), settings.image_size)
    print(f"{len(samples.images)} images to learn from, {len(val.images)} to measure with")
    detector = new_detector(settings, given_weights(cfg, ".pt")).to(settings.device)
    steps = settings.epochs * -(-len(samples.images) // settings.batch_size)
    optimizer = torch.optim.AdamW(detector.parameters(), settings.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    with SummaryWriter(cfg.ymir.output.tensorboard_dir) as board:
        for epoch in range(1, settings.epochs + 1):
            loss = train_epoch(detector, samples, settings, optimizer, schedule, stop)
            board.add_scalar("train/loss", loss, epoch)
            if stop.asked or epoch % settings.evaluate_every == 0 or epoch == settings.epochs:
                write_stage(cfg, settings, detector, val, epoch, board)
            print(f"epoch {epoch}/{settings.epochs} loss {loss:.3f}", flush=True)
            if stop.asked:
                return


def train_epoch(detector, samples, settings: Settings, optimizer, schedule, stop: Stop) -> float:
    """Returns the mean loss of the epoch's batches, or of those before the stop."""
    detector.train()
    losses = []
    for indices in torch.randperm(len(samples.images)).split(settings.batch_size):
        images, boxes = vary(*(part.to(settings.device) for part in samples.batch(indices)))
        loss = detection_loss(*detector(images), boxes)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        monitor.write_monitor_logger(schedule.last_epoch / schedule.total_steps)
        if stop.asked:
            break
    return sum(losses) / len(losses)


def write_stage(cfg, settings: Settings, detector, val, epoch: int, board) -> None:
    """Measures on the validation set; saves weights, ONNX and the stage."""
    name = f"epoch{epoch}"
    weights, graph = (Path(cfg.ymir.output.models_dir, f"{name}{ending}") for ending in (".pt", ".onnx"))
    predictor = Predictor(detector.eval())
    precisions = average_precisions(predict_all(predictor, val.images, settings.device), val.boxes.numpy())
    mean = sum(precisions.values()) / max(1, len(precisions))
    board.add_scalar("val/mAP", mean, epoch)
    for class_id, precision in precisions.items():
        board.add_scalar(f"val/AP {settings.class_names[class_id]}", precision, epoch)
    print(f"{name}: mAP@0.5 {mean:.3f} on {len(val.images)} images", flush=True)
    save(weights, detector, settings)
    if settings.export_onnx:
        export_onnx(predictor, settings.image_size, graph)
    result_writer.write_model_stage(
        stage_name=name,
        files=[weights.name] + [graph.name] * settings.export_onnx,
        evaluation_result={"mAP": mean},
        timestamp=int(time.time()),
        attachments={"evaluation": [write_precisions(cfg, settings, name, precisions)]},
        evaluate_config={"iou_thr": IOU_THRESHOLD, "conf_thr": SCORE_THRESHOLD},
    )


def write_precisions(cfg, settings: Settings, stage: str, precisions) -> str:
    """One line per stage and class, so that the platform's users see which class is hard. Returns the file's name."""
    path = Path(cfg.ymir.output.models_dir, "attachments", "evaluation", "average-precision.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        for class_id, precision in precisions.items():
            lines.write(f"{stage},{settings.class_names[class_id]},{precision:.4f}\n")
    return path.name


def main() -> int:
    stop = Stop()
    cfg = get_merged_config()
    settings = read_settings(cfg)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    train(cfg, settings, stop)
    return 128 + signal.SIGTERM if stop.asked else 0


if __name__ == "__main__":
    sys.exit(main())
