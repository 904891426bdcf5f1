"""What the job left, read as the platform will read it: each rule of the protocol, a clear line for each breach."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from live_code.config import TaskConfig
from live_code.errors import ConfigError, ResultsError
from live_code.job.ymir_exc import protocol
from live_code.yamlfile import read_mapping

# How many breaches of one kind are spelled out; a candidate list may have millions of lines.
SPELLED_OUT = 5


class Stage(NamedTuple):
    name: str
    files: tuple[str, ...]
    timestamp: int
    metrics: Mapping[str, float]


class Results(NamedTuple):
    """``best_stage`` and ``stages`` of a training; how many images mining and infer covered (-1: not asked for)."""

    best_stage: str = ""
    stages: tuple[Stage, ...] = ()
    mined: int = -1
    inferred: int = -1
    boxes: int = -1


class Problem(NamedTuple):
    """One breach. ``code``: the platform's return code for it."""

    task: str
    text: str
    code: int = protocol.CODE_OTHER


def collect(task: TaskConfig) -> Results:
    """Reads the outputs of every task that was asked for. Raises ResultsError naming each breach."""
    results, problems = check(task)
    if problems:
        raise _as_error(problems)
    return results


def check(task: TaskConfig) -> tuple[Results, tuple[Problem, ...]]:
    """The results as far as they can be read, and all that is wrong with them."""
    results = Results()
    problems: list[Problem] = []
    for name in task.tasks:
        reader = _READERS[name]
        told: list[Problem] = []
        results = reader(task, results, told)
        problems += [problem._replace(task=name) for problem in told]
    return results, tuple(problems)


def _as_error(problems: tuple[Problem, ...]) -> ResultsError:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    error = ResultsError(
        f"{first.task}: {first.text}{more}.",
        hint="The job ended well, but the platform can't use its results.",
        details="\n".join(f"{problem.task}: {problem.text}" for problem in problems),
    )
    error.return_code = first.code
    return error


# --- training ------------------------------------------------------------------------------------------------------


def _training(task: TaskConfig, results: Results, told: list[Problem]) -> Results:
    path = Path(task.output["training_result_file"])
    written = _mapping(path, told)
    if written is None:
        return results
    models = Path(task.output["models_dir"])
    if "model_stages" in written or not protocol.is_before_1_0(task.protocol_version):
        return _stages(written, path.name, models, results, told)
    return _old_training(written, path.name, models, results, told)


def _stages(written: dict[str, Any], name: str, models: Path, results: Results, told: list[Problem]) -> Results:
    stages = written.get("model_stages")
    if not isinstance(stages, dict) or not stages:
        told.append(_wrong(f"{name} has no model_stages"))
        return results
    if len(stages) > protocol.MAX_STAGES:
        told.append(_wrong(f"{name} has {len(stages)} stages, at most {protocol.MAX_STAGES} are read"))
    read = tuple(_stage(str(key), value, models, told) for key, value in stages.items())
    best = str(written.get("best_stage_name", ""))
    if best not in stages:
        told.append(_wrong(f"{name}: best_stage_name {best!r} is none of its stages {', '.join(map(str, stages))}"))
    _metrics(written, f"{name}", told)
    if not any(metric in written for metric in protocol.MAIN_METRICS):
        told.append(_wrong(f"{name} has none of {', '.join(protocol.MAIN_METRICS)} for its best stage"))
    _attachments(written.get("attachments"), models, told)
    return results._replace(best_stage=best, stages=read)


def _stage(key: str, value: Any, models: Path, told: list[Problem]) -> Stage:
    if not isinstance(value, dict):
        told.append(_wrong(f"stage {key} is no mapping"))
        return Stage(key, (), 0, {})
    name = str(value.get("stage_name", ""))
    if name != key:
        told.append(_wrong(f"stage {key} calls itself {name!r}"))
    if not name.isidentifier():
        told.append(_wrong(f"stage name {name!r} is no identifier"))
    timestamp = value.get("timestamp")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        told.append(_wrong(f"stage {key}: timestamp {timestamp!r} is no whole number of seconds"))
        timestamp = 0
    files = value.get("files")
    if not isinstance(files, list) or not files:
        told.append(_wrong(f"stage {key} names no files"))
        files = []
    for file in files:
        _stage_file(file, f"stage {key}", (models / key, models), told)
    return Stage(key, tuple(str(file) for file in files), timestamp, _metrics(value, f"stage {key}", told))


