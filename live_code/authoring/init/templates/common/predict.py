"""Mining and infer: the trained model on each candidate."""

import numpy as np
from boxes import find_boxes
from data import cells, read_image
from model import SUFFIX, load
from params import number
from weights import given_weights
from ymir_exc import result_writer
from ymir_exc.dataset_reader import item_paths, items_count
from ymir_exc.env import DatasetType
from ymir_exc.monitor import write_monitor_logger_for_multiple_tasks
from ymir_exc.result_writer import Annotation, Box


def run_mining(cfg):
    """Images that the model is least sure of come first: they teach most when they are labelled."""
    result_writer.write_mining_result([(path, entropy(chances)) for path, chances in predictions(cfg, "mining")])


def run_infer(cfg):
    threshold, names = number(cfg, "score_threshold"), list(cfg.param.class_names)
    found = {
        path: [annotation(names[class_id], score, box) for class_id, score, box in find_boxes(chances, threshold)]
        for path, chances in predictions(cfg, "infer")
    }
    result_writer.write_infer_result(found)


def predictions(cfg, task):
    """Yields (path, chances of each cell) of every candidate, and reports the progress of ``task``."""
    files = given_weights(cfg, SUFFIX)
    model, total = load(files[0]), items_count(DatasetType.CANDIDATE)
    for done, (path, _) in enumerate(item_paths(DatasetType.CANDIDATE), 1):
        yield path, model.chances(cells(read_image(path)))
        write_monitor_logger_for_multiple_tasks(cfg, task, done / total)


def entropy(chances):
    """In bits, the mean over the cells."""
    return float(-(chances * np.log2(chances.clip(1e-9))).sum(-1).mean())


def annotation(class_name, score, box):
    xmin, ymin, xmax, ymax = box
    return Annotation(class_name=class_name, score=score, box=Box(x=xmin, y=ymin, w=xmax - xmin, h=ymax - ymin))
