"""Puts right, after the job, what the names of its files alone would cost it.

A name may come before its file. Where the file came later, and lies or looks otherwise than the platform takes it, it
is put there; a stage whose file never came is left out, as the platform refuses all stages for one that lacks a file.
Nothing is done where no whole stage would be left: then the check says what is missing.
"""

from __future__ import annotations

import glob
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.results.values import as_number
from live_code.tools import files
from live_code.tools.files.yamlfile import read_mapping, write_mapping
from live_code.tools.terminal import log


def training(task: TaskConfig) -> None:
    """Raises OSError."""
    path, models = Path(task.output["training_result_file"]), Path(task.output["models_dir"])
    try:
        written = read_mapping(path, hint="")
    except ConfigError:  # the check has more to say about it
        return
    for name in _list(written.get("model")):
        _bring_up(str(name), models)
    for place, names in _places(written, models).items():
        for name in names:
            _put(name, place, models)
    stages = written.get("model_stages")
    if isinstance(stages, dict) and "model" not in written:
        whole = {name: stage for name, stage in stages.items() if not _lacking(str(name), stage, models)}
        if whole and len(whole) < len(stages):
            _leave_out(path, written, stages, whole, models)


def _bring_up(name: str, models: Path) -> None:
    """Before protocol 1.0.0 the platform looks into no folder of a stage. The newest of the name counts."""
    found = [path for path in models.glob(f"*/{glob.escape(Path(name).name)}") if path.is_file()]
    if found and not (models / Path(name).name).exists():
        _copy(max(found, key=lambda path: path.stat().st_mtime), models / Path(name).name)


def _places(written: Mapping[str, Any], models: Path) -> dict[Path, Iterable[Any]]:
    """Folders in which the platform looks, with the names that it looks for there."""
    places: dict[Path, Iterable[Any]] = {models: _list(written.get("model"))}
    for section, names in _mapping(written.get("attachments")).items():
        places[models / "attachments" / str(section)] = _list(names)
    for name, stage in _mapping(written.get("model_stages")).items():
        names = _list(_mapping(stage).get("files"))
        places[models / str(name)] = names
        places[models] = [*places[models], *names]
    return places


def _put(name: Any, place: Path, models: Path) -> None:
    """A plain file of that name into the folder: in place of a link, or, for an attachment, from the models folder."""
    if not isinstance(name, str) or Path(name).name != name:
        return
    target = place / name
    if target.is_symlink() and target.is_file():
        _copy(target.resolve(), target)
    elif place.parent.name == "attachments" and not target.exists() and (models / name).is_file():
        _copy(models / name, target)


def _copy(source: Path, target: Path) -> None:
    with files.replacing(target) as aside:
        shutil.copyfile(source, aside)


def _lacking(name: str, stage: Any, models: Path) -> list[str]:
    names = [str(file) for file in _list(_mapping(stage).get("files"))]
    return [file for file in names if not any((folder / file).is_file() for folder in (models / name, models))]


def _leave_out(
    path: Path, written: Mapping[str, Any], stages: Mapping[Any, Any], whole: Mapping[Any, Any], models: Path
) -> None:
    best = written.get("best_stage_name")
    if best not in whole:
        best = max(whole, key=lambda name: _score(whole[name]))
    main = next((metric for metric in protocol.MAIN_METRICS if metric in _mapping(whole[best])), None)
    changed = {**written, "best_stage_name": best, "model_stages": dict(whole)}
    write_mapping(path, {**changed, **({main: whole[best][main]} if main else {})})
    for name in stages.keys() - whole.keys():
        missing = ", ".join(_lacking(str(name), stages[name], models))
        log.warning(f"stage {name} is left out of the results: {missing} was named, and never written to {models}")


def _score(stage: Any) -> float:
    scores = (as_number(_mapping(stage).get(metric)) for metric in protocol.MAIN_METRICS)
    return next((score for score in scores if score is not None and math.isfinite(score)), -math.inf)


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
