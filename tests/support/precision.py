"""mAP@0.5 of an infer result, counted from the platform's files alone: one box at a time, no arrays."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

Corners = tuple[float, float, float, float]


def mean_average_precision(detection: Mapping[str, Any], annotations: Mapping[str, Path]) -> float:
    """`detection` as in infer-result.json; `annotations`: image name to det-ark file."""
    values = [
        average_precision(detection, annotations, class_id, name)
        for class_id, name in enumerate(("circle", "square", "triangle"))
    ]
    return sum(values) / len(values)


def average_precision(detection: Mapping[str, Any], annotations: Mapping[str, Path], class_id: int, name: str) -> float:
    free = {image: true_boxes(path, class_id) for image, path in annotations.items()}
    positives = sum(map(len, free.values()))
    claims = sorted(
        (-box["score"], image, corners(box["box"]))
        for image, found in detection.items()
        for box in found["boxes"]
        if box["class_name"] == name
    )
    points, hits = [(0.0, 1.0)], 0
    for count, (_, image, box) in enumerate(claims, 1):
        best = max(free[image], key=lambda true: iou(box, true), default=None)
        if best and iou(box, best) >= 0.5:
            free[image].remove(best)
            hits += 1
        points.append((hits / positives, hits / count))
    steps = sorted({recall for recall, _ in points})
    return sum(
        (recall - before) * max(precision for other, precision in points if other >= recall)
        for before, recall in pairwise(steps)
    )


def true_boxes(path: Path, class_id: int) -> list[Corners]:
    rows = [[float(value) for value in line.split(",")] for line in path.read_text().splitlines()]
    return [(row[1], row[2], row[3], row[4]) for row in rows if row[0] == class_id]


def corners(box: Mapping[str, int]) -> Corners:
    return box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]


def iou(one: Corners, other: Corners) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
