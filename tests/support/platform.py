"""The platform's readers, generation by generation: what each takes, and what it refuses.

Written from the protocol; what they pass over in silence passes here too. ``platform_reader`` is stricter: it is what
we hold our own writers to. Paths are the host's: a file that is named by its path in the container is not found.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

# The first release of each generation: one model; stages with mAP; stages of any task; lists of object types.
RELEASES = ("1.0", "2.0", "2.1", "2.4")
FRACTIONS = ("mAP", "mAR", "mIoU", "mAcc", "maskAP", "boxAP")
COUNTS = ("tp", "fp", "fn")
TASKS = ("training", "mining", "infer")
FOLDERS = {2: "det", 3: "semantic-seg", 4: "instance-seg"}
KEPT = {
    "log.txt",
    "monitor.txt",
    "monitor-log.txt",
    "tensorboard",
    "ymir-executor-out.log",
    "infer-result.json",
    "result.tsv",
}


class Refused(Exception):
    """Why a task whose container ended well is a failed one for the platform."""


def poll(monitor: Path) -> tuple[str, float, int, int]:
    """Task id, percent, state and return code, as the poller has them."""
    lines = monitor.read_text().splitlines()
    if not lines:
        raise EOFError("empty: try later")
    fields = lines[0].strip().split("\t")
    if len(fields) < 4:
        raise Refused(f"{len(fields)} fields")
    float(fields[1])
    state = int(fields[3])
    if state not in range(5):
        raise Refused(f"state {state}")
    return fields[0], float(fields[2]), state, int(fields[4]) if len(fields) > 4 else 0


# --- training ---------------------------------------------------------------------------------------------------------


def take_training(models: Path, release: str) -> dict[str, list[str]]:
    """The files that are packed, by stage."""
    if not (models / "result.yaml").is_file():
        raise Refused("no result.yaml")
    result = yaml.safe_load((models / "result.yaml").read_text())
    if not isinstance(result, dict):
        raise Refused("result.yaml holds no mapping")
    if release == "1.0":
        return {"model": _one_model(result, models)}
    if "model" in result:
        number(result.get("map"), "map", 0, 1)
        stages = {"default_best_stage": {"files": result["model"]}}
    else:
        stages = _mapping(result.get("model_stages"), "model_stages")
        for name, stage in stages.items():
            _stage(name, _mapping(stage, f"stage {name}"), release)
        if result.get("best_stage_name") not in stages or not stages:
            raise Refused(f"best_stage_name {result.get('best_stage_name')!r}")
    for section, names in _mapping(result.get("attachments", {}), "attachments").items():
        for name in _list(names, section):
            _require_file([models / "attachments" / str(section)], name)
    if release != "2.0":
        for name, value in _mapping(result.get("evaluate_config", {}), "evaluate_config").items():
            number(value, name, -math.inf, math.inf)
    return {str(name): _packed(str(name), stage["files"], models) for name, stage in stages.items()}


def _one_model(result: dict[str, Any], models: Path) -> list[str]:
    float(result["map"]) if "map" in result else _refuse("no map")
    names = [Path(name).name for name in _list(result.get("model"), "model")]
    for name in names:
        _require_file([models], name)
    return names


def _stage(name: Any, stage: dict[str, Any], release: str) -> None:
    for field in ("stage_name", "files", "timestamp"):
        if stage.get(field) is None:
            raise Refused(f"stage {name} without {field}")
    number(stage["timestamp"], "timestamp", -math.inf, math.inf)
    if release == "2.0":
        number(stage.get("mAP"), "mAP", 0, 1)
        return
    for metric in (*FRACTIONS, *COUNTS):
        if metric in stage:
            number(stage[metric], metric, 0, 1 if metric in FRACTIONS else math.inf)


def _packed(stage: str, names: Any, models: Path) -> list[str]:
    for name in _list(names, stage):
        _require_file([models / stage, models], str(name))
    return [str(name) for name in names]


def _require_file(folders: list[Path], name: str) -> None:
    """A link is packed as a link, and what it points to is gone when the package is opened."""
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None or Path(name).is_absolute() or found.is_symlink():
        raise Refused(f"no file {name}")


# --- mining and infer -------------------------------------------------------------------------------------------------


def take_mining(file: Path, wanted: int) -> set[str]:
    """The first images of the list, by the names of their files without their endings. Nothing else is read."""
    if not file.is_file():
        raise Refused("no result.tsv")
    lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    for line in lines:
        if "\t" not in line and " " in line:
            raise Refused(f"no tab: {line}")
    return {Path(line.split("\t")[0]).stem for line in lines[:wanted]}


def take_infer(file: Path, object_type: int = 2) -> dict[str, int]:
    """How many annotations of each image are taken."""
    if not file.is_file():
        raise Refused("no infer-result.json")
    try:
        result = json.loads(file.read_text())
    except ValueError as error:
        raise Refused("no JSON") from error
    if not isinstance(result, dict):
        raise Refused("no mapping")
    return _detections(result) if object_type == 2 else _coco(result)


def _detections(result: dict[str, Any]) -> dict[str, int]:
    taken = {}
    for image, entry in _mapping(result.get("detection"), "detection").items():
        entry = _mapping(entry, image)
        boxes = entry.get("boxes") or entry.get("annotations")
        boxes = boxes if isinstance(boxes, list) else []
        scored = [_mapping(box, image) for box in boxes if "score" in _mapping(box, image)]
        for box in scored:
            _detection(box)
        taken[Path(image).name] = len(scored)
    return taken


def _detection(box: dict[str, Any]) -> None:
    for key, value in _mapping(box.get("box"), "box").items():
        if key not in ("x", "y", "w", "h", "rotate_angle"):
            raise Refused(f"box.{key}")
        if key != "rotate_angle" and value is not None and not _is_int32(value):
            raise Refused(f"{key} = {value!r}")
    if not isinstance(box.get("class_name"), str) or not box["class_name"].strip():
        raise Refused("class_name")
    number(box["score"], "score", -math.inf, math.inf, nan=True)


def _is_int32(value: Any) -> bool:
    try:
        if isinstance(value, bool):
            return False
        return float(value) == int(float(value)) and abs(int(float(value))) < 1 << 31
    except (TypeError, ValueError, OverflowError):
        return False


def _coco(result: dict[str, Any]) -> dict[str, int]:
    for section in ("images", "annotations", "categories"):
        if section not in result:
            raise Refused(f"no {section}")
    images, categories = (_entries(result[section]) for section in ("images", "categories"))
    for entries, fields in ((images, ("id", "file_name")), (categories, ("id", "name"))):
        for entry in entries:
            if any(field not in _mapping(entry, "entry") for field in fields):
                raise Refused(f"an entry without {' or '.join(fields)}")
    names = {image["id"]: Path(image["file_name"]).name for image in images}
    known = {category["id"] for category in categories}
    taken: Counter[str] = Counter()
    for annotation in _entries(result["annotations"]):
        if any(field not in _mapping(annotation, "annotation") for field in ("image_id", "category_id")):
            raise Refused("an annotation without image_id or category_id")
        if annotation["image_id"] in names and annotation["category_id"] in known and _shape(annotation):
            taken[names[annotation["image_id"]]] += 1
    return dict(taken)


def _shape(annotation: dict[str, Any]) -> bool:
    """Whether it has a box, without which it is passed over."""
    box, shape = annotation.get("bbox"), annotation.get("segmentation")
    if not isinstance(box, list) or len(box) != 4:
        return False
    for value in (*box, annotation.get("area")):
        number(value, "bbox or area", -math.inf, math.inf)
    if isinstance(shape, dict) and not isinstance(shape.get("counts"), str):
        raise Refused("a mask without counts")
    if isinstance(shape, list) and len(shape) != 1:
        raise Refused(f"{len(shape)} polygons")
    return True


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# --- the image --------------------------------------------------------------------------------------------------------


def take_image(read: Callable[[str], str | None], release: str) -> dict[int, set[str]]:
    """The tasks of each object type that the image is offered for. ``read``: a file's text below ``/img-man``."""
    manifest = _yaml(read("manifest.yaml")) or {}
    kinds = manifest.get("object_type", 2)
    if release == "2.4":
        if isinstance(kinds, list):
            if any(not isinstance(kind, int) or kind not in FOLDERS for kind in kinds):
                raise Refused(f"object_type {kinds!r}")
            folders = {kind: FOLDERS[kind] for kind in kinds}
        elif isinstance(kinds, int):
            folders = {kinds: ""}
        else:
            raise Refused(f"object_type {kinds!r}")
    elif release == "2.1":
        try:
            folders = {int(kinds): ""}
        except (TypeError, ValueError) as error:
            raise Refused(f"object_type {kinds!r}") from error
    else:
        folders = {2: ""}
    tasks = {
        kind: {task for task in TASKS if _yaml(read(f"{folder}/{task}-template.yaml".lstrip("/"))) is not None}
        for kind, folder in folders.items()
    }
    if not any(tasks.values()):
        raise Refused("does not match any configuration")
    return tasks


