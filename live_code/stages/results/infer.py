"""An infer's infer-result.json: boxes by image, or a COCO segmentation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import Problems, Results, as_number, candidates, compare, missing, odd, wrong

SECTIONS = ("images", "annotations", "categories")
_INT32 = 1 << 31


def read(task: TaskConfig, results: Results, problems: Problems) -> Results:
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
        return _detection(written["detection"], names, path.name, results, problems)
    if isinstance(written, dict) and set(SECTIONS) & set(written):
        return _segmentation(written, names, path.name, results, problems)
    problems.append(wrong(f"{path.name} is neither a detection result nor a COCO segmentation"))
    return results


def _detection(detections: dict[str, Any], names: set[str], file: str, results: Results, problems: Problems) -> Results:
    compare(names, {Path(image).name for image in detections}, file, problems)
    count = 0
    for image, entry in detections.items():
        boxes = _boxes(entry, f"{file}: {image}", problems)
        count += len(boxes)
        for box in boxes:
            _box(box, f"{file}: {image}", problems)
        if problems.enough:
            break
    return results._replace(inferred=len(detections), boxes=count)


def _boxes(entry: Any, where: str, problems: Problems) -> list[Any]:
    """Under either name, whatever the protocol's version."""
    if not isinstance(entry, dict):
        problems.append(wrong(f"{where} is no mapping with a list of boxes"))
        return []
    boxes = entry.get("boxes") or entry.get("annotations", entry.get("boxes"))
    if not isinstance(boxes, list):
        problems.append(odd(f"{where} has no list of boxes"))
        return []
    return boxes


def _box(box: Any, where: str, problems: Problems) -> None:
    if not isinstance(box, dict):
        problems.append(wrong(f"{where}: {box!r} is no box"))
        return
    if "score" not in box:
        problems.append(odd(f"{where}: a box without a score is passed over"))
        return
    _corners(box.get("box"), where, problems)
    name = box.get("class_name")
    if not isinstance(name, str) or not name.strip():
        problems.append(wrong(f"{where}: a box has no class_name"))
    score = as_number(box["score"])
    if score is None:
        problems.append(wrong(f"{where}: the score of a box is {box['score']!r}"))
    elif not math.isfinite(score) or not isinstance(box["score"], (int, float)):
        problems.append(odd(f"{where}: the score of a box is {box['score']!r}"))


def _corners(corners: Any, where: str, problems: Problems) -> None:
    if not isinstance(corners, dict):
        problems.append(wrong(f"{where}: {corners!r} is no box of x, y, w and h"))
        return
    for key in ("x", "y", "w", "h"):
        value = corners.get(key)
        text = f"{where}: {key} of a box is {value!r}, not a whole number of pixels"
        if value is not None and not _is_whole(value):
            problems.append(wrong(text))
        elif type(value) is not int or (key in "wh" and value < 0):
            problems.append(odd(text))
    for key in sorted(set(corners) - {"x", "y", "w", "h", "rotate_angle"}):
        problems.append(wrong(f"{where}: a box has {key}; it has x, y, w, h and rotate_angle"))


def _is_whole(value: Any) -> bool:
    number = None if isinstance(value, bool) else as_number(value)
    return number is not None and math.isfinite(number) and number == int(number) and -_INT32 <= number < _INT32


def _segmentation(written: dict[str, Any], names: set[str], file: str, results: Results, problems: Problems) -> Results:
    if absent := [section for section in SECTIONS if section not in written]:
        problems.append(wrong(f"{file} has no {' and no '.join(absent)}"))
        return results
    images = _named(written["images"], "images", "file_name", file, problems)
    categories = _named(written["categories"], "categories", "name", file, problems)
    compare(names, {Path(str(name)).name for name in images.values()}, file, problems)
    annotations = _entries(written["annotations"], "annotations", file, problems)
    for annotation in annotations:
        _annotation(annotation, {"image_id": images, "category_id": categories}, file, problems)
        if problems.enough:
            break
    return results._replace(inferred=len(images), boxes=len(annotations))


def _named(entries: Any, section: str, field: str, file: str, problems: Problems) -> dict[Any, Any]:
    named: dict[Any, Any] = {}
    for entry in _entries(entries, section, file, problems):
        if "id" not in entry or field not in entry:
            problems.append(wrong(f"{file}: one of its {section} has no id or no {field}"))
        elif entry["id"] in named:
            problems.append(odd(f"{file}: two of its {section} have the id {entry['id']!r}: both are passed over"))
        else:
            named[entry["id"]] = entry[field]
    return named


def _entries(entries: Any, section: str, file: str, problems: Problems) -> list[dict[str, Any]]:
    if not isinstance(entries, list):
        problems.append(odd(f"{file}: {section} is no list"))
        return []
    if strangers := [entry for entry in entries if not isinstance(entry, dict)]:
        problems.append(wrong(f"{file}: {strangers[0]!r} in {section} is no mapping"))
    return [entry for entry in entries if isinstance(entry, dict)]


def _annotation(annotation: dict[str, Any], known: Mapping[str, dict[Any, Any]], file: str, problems: Problems) -> None:
    for key, ids in known.items():
        if key not in annotation:
            problems.append(wrong(f"{file}: an annotation has no {key}"))
            return
        if annotation[key] not in ids:
            problems.append(odd(f"{file}: an annotation has the unknown {key} {annotation[key]!r}"))
            return
    where = f"{file}: an annotation of image {annotation['image_id']!r}"
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        problems.append(odd(f"{where} has no bbox of four numbers, and is passed over"))
        return
    if any(as_number(value) is None for value in (*box, annotation.get("area"))):
        problems.append(wrong(f"{where} has no numbers for bbox and area"))
    if fault := _shape_fault(annotation.get("segmentation")):
        problems.append(wrong(f"{where} {fault}"))


def _shape_fault(shape: Any) -> str:
    """Why the platform's reader fails at a segmentation; '' when it does not."""
    if isinstance(shape, dict):
        return "" if isinstance(shape.get("counts"), str) else "has a mask whose counts are no text (RLE, compressed)"
    if isinstance(shape, list):
        return "" if len(shape) == 1 and isinstance(shape[0], list) else "is not one polygon: the platform reads one"
    return ""
