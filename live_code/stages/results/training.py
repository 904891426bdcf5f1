"""A training's result.yaml, its stages and the files that they name."""

from __future__ import annotations

import glob
import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import Problems, Results, Stage, as_number, is_number, missing, odd, wrong
from live_code.tools.files.yamlfile import read_mapping
from live_code.tools.terminal import log


def read(task: TaskConfig, results: Results, problems: Problems) -> Results:
    path = Path(task.output["training_result_file"])
    written = _written(path, problems)
    if written is None:
        return results
    models, is_old = Path(task.output["models_dir"]), protocol.is_before_1_0(task.protocol_version)
    if "model" in written or (is_old and "model_stages" not in written):
        return _one_model(written, path.name, models, is_old, results, problems)
    if is_old:
        problems.append(
            odd(f"{path.name} has model_stages; a platform before 1.3 reads one model, and names no protocol")
        )
    return _stages(written, path.name, models, results, problems)


def _stages(written: dict[str, Any], name: str, models: Path, results: Results, problems: Problems) -> Results:
    stages = written.get("model_stages")
    if not isinstance(stages, dict) or not stages:
        problems.append(wrong(f"{name} has no model_stages"))
        return results
    if len(stages) > protocol.MAX_STAGES:
        problems.append(odd(f"{name} has {len(stages)} stages, {protocol.MAX_STAGES} are usual"))
    read = tuple(_stage(str(key), value, models, problems) for key, value in stages.items())
    best = written.get("best_stage_name", "")
    if best not in stages:
        problems.append(wrong(f"{name}: best_stage_name {best!r} is none of its stages {', '.join(map(str, stages))}"))
    if not any(metric in written for metric in protocol.MAIN_METRICS):
        problems.append(odd(f"{name} has none of {', '.join(protocol.MAIN_METRICS)} for its best stage"))
    _attachments(written, models, problems)
    _evaluate_config(written, problems)
    return results._replace(best_stage=str(best), stages=read)


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


def _stage(key: str, value: Any, models: Path, problems: Problems) -> Stage:
    where = f"stage {key}"
    if not isinstance(value, dict):
        problems.append(wrong(f"{where} is no mapping"))
        return Stage(key, (), 0, {})
    _stage_name(key, value.get("stage_name"), problems)
    files = _files(value.get("files"), where, (models / key, models), problems)
    return Stage(key, files, _timestamp(value.get("timestamp"), where, problems), _metrics(value, where, problems))


def _stage_name(key: str, name: Any, problems: Problems) -> None:
    if name is None:
        problems.append(wrong(f"stage {key} has no stage_name"))
    elif str(name) != key:
        problems.append(odd(f"stage {key} calls itself {str(name)!r}"))
    if not key.isidentifier():
        problems.append(odd(f"stage name {key!r} is no identifier"))


def _timestamp(value: Any, where: str, problems: Problems) -> int:
    try:
        seconds = int(value)
    except (TypeError, ValueError, OverflowError):
        problems.append(wrong(f"{where}: timestamp {value!r} is no whole number of seconds"))
        return 0
    if type(value) is not int:
        problems.append(odd(f"{where}: timestamp {value!r} is no whole number of seconds"))
    return seconds


def _one_model(
    written: dict[str, Any], name: str, models: Path, is_old: bool, results: Results, problems: Problems
) -> Results:
    """The format before protocol 1.0.0, which later platforms read too: one model, ``map`` instead of ``mAP``."""
    stage = "default_best_stage"  # what a later platform calls it
    folders = (models,) if is_old else (models / stage, models)
    files = _files(written.get("model"), name, folders, problems)
    if "map" not in written:
        problems.append(wrong(f"{name} has no map"))
    score = _fraction("map", written.get("map"), name, problems) if "map" in written else None
    timestamp = written.get("timestamp")
    best = str(written.get("stage_name") or "default")
    seconds = timestamp if isinstance(timestamp, int) else 0
    return results._replace(
        best_stage=best, stages=(Stage(best, files, seconds, {} if score is None else {"mAP": score}),)
    )