def _old_training(written: dict[str, Any], name: str, models: Path, results: Results, told: list[Problem]) -> Results:
    """The format before protocol 1.0.0: one model, ``map`` instead of ``mAP``."""
    files = written.get("model")
    if not isinstance(files, list) or not files:
        told.append(_wrong(f"{name} names no model files"))
        files = []
    for file in files:
        _stage_file(file, name, (models,), told)
    score = written.get("map")
    _fraction("map", score, name, told)
    metrics = {"mAP": float(score)} if isinstance(score, (int, float)) else {}
    stage = str(written.get("stage_name") or "default")
    timestamp = written.get("timestamp")
    seconds = timestamp if isinstance(timestamp, int) else 0
    return results._replace(
        best_stage=stage, stages=(Stage(stage, tuple(str(file) for file in files), seconds, metrics),)
    )


def _stage_file(file: Any, where: str, folders: tuple[Path, ...], told: list[Problem]) -> None:
    if not isinstance(file, str) or not file or "/" in file or file in (".", ".."):
        told.append(_wrong(f"{where}: {file!r} is no plain file name"))
        return
    for folder in folders:
        try:
            mode = (folder / file).lstat().st_mode
        except OSError:
            continue
        if not stat.S_ISREG(mode):
            told.append(_wrong(f"{where}: {file} is a link or folder, not a file"))
        return
    told.append(_wrong(f"{where}: file {file} is missing from {folders[-1]}"))


def _attachments(attachments: Any, models: Path, told: list[Problem]) -> None:
    if attachments is None:
        return
    if not isinstance(attachments, dict):
        told.append(_wrong("attachments is no mapping of section to files"))
        return
    for section, files in attachments.items():
        if not isinstance(files, list):
            told.append(_wrong(f"attachments: {section} is no list of files"))
            continue
        for file in files:
            _stage_file(file, f"attachments: {section}", (models / "attachments" / str(section),), told)