def _yaml(text: str | None) -> dict[str, Any] | None:
    try:
        value = yaml.safe_load(text or "")
    except yaml.YAMLError:
        return None
    return value if isinstance(value, dict) and value else None


# --- what stays -------------------------------------------------------------------------------------------------------


def clean_up(folder: Path) -> None:
    """What a task folder has left after a task that went well. ``folder`` holds ``in`` and ``out``."""
    for place, kept in ((folder, {"in", "out"}), (folder / "in", {"config.yaml"}), (folder / "out", KEPT)):
        for item in place.iterdir() if place.is_dir() else ():
            if item.name in kept:
                continue
            if item.is_symlink() or item.is_file():
                item.unlink()
            else:
                shutil.rmtree(item)


# --- values -----------------------------------------------------------------------------------------------------------


def number(value: Any, name: str, low: float, high: float, nan: bool = False) -> None:
    """A text of a number does; None does not."""
    try:
        converted = float(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name} = {value!r}") from error
    if not low <= converted <= high and not (nan and math.isnan(converted)):
        raise Refused(f"{name} = {value!r}")


def _mapping(value: Any, name: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise Refused(f"{name} is no mapping")
    return dict(value)


def _list(value: Any, name: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(f"{name} is no list")
    return value


def _refuse(reason: str) -> Any:
    raise Refused(reason)
