"""A training's result.yaml, its stages and the files that they name."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import Problem, Results, Stage, is_number, missing, wrong
from live_code.tools.files.yamlfile import read_mapping
from live_code.tools.terminal import log


def read(task: TaskConfig, results: Results, problems: list[Problem]) -> Results:
    path = Path(task.output["training_result_file"])
    written = _written(path, problems)
    if written is None:
        return results
    models = Path(task.output["models_dir"])
    if "model_stages" in written or not protocol.is_before_1_0(task.protocol_version):
        return _stages(written, path.name, models, results, problems)
    return _old_training(written, path.name, models, results, problems)


def _stages(written: dict[str, Any], name: str, models: Path, results: Results, problems: list[Problem]) -> Results:
    stages = written.get("model_stages")
    if not isinstance(stages, dict) or not stages:
        problems.append(wrong(f"{name} has no model_stages"))
        return results
    if len(stages) > protocol.MAX_STAGES:
        problems.append(wrong(f"{name} has {len(stages)} stages, at most {protocol.MAX_STAGES} are read"))
    read = tuple(_stage(str(key), value, models, problems) for key, value in stages.items())
    best = str(written.get("best_stage_name", ""))
    if best not in stages:
        problems.append(wrong(f"{name}: best_stage_name {best!r} is none of its stages {', '.join(map(str, stages))}"))
    _metrics(written, f"{name}", problems)
    if not any(metric in written for metric in protocol.MAIN_METRICS):
        problems.append(wrong(f"{name} has none of {', '.join(protocol.MAIN_METRICS)} for its best stage"))
    _attachments(written.get("attachments"), models, problems)
    return results._replace(best_stage=best, stages=read)


def without(earlier: Mapping[str, Any], task: TaskConfig, results: Results) -> Results:
    """The results less the stages that stood in result.yaml before the job, with the best of the others as the best."""
    path = Path(task.output["training_result_file"])
    then, now = earlier.get("model_stages"), read_mapping(path, hint="").get("model_stages")
    if not isinstance(then, dict) or not isinstance(now, dict):
        return results
    repeated = {str(key) for key, value in now.items() if value == then.get(key)}
    own = tuple(stage for stage in results.stages if stage.name not in repeated)
    if not repeated or not own:  # a repeated run may write the very same, within the same second
        return results
    log.warning(
        f"{path} keeps stages of an earlier run, which are not counted here: {', '.join(sorted(repeated))}. "
        "Give each run an /out of its own"
    )
    best = results.best_stage if results.best_stage not in repeated else max(own, key=_score).name
    return results._replace(best_stage=best, stages=own)


def _score(stage: Stage) -> float:
    return next((stage.metrics[name] for name in protocol.MAIN_METRICS if name in stage.metrics), -math.inf)


def _stage(key: str, value: Any, models: Path, problems: list[Problem]) -> Stage:
    if not isinstance(value, dict):
        problems.append(wrong(f"stage {key} is no mapping"))
        return Stage(key, (), 0, {})
    name = str(value.get("stage_name", ""))
    if name != key:
        problems.append(wrong(f"stage {key} calls itself {name!r}"))
    if not name.isidentifier():
        problems.append(wrong(f"stage name {name!r} is no identifier"))
    timestamp = value.get("timestamp")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        problems.append(wrong(f"stage {key}: timestamp {timestamp!r} is no whole number of seconds"))
        timestamp = 0
    files = value.get("files")
    if not isinstance(files, list) or not files:
        problems.append(wrong(f"stage {key} names no files"))
        files = []
    for file in files:
        _stage_file(file, f"stage {key}", (models / key, models), problems)
    return Stage(key, tuple(str(file) for file in files), timestamp, _metrics(value, f"stage {key}", problems))


def _old_training(
    written: dict[str, Any], name: str, models: Path, results: Results, problems: list[Problem]
) -> Results:
    """The format before protocol 1.0.0: one model, ``map`` instead of ``mAP``."""
    files = written.get("model")
    if not isinstance(files, list) or not files:
        problems.append(wrong(f"{name} names no model files"))
        files = []
    for file in files:
        _stage_file(file, name, (models,), problems)
    score = written.get("map")
    _fraction("map", score, name, problems)
    metrics = {"mAP": float(score)} if isinstance(score, (int, float)) else {}
    stage = str(written.get("stage_name") or "default")
    timestamp = written.get("timestamp")
    seconds = timestamp if isinstance(timestamp, int) else 0
    return results._replace(
        best_stage=stage, stages=(Stage(stage, tuple(str(file) for file in files), seconds, metrics),)
    )


def _stage_file(file: Any, where: str, folders: tuple[Path, ...], problems: list[Problem]) -> None:
    if not isinstance(file, str) or not file or "/" in file or file in (".", ".."):
        problems.append(wrong(f"{where}: {file!r} is no plain file name"))
        return
    for folder in folders:
        try:
            mode = (folder / file).lstat().st_mode
        except OSError:
            continue
        if not stat.S_ISREG(mode):
            problems.append(wrong(f"{where}: {file} is a link or folder, not a file"))
        return
    problems.append(wrong(f"{where}: file {file} is missing from {folders[-1]}"))


def _attachments(attachments: Any, models: Path, problems: list[Problem]) -> None:
    if attachments is None:
        return
    if not isinstance(attachments, dict):
        problems.append(wrong("attachments is no mapping of section to files"))
        return
    for section, files in attachments.items():
        if not isinstance(files, list):
            problems.append(wrong(f"attachments: {section} is no list of files"))
            continue
        for file in files:
            _stage_file(file, f"attachments: {section}", (models / "attachments" / str(section),), problems)


def _metrics(values: Mapping[str, Any], where: str, problems: list[Problem]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name in (*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS):
        value = values.get(name)
        if value is None:
            continue
        if name in protocol.FRACTION_METRICS:
            _fraction(name, value, where, problems)
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            problems.append(wrong(f"{where}: {name} is {value!r}, not a count"))
        if is_number(value):
            metrics[name] = value
    return {**metrics, **_others(values)}


def _others(values: Mapping[str, Any]) -> dict[str, float]:
    """What the repo measures besides: the platform passes over it, a comparison need not."""
    known = {*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS, "timestamp"}
    numbers = {str(name): value for name, value in values.items() if name not in known and is_number(value)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _fraction(name: str, value: Any, where: str, problems: list[Problem]) -> None:
    if not is_number(value):
        problems.append(wrong(f"{where}: {name} is {value!r}, not a number"))
    elif not math.isfinite(value):
        problems.append(wrong(f"{where}: {name} is {value}", protocol.CODE_NAN))
    elif not 0 <= value <= 1:
        problems.append(wrong(f"{where}: {name} is {value}, not within 0 and 1"))


def _written(path: Path, problems: list[Problem]) -> dict[str, Any] | None:
    if not path.is_file():
        problems.append(missing(path, "write_model_stage"))
        return None
    try:
        return read_mapping(path, hint="")
    except ConfigError as error:
        problems.append(wrong(error.message.rstrip(".")))
        return None