def _metrics(values: Mapping[str, Any], where: str, told: list[Problem]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in (*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS):
        value = values.get(name)
        if value is None:
            continue
        if name in protocol.FRACTION_METRICS:
            _fraction(name, value, where, told)
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            told.append(_wrong(f"{where}: {name} is {value!r}, not a count"))
        if _is_number(value):
            found[name] = value
    return found


def _fraction(name: str, value: Any, where: str, told: list[Problem]) -> None:
    if not _is_number(value):
        told.append(_wrong(f"{where}: {name} is {value!r}, not a number"))
    elif not math.isfinite(value):
        told.append(_wrong(f"{where}: {name} is {value}", protocol.CODE_NAN))
    elif not 0 <= value <= 1:
        told.append(_wrong(f"{where}: {name} is {value}, not within 0 and 1"))


# --- mining --------------------------------------------------------------------------------------------------------


def _mining(task: TaskConfig, results: Results, told: list[Problem]) -> Results:
    path = Path(task.output["mining_result_file"])
    if not path.is_file():
        told.append(_wrong(f"no results: {path} is missing"))
        return results
    scored: set[str] = set()
    last = math.inf
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            image, score = _scored(line, f"{path.name}:{number}", told)
            if image in scored:
                told.append(_wrong(f"{path.name}:{number}: {image} stands twice"))
            if score > last:
                told.append(_wrong(f"{path.name}:{number}: scores are not in descending order"))
            scored.add(image)
            last = min(last, score)
            if len(told) > 100:
                break
    _compare(_candidates(task, told), scored, path.name, told)
    return results._replace(mined=len(scored))


def _scored(line: str, where: str, told: list[Problem]) -> tuple[str, float]:
    image, tab, text = line.rstrip("\n").partition("\t")
    try:
        score = float(text)
    except ValueError:
        score = math.nan
        told.append(_wrong(f"{where}: {text!r} is no score" if tab else f"{where}: no tab between image and score"))
    else:
        if not math.isfinite(score):
            told.append(_wrong(f"{where}: the score of {image} is {text}", protocol.CODE_NAN))
    return image, score


# --- infer ---------------------------------------------------------------------------------------------------------


def _infer(task: TaskConfig, results: Results, told: list[Problem]) -> Results:
    path = Path(task.output["infer_result_file"])
    if not path.is_file():
        told.append(_wrong(f"no results: {path} is missing"))
        return results
    try:
        written = json.loads(path.read_bytes())
    except ValueError as error:
        told.append(_wrong(f"{path.name} is not valid JSON: {error}"))
        return results
    names = {Path(image).name for image in _candidates(task, told)}
    if isinstance(written, dict) and isinstance(written.get("detection"), dict):
        return _detection(task, written["detection"], names, path.name, results, told)
    if isinstance(written, dict) and {"images", "annotations", "categories"} <= set(written):
        return _segmentation(written, names, path.name, results, told)
    told.append(_wrong(f"{path.name} is neither a detection result nor a COCO segmentation"))
    return results


def _detection(
    task: TaskConfig, found: dict[str, Any], names: set[str], file: str, results: Results, told: list[Problem]
) -> Results:
    _compare(names, set(found), file, told)
    count = 0
    for image, entry in found.items():
        boxes = _boxes(entry, task)
        if boxes is None:
            told.append(_wrong(f"{file}: {image} has no list of boxes"))
            continue
        count += len(boxes)
        for box in boxes:
            _box(box, f"{file}: {image}", told)
        if len(told) > 100:
            break
    return results._replace(inferred=len(found), boxes=count)


def _boxes(entry: Any, task: TaskConfig) -> list[Any] | None:
    if not isinstance(entry, dict):
        return None
    boxes = entry.get("boxes")
    if boxes is None and protocol.is_before_1_0(task.protocol_version):
        boxes = entry.get("annotations")
    return boxes if isinstance(boxes, list) else None


def _box(box: Any, where: str, told: list[Problem]) -> None:
    corners = box.get("box") if isinstance(box, dict) else None
    if not isinstance(corners, dict):
        told.append(_wrong(f"{where}: {box!r} is no box"))
        return
    for key in ("x", "y", "w", "h"):
        value = corners.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or (key in "wh" and value < 0):
            told.append(_wrong(f"{where}: {key} of a box is {value!r}, not a whole number of pixels"))
    if not isinstance(box.get("class_name"), str) or not box["class_name"]:
        told.append(_wrong(f"{where}: a box has no class_name"))
    score = box.get("score")
    if not _is_number(score) or not math.isfinite(score):
        told.append(_wrong(f"{where}: the score of a box is {score!r}", protocol.CODE_NAN))


def _segmentation(
    written: dict[str, Any], names: set[str], file: str, results: Results, told: list[Problem]
) -> Results:
    if not all(isinstance(written[key], list) for key in ("images", "annotations", "categories")):
        told.append(_wrong(f"{file}: images, annotations and categories have to be lists"))
        return results
    images = {entry.get("id"): str(entry.get("file_name", "")) for entry in _mappings(written["images"])}
    categories = {entry.get("id") for entry in _mappings(written["categories"])}
    _compare(names, {Path(name).name for name in images.values()}, file, told)
    for annotation in _mappings(written["annotations"]):
        for key, known in (("image_id", images), ("category_id", categories)):
            if annotation.get(key) not in known:
                told.append(_wrong(f"{file}: an annotation has the unknown {key} {annotation.get(key)!r}"))
    return results._replace(inferred=len(images), boxes=len(written["annotations"]))


# --- shared --------------------------------------------------------------------------------------------------------


def _candidates(task: TaskConfig, told: list[Problem]) -> set[str]:
    """The images that had to be covered, as paths of this machine."""
    index = task.input.get("candidate_index_file", "")
    try:
        return {task.paths(line.image) for line in protocol.read_index(index)} if index else set()
    except (OSError, UnicodeDecodeError) as error:
        told.append(_wrong(f"the candidate index {index} can't be read: {error}", protocol.CODE_DATASET))
        return set()


def _compare(wanted: Iterable[str], found: set[str], file: str, told: list[Problem]) -> None:
    wanted = set(wanted)
    for names, what in ((wanted - found, "has no result for"), (found - wanted, "has a result for the unknown")):
        for name in sorted(names)[:SPELLED_OUT]:
            told.append(_wrong(f"{file} {what} {name}"))
        if len(names) > SPELLED_OUT:
            told.append(_wrong(f"{file} {what} {len(names) - SPELLED_OUT} more"))


def _mapping(path: Path, told: list[Problem]) -> dict[str, Any] | None:
    if not path.is_file():
        told.append(_wrong(f"no results: {path} is missing"))
        return None
    try:
        return read_mapping(path, hint="")
    except ConfigError as error:
        told.append(_wrong(error.message.rstrip(".")))
        return None


def _mappings(entries: list[Any]) -> list[dict[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _wrong(text: str, code: int = protocol.CODE_OTHER) -> Problem:
    return Problem("", text, code)


_READERS: Mapping[str, Callable[[TaskConfig, Results, list[Problem]], Results]] = {
    "training": _training,
    "mining": _mining,
    "infer": _infer,
}


def summary(results: Results) -> str:
    """What is there, in a line a task."""
    lines = []
    if results.stages:
        best = next((stage for stage in results.stages if stage.name == results.best_stage), results.stages[0])
        scores = ", ".join(f"{name} {value:.4g}" for name, value in best.metrics.items())
        lines.append(f"training: {len(results.stages)} stages, best {best.name}: {scores}")
    if results.mined >= 0:
        lines.append(f"mining: {results.mined} images scored")
    if results.inferred >= 0:
        lines.append(f"infer: {results.inferred} images, {results.boxes} annotations")
    return "\n".join(lines)
