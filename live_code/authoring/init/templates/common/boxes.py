"""From cells to boxes, and how good those are: mAP@0.5."""

import numpy as np
from data import CELL

IOU_THRESHOLD = 0.5


def find_boxes(chances, threshold):
    """``chances`` (rows, columns, classes + 1), the background last -> [(class id, score, (xmin, ymin, xmax, ymax))].

    A box is drawn around cells that touch and are most likely of one class; its score is their mean chance.
    """
    best, found = chances.argmax(-1), []
    for class_id in range(chances.shape[-1] - 1):
        left = set(zip(*(places.tolist() for places in np.nonzero(best == class_id))))
        while left:
            heap = take_heap(left)
            score = float(np.mean([chances[y, x, class_id] for y, x in heap]))
            if score >= threshold:
                found.append((class_id, score, box_around(heap)))
    return found


def take_heap(left):
    """Takes one cell and all that it leads to, neighbour by neighbour, out of ``left``."""
    heap = [left.pop()]
    for y, x in heap:  # it grows meanwhile
        near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & left
        left -= near
        heap += near
    return heap


def box_around(heap):
    ys, xs = zip(*heap)
    return min(xs) * CELL, min(ys) * CELL, (max(xs) + 1) * CELL, (max(ys) + 1) * CELL


def iou(box, other):
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (area(box) + area(other) - shared)


def area(box):
    return max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)


def mean_average_precision(predictions, truth):
    """``predictions``: for each image what ``find_boxes`` gives; ``truth``: for each its (K, 5) rows."""
    class_ids = sorted({int(row[0]) for rows in truth for row in rows})
    return (
        float(np.mean([average_precision(predictions, truth, class_id) for class_id in class_ids]))
        if class_ids
        else 0.0
    )


def average_precision(predictions, truth, class_id):
    """The area under precision over recall; a true box can be found once only."""
    free = [[row[1:] for row in rows if int(row[0]) == class_id] for rows in truth]
    total = sum(map(len, free))
    claims = [
        (score, image, box) for image, each in enumerate(predictions) for label, score, box in each if label == class_id
    ]
    hits = [claimed(box, free[image]) for _, image, box in sorted(claims, key=lambda claim: -claim[0])]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * np.array(hits, bool)).sum() / total)


def claimed(box, free):
    for number, other in enumerate(free):
        if iou(box, other) >= IOU_THRESHOLD:
            del free[number]
            return True
    return False
