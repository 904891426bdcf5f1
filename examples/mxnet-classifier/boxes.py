"""Boxes (N, 4) as xmin, ymin, xmax, ymax: overlaps, doubles, and mAP@0.5."""

import numpy as np

IOU_THRESHOLD = 0.5


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each box of ``boxes`` (N, 4) with each of ``others`` (M, 4): (N, M)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)[:, None] + (others[:, 2:] - others[:, :2]).prod(1)[None]
    return shared / (areas - shared)


def merged(boxes: np.ndarray, scores: np.ndarray, overlap: float = 0.35):
    """One box for each heap of overlapping ones, best heap first: their mean by score, and the best one's score."""
    kept, left = [], np.argsort(-scores, kind="stable")
    while len(left):
        near = iou(boxes[left[:1]], boxes[left])[0] >= overlap
        heap = left[near]
        kept.append((np.average(boxes[heap], axis=0, weights=scores[heap] ** 4), scores[heap[0]]))
        left = left[~near]
    return kept


def mean_average_precision(predictions, truth, class_count: int) -> float:
    """``predictions``: for each image a list of (class id, score, box); ``truth``: for each its (K, 5) rows."""
    ids = [number for number in range(class_count) if any((rows[:, 0] == number).any() for rows in truth)]
    precisions = [average_precision(*claims(predictions, truth, number)) for number in ids]
    return float(np.mean(precisions)) if precisions else 0.0


def claims(predictions, truth, class_id: int):
    """Whether each found box, best first, claimed a true box that was still free; and how many true ones there are."""
    mine = [
        (score, image, box)
        for image, each in enumerate(predictions)
        for number, score, box in each
        if number == class_id
    ]
    free = [rows[rows[:, 0] == class_id, 1:] for rows in truth]
    total, hits = sum(map(len, free)), []
    for _, image, box in sorted(mine, key=lambda one: -one[0]):
        overlaps = iou(box[None], free[image])[0]
        hit = bool(len(overlaps)) and overlaps.max() >= IOU_THRESHOLD
        if hit:
            free[image] = np.delete(free[image], overlaps.argmax(), 0)
        hits.append(hit)
    return np.array(hits, bool), total


def average_precision(hits: np.ndarray, positives: int) -> float:
    """Area under precision over recall, precision made monotonic."""
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits).sum() / positives)