def _files(files: Any, where: str, folders: tuple[Path, ...], problems: Problems) -> tuple[str, ...]:
    if not isinstance(files, list):
        problems.append(wrong(f"{where} has no list of files"))
        return ()
    if not files:
        problems.append(odd(f"{where} names no files: there is nothing to go on with"))
    for file in files:
        _file(file, where, folders, problems)
    return tuple(str(file) for file in files)


def _file(file: Any, where: str, folders: tuple[Path, ...], problems: Problems) -> None:
    """Absolute paths are the container's: the platform does not find them. Of a link it keeps the link alone."""
    name = str(file)
    if not isinstance(file, (str, int, float)) or name in ("", ".", "..") or name.startswith("/"):
        problems.append(wrong(f"{where}: {file!r} is no plain file name"))
        return
    if "/" in name:
        problems.append(odd(f"{where}: {file!r} is no plain file name"))
    for folder in folders:
        try:
            mode = (folder / name).lstat().st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode):
            return
        problems.append(wrong(f"{where}: {file} is a link or folder, not a file"))
        return
    problems.append(wrong(f"{where}: file {file} is missing from {folders[-1]}{_elsewhere(name, folders[-1])}"))


def _elsewhere(name: str, models: Path) -> str:
    """Where a file of that name lies below the models folder, for the message."""
    found = next((path for path in sorted(models.glob(f"*/{glob.escape(name)}")) if path.is_file()), None)
    return f"; one lies in {found.parent}" if found else ""


def _attachments(written: Mapping[str, Any], models: Path, problems: Problems) -> None:
    attachments = written.get("attachments", {})
    if not isinstance(attachments, dict):
        problems.append(wrong("attachments is no mapping of section to files"))
        return
    for section, files in attachments.items():
        if not isinstance(files, list):
            problems.append(wrong(f"attachments: {section} is no list of files"))
            continue
        for file in files:
            _file(file, f"attachments: {section}", (models / "attachments" / str(section),), problems)


def _evaluate_config(written: Mapping[str, Any], problems: Problems) -> None:
    config = written.get("evaluate_config", {})
    if not isinstance(config, dict):
        problems.append(wrong("evaluate_config is no mapping"))
        return
    for name, value in config.items():
        if as_number(value) is None:
            problems.append(wrong(f"evaluate_config: {name} is {value!r}, not a number"))


def _metrics(values: Mapping[str, Any], where: str, problems: Problems) -> dict[str, float]:
    known = {name: values[name] for name in (*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS) if name in values}
    read = {
        name: _fraction(name, value, where, problems)
        if name in protocol.FRACTION_METRICS
        else _count(name, value, where, problems)
        for name, value in known.items()
    }
    return {**{name: value for name, value in read.items() if value is not None}, **_others(values)}


def _count(name: str, value: Any, where: str, problems: Problems) -> float | None:
    number = as_number(value)
    if number is None or not math.isfinite(number) or number < 0:
        problems.append(wrong(f"{where}: {name} is {value!r}, not a count"))
        return number
    if type(value) is not int:
        problems.append(odd(f"{where}: {name} is {value!r}, not a count"))
    return int(number) if number == int(number) else number


def _others(values: Mapping[str, Any]) -> dict[str, float]:
    """What the repo measures besides: the platform passes over it, a comparison need not."""
    known = {*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS, "timestamp"}
    numbers = {str(name): value for name, value in values.items() if name not in known and is_number(value)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _fraction(name: str, value: Any, where: str, problems: Problems) -> float | None:
    number = as_number(value)
    if number is None:
        problems.append(wrong(f"{where}: {name} is {value!r}, not a number"))
    elif not math.isfinite(number):
        problems.append(wrong(f"{where}: {name} is {number}", protocol.CODE_NAN))
    elif not 0 <= number <= 1:
        problems.append(wrong(f"{where}: {name} is {number:g}, not within 0 and 1"))
    elif not is_number(value):
        problems.append(odd(f"{where}: {name} is {value!r}, not a number"))
    return number


def _written(path: Path, problems: Problems) -> dict[str, Any] | None:
    if not path.is_file():
        problems.append(missing(path, "write_model_stage"))
        return None
    try:
        return read_mapping(path, hint="")
    except ConfigError as error:
        problems.append(wrong(error.message.rstrip(".")))
        return None
