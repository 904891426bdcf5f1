"""Reads a task's output as the platform's protocol describes it, and strictly: what it does not allow is an error.

Written from the protocol alone. It shares no code with the writers, so that a mistake is not made twice.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MAIN = ("maskAP", "mIoU", "mAP")
FRACTIONS = {"mAP", "mAR", "mIoU", "mAcc", "maskAP", "boxAP"}
COUNTS = {"tp", "fp", "fn"}
STAGE_KEYS = {"stage_name", "files", "timestamp"}


class Progress(NamedTuple):
    task_id: str
    timestamp: float
    percent: float
    state: int
    return_code: int
    message: str
    stack: list[str]


def read_progress(path: Path) -> Progress | None:
    """None when the file is empty: try later."""
    text = path.read_text()
    if not text:
        return None
    first, *stack = text.splitlines()
    # The platform strips the line before it splits it: an empty name would shift all fields.
    task_id, timestamp, percent, state, return_code, *rest = first.strip().split("\t")
    message = rest[0] if rest else ""
    require(len(rest) <= 1 and task_id != "", f"fields {first!r}")
    require(re.fullmatch(r"[0-9]+(\.[0-9]+)?", timestamp) is not None, f"timestamp {timestamp}")
    require(0 <= float(percent) <= 1, f"percent {percent}")
    require(state in ("2", "3", "4"), f"state {state}")
    require(len(stack) <= 99, f"{len(stack)} stack lines")
    return Progress(task_id, float(timestamp), float(percent), int(state), int(return_code), message, stack)


def read_stages(models: Path) -> dict[str, Any]:
    """The training result since protocol 1.0.0, with every file that it names found."""
    result = yaml.safe_load((models / "result.yaml").read_text())
    stages = result["model_stages"]
    require(1 <= len(stages) <= 11, f"{len(stages)} stages")
    for name, stage in stages.items():
        require(name == stage["stage_name"] and name.isidentifier() and "-" not in name, f"stage {name}")
        require(type(stage["timestamp"]) is int, f"timestamp {stage['timestamp']!r}")
        require_metrics({key: value for key, value in stage.items() if key not in STAGE_KEYS})
        require_files(stage["files"], [models / name, models])
    best = stages[result["best_stage_name"]]
    main = next(key for key in MAIN if key in best)
    require(result[main] == best[main], f"{main} is not that of the best stage")
    require(all(stage.get(main, 0) <= best[main] for stage in stages.values()), "a better stage than the best")
    for section, files in (result.get("attachments") or {}).items():
        require_files(files, [models / "attachments" / section])
    return result  # type: ignore[no-any-return]


def read_old_result(models: Path) -> dict[str, Any]:
    """The training result before protocol 1.0.0."""
    result = yaml.safe_load((models / "result.yaml").read_text())
    require_fraction("map", result["map"])
    require(type(result["timestamp"]) is int and isinstance(result["stage_name"], str), "timestamp or stage_name")
    require_files(result["model"], [models])
    return result  # type: ignore[no-any-return]


def require_metrics(metrics: dict[str, Any]) -> None:
    require(any(name in metrics for name in MAIN), "no main metric")
    for name, value in metrics.items():
        if name in FRACTIONS:
            require_fraction(name, value)
        if name in COUNTS:
            require(type(value) is int and value >= 0, f"{name} {value!r}")


def require_fraction(name: str, value: Any) -> None:
    require(type(value) is float and math.isfinite(value) and 0 <= value <= 1, f"{name} {value!r}")


def require_files(files: Any, folders: list[Path]) -> None:
    require(isinstance(files, list) and len(files) > 0, f"files {files!r}")
    for name in files:
        require(isinstance(name, str) and "/" not in name and name not in ("", ".", ".."), f"file name {name!r}")
        found = [folder / name for folder in folders if (folder / name).is_file()]
        require(len(found) > 0, f"no file {name} in {folders}")
        require(not found[0].is_symlink(), f"{name} is a link")


def read_scores(path: Path) -> list[tuple[str, float]]:
    rows = [(image, float(score)) for image, score in (line.split("\t") for line in path.read_text().splitlines())]
    scores = [score for _, score in rows]
    require(all(map(math.isfinite, scores)), "a score is not finite")
    require(scores == sorted(scores, reverse=True), "scores are not descending")
    require(len({image for image, _ in rows}) == len(rows), "an image twice")
    return rows


def read_detections(path: Path, keyword: str = "boxes") -> dict[str, list[dict[str, Any]]]:
    result = json.loads(path.read_text(), object_pairs_hook=no_key_twice, parse_constant=refuse_constant)
    require(set(result) == {"detection"}, f"keys {set(result)}")
    for image, entry in result["detection"].items():
        require("/" not in image and set(entry) == {keyword}, f"entry of {image}")
        for box in entry[keyword]:
            require(set(box) == {"class_name", "score", "box"} and set(box["box"]) == set("xywh"), f"{box}")
            require(isinstance(box["class_name"], str) and type(box["score"]) is float, f"{box}")
            require(all(type(side) is int for side in box["box"].values()), f"{box}")
            require(box["box"]["w"] >= 0 and box["box"]["h"] >= 0, f"{box}")
    return {image: entry[keyword] for image, entry in result["detection"].items()}


def read_coco(path: Path) -> dict[str, Any]:
    coco = json.loads(path.read_text(), object_pairs_hook=no_key_twice, parse_constant=refuse_constant)
    images, categories = ({item["id"] for item in coco[key]} for key in ("images", "categories"))
    for annotation in coco["annotations"]:
        require(annotation["image_id"] in images and annotation["category_id"] in categories, f"{annotation}")
        mask = annotation["segmentation"]
        require(isinstance(mask, list) or isinstance(mask["counts"], (str, list)), f"{annotation}")
    return coco  # type: ignore[no-any-return]


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    require(len(found) == len(pairs), "a key twice")
    return found


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)
