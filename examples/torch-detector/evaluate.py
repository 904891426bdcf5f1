"""mAP@0.5, counted the plain way: every box that was found, best first, may claim one true box of its class."""

from typing import NamedTuple

import numpy as np
import torch

IOU_THRESHOLD = 0.5
SCORE_THRESHOLD = 0.01


class Found(NamedTuple):
    """All boxes found in a split. image, class_id, score: (D,); box: (D, 4) in the units of the true boxes."""

    image: np.ndarray
    class_id: np.ndarray
    score: np.ndarray
    box: np.ndarray


@torch.inference_mode()
def predict_all(predictor, images, device, batch_size: int = 32) -> Found:
    """``images``: (N, 3, S, S) uint8. The predictor is in evaluation mode."""
    parts = [predictor(batch.to(device).float() / 255) for batch in images.split(batch_size)]
    boxes, scores, classes = (torch.cat(part).cpu() for part in zip(*parts))
    image, place = (scores > SCORE_THRESHOLD).nonzero(as_tuple=True)
    kept = (image, classes[image, place], scores[image, place], boxes[image, place])
    return Found(*(part.numpy() for part in kept))


def average_precisions(boxes: Found, truth: np.ndarray) -> dict[int, float]:
    """AP of each class that occurs in ``truth`` (K, 6): image, class id, corners. Their mean is mAP."""
    precisions = {}
    for class_id in np.unique(truth[:, 1].astype(int)).tolist():
        true_boxes = truth[truth[:, 1] == class_id]
        mine = Found(*(part[boxes.class_id == class_id] for part in boxes))
        precisions[class_id] = average_precision(claims(mine, true_boxes), len(true_boxes))
    return precisions


def claims(boxes: Found, truth: np.ndarray) -> np.ndarray:
    """For each found box of one class, best score first: did it claim a true box that was still free?"""
    free = np.ones(len(truth), bool)
    hits = np.zeros(len(boxes.score), bool)
    for rank, index in enumerate(np.argsort(-boxes.score, kind="stable")):
        overlaps = iou(boxes.box[index], truth[:, 2:]) * free * (truth[:, 0] == boxes.image[index])
        best = int(overlaps.argmax())
        if overlaps[best] >= IOU_THRESHOLD:
            free[best], hits[rank] = False, True
    return hits


def average_precision(hits: np.ndarray, positives: int) -> float:
    """Area under precision over recall, precision made monotonic (the all-points rule of Pascal VOC since 2010)."""
    true_positives = np.cumsum(hits)
    precision = true_positives / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / positives)


def iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = (high - low).clip(0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    return shared / ((box[2:] - box[:2]).prod() + areas - shared)
