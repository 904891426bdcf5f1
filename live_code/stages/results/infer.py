"""An infer's infer-result.json: boxes by image, or a COCO segmentation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import (
    ENOUGH,
    Problem,
    Results,
    candidates,
    compare,
    is_number,
    mappings,
    missing,
    wrong,
)


def read(task: TaskConfig, results: Results, problems: list[Problem]) -> Results:
    path = Path(task.output["infer_result_file"])
    if not path.is_file():
        problems.append(missing(path, "write_infer_result"))
        return results
    try:
        written = json.loads(path.read_bytes())
    except ValueError as error:
        problems.append(wrong(f"{path.name} is not valid JSON: {error}"))
        return results
    names = {Path(image).name for image in candidates(task, problems)}
    if isinstance(written, dict) and isinstance(written.get("detection"), dict):
        return _detection(task, written["detection"], names, path.name, results, problems)
    if isinstance(written, dict) and {"images", "annotations", "categories"} <= set(written):
        return _segmentation(written, names, path.name, results, problems)
    problems.append(wrong(f"{path.name} is neither a detection result nor a COCO segmentation"))
    return results


def _detection(
    task: TaskConfig, detections: dict[str, Any], names: set[str], file: str, results: Results, problems: list[Problem]
) -> Results:
    compare(names, set(detections), file, problems)
    count = 0
    for image, entry in detections.items():
        boxes = _boxes(entry, task)
        if boxes is None:
            problems.append(wrong(f"{file}: {image} has no list of boxes"))
            continue
        count += len(boxes)
        for box in boxes:
            _box(box, f"{file}: {image}", problems)
        if len(problems) > ENOUGH:
            break
    return results._replace(inferred=len(detections), boxes=count)


def _boxes(entry: Any, task: TaskConfig) -> list[Any] | None:
    if not isinstance(entry, dict):
        return None
    boxes = entry.get("boxes")
    if boxes is None and protocol.is_before_1_0(task.protocol_version):
        boxes = entry.get("annotations")
    return boxes if isinstance(boxes, list) else None


def _box(box: Any, where: str, problems: list[Problem]) -> None:
    corners = box.get("box") if isinstance(box, dict) else None
    if not isinstance(corners, dict):
        problems.append(wrong(f"{where}: {box!r} is no box"))
        return
    for key in ("x", "y", "w", "h"):
        value = corners.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or (key in "wh" and value < 0):
            problems.append(wrong(f"{where}: {key} of a box is {value!r}, not a whole number of pixels"))
    if not isinstance(box.get("class_name"), str) or not box["class_name"]:
        problems.append(wrong(f"{where}: a box has no class_name"))
    score = box.get("score")
    if not is_number(score) or not math.isfinite(score):
        problems.append(wrong(f"{where}: the score of a box is {score!r}", protocol.CODE_NAN))


def _segmentation(
    written: dict[str, Any], names: set[str], file: str, results: Results, problems: list[Problem]
) -> Results:
    if not all(isinstance(written[key], list) for key in ("images", "annotations", "categories")):
        problems.append(wrong(f"{file}: images, annotations and categories have to be lists"))
        return results
    images = {entry.get("id"): str(entry.get("file_name", "")) for entry in mappings(written["images"])}
    categories = {entry.get("id") for entry in mappings(written["categories"])}
    compare(names, {Path(name).name for name in images.values()}, file, problems)
    for annotation in mappings(written["annotations"]):
        for key, known in (("image_id", images), ("category_id", categories)):
            if annotation.get(key) not in known:
                problems.append(wrong(f"{file}: an annotation has the unknown {key} {annotation.get(key)!r}"))
    return results._replace(inferred=len(images), boxes=len(written["annotations"]))
