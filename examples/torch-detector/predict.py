"""A trained model on the task's candidates: what mining and infer share."""

from itertools import islice
from typing import NamedTuple

import torch
from data import read_square
from model import Predictor, load
from params import number
from weights import given_weights
from ymir_exc.dataset_reader import item_paths, items_count
from ymir_exc.env import DatasetType
from ymir_exc.monitor import write_monitor_logger_for_multiple_tasks

BATCH_SIZE = 16


class Prediction(NamedTuple):
    """The best peaks of one image. boxes: (M, 4) in the image's own pixels, inside it; scores, class_ids: (M,)."""

    image_path: str
    boxes: torch.Tensor
    scores: torch.Tensor
    class_ids: torch.Tensor


def predictions(cfg, task: str):
    """Yields a Prediction for every candidate, in the index's order, and reports the progress of ``task``."""
    weight_files = given_weights(cfg, ".pt")
    torch.set_num_threads(number(cfg, "threads", int))
    device = "cuda" if str(cfg.param.get("gpu_id", "")) else "cpu"
    detector, settings = load(weight_files[0])
    predictor = Predictor(detector.to(device))
    paths = (image_path for image_path, _ in item_paths(DatasetType.CANDIDATE))
    done, total = 0, items_count(DatasetType.CANDIDATE)
    while batch := list(islice(paths, BATCH_SIZE)):
        for prediction in predict(predictor, batch, settings["image_size"], device):
            done += 1
            write_monitor_logger_for_multiple_tasks(cfg, task, done / total, order="tmi")
            yield prediction


@torch.inference_mode()
def predict(predictor, image_paths, size: int, device: str):
    squares = [read_square(path, size) for path in image_paths]
    pixels = torch.stack([square.pixels for square in squares]).to(device).float() / 255
    outputs = (part.cpu() for part in predictor(pixels))
    for path, square, boxes, scores, class_ids in zip(image_paths, squares, *outputs):
        edges = torch.tensor([square.width, square.height] * 2)
        yield Prediction(path, (boxes / square.scale).clamp(min=0).minimum(edges), scores, class_ids)
