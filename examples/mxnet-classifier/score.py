"""Mining and infer: the trained classifier on each candidate."""

import numpy as np
from data import read_image
from model import load
from params import number
from weights import given_weights
from ymir_exc import result_writer
from ymir_exc.dataset_reader import item_paths, items_count
from ymir_exc.env import DatasetType
from ymir_exc.monitor import write_monitor_logger_for_multiple_tasks
from ymir_exc.result_writer import Annotation, Box


def run_mining(cfg) -> None:
    """Images whose windows the model is least sure of come first."""
    scores = [(path, entropy(chances)) for path, _, chances in predictions(cfg, "mining")]
    result_writer.write_mining_result(mining_result=scores)


def run_infer(cfg) -> None:
    names = cfg.param.class_names
    boxes = {path: [annotation(names, *one) for one in found] for path, found, _ in predictions(cfg, "infer")}
    result_writer.write_infer_result(infer_result=boxes)


def predictions(cfg, task: str):
    """Yields path, found boxes and the windows' chances of every candidate, and reports the progress of ``task``."""
    weights = given_weights(cfg, ".params")
    classifier = load(weights[0], str(cfg.param.get("gpu_id", "")))
    threshold, total = number(cfg, "score_threshold"), items_count(DatasetType.CANDIDATE)
    for done, (path, _) in enumerate(item_paths(DatasetType.CANDIDATE), 1):
        found, chances = classifier.find(read_image(path), threshold)
        write_monitor_logger_for_multiple_tasks(cfg, task, done / total, order="tmi")
        yield path, found, chances


def entropy(chances: np.ndarray) -> float:
    """In bits, the mean of the ten windows that have most of it."""
    bits = -(chances * np.log2(chances.clip(1e-9))).sum(1)
    return float(np.sort(bits)[-10:].mean())


def annotation(class_names, class_id: int, score: float, corners) -> Annotation:
    xmin, ymin, xmax, ymax = (round(float(value)) for value in corners)
    return Annotation(
        class_name=class_names[class_id], score=score, box=Box(x=xmin, y=ymin, w=xmax - xmin, h=ymax - ymin)
    )
