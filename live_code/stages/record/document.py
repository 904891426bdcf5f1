"""The record's shape: which section holds what. Published as docs/run.schema.json."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from live_code import __version__
from live_code.errors import LiveCodeError
from live_code.stages.record.journal import RECORD, Ending, Journal
from live_code.stages.record.serialize import plain
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import PathMap, TaskConfig
from live_code.tools import files
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from live_code.stages.launch.plan import Launch

SCHEMA_VERSION = 2
FILE = RECORD

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_SEED = re.compile(r"(^|_)(random_)?seeds?$", re.IGNORECASE)


def write(folder: Path, journal: Journal, ending: Ending | None) -> Path:
    """Writes ``run.json`` into ``folder``; without an ending the run is still on its way. Raises OSError."""
    path = folder / FILE
    files.write_json(path, as_json(journal, ending))
    return path


def amend(folder: Path, ending: Ending) -> None:
    """Puts an end to the record of a run that can't do it itself any more. Raises OSError."""
    import json

    path = folder / FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        value["seconds"] = time.time() - value["started"]
    except (OSError, ValueError, TypeError, KeyError):  # it had not come that far, or somebody has written over it
        value = as_json(Journal(), None)
    files.write_json(path, {**value, **_end(ending)})


def as_json(journal: Journal, ending: Ending | None) -> dict[str, Any]:
    """The record: how it ended, what each phase returned under the phase's name, then facts and timings."""
    task: TaskConfig | None = journal.value("task")
    paths = task.paths if task else PathMap()
    values = {phase.name: phase.value for phase in journal.phases if not phase.failed}
    return {
        "schema_version": SCHEMA_VERSION,
        "id": journal.id,
        "started": journal.started,
        "seconds": time.time() - journal.started,
        **_end(ending),
        **{name: _section(value, paths) for name, value in values.items()},
        **{name: _backward(paths, plain(value)) for name, value in journal.notes.items()},
        "seeds": _seeds(journal.value("config"), journal.value("launch") or ()),
        "phases": [
            {"name": phase.name, "started": phase.started, "seconds": round(phase.seconds, 6), "failed": phase.failed}
            for phase in journal.phases
        ],
        "executor": {
            "version": __version__,
            "python": sys.version.split()[0],
            "executable": sys.executable,
            "pid": os.getpid(),
        },
    }


def _section(value: Any, paths: PathMap) -> Any:
    """A phase's value. A task is recorded in its own terms (``/in/...``), wherever its folder lay."""
    from live_code.stages.environment.lock import Lock  # whoever reads records needs none of it

    if isinstance(value, TaskConfig):
        return _task(value)
    if isinstance(value, Lock):
        digest = files.sha256_text(value.text)
        fields = {key: plain(field) for key, field in value._asdict().items() if key != "settings"}
        return {**fields, "sha256": digest, "packages": pins(value.text)}
    return _backward(paths, plain(value)) if isinstance(value, Merged) else plain(value)


def _task(task: TaskConfig) -> Any:
    """Without the hyper-parameters: those stand in ``config.layers``."""
    fields = plain({key: value for key, value in task._asdict().items() if key not in ("template", "given", "paths")})
    return {**_backward(task.paths, fields), "paths": dict(task.paths.pairs)}


def _backward(paths: PathMap, value: Any) -> Any:
    return PathMap(tuple((local, prefix) for prefix, local in paths.pairs))(value)


def pins(lock: str) -> dict[str, str]:
    """The packages of a lock: name → version."""
    return dict(_PIN.findall(lock))


def _seeds(merged: Merged | None, launches: Sequence[Launch]) -> dict[str, Any]:
    values: Mapping[str, Any] = merged.values if merged else {}
    seeds = {key: value for key, value in values.items() if _SEED.search(key)}
    for launch in launches:
        if "PYTHONHASHSEED" in launch.environ:
            seeds["PYTHONHASHSEED"] = launch.environ["PYTHONHASHSEED"]
    return seeds


def _end(ending: Ending | None) -> dict[str, Any]:
    if ending is None:
        return {"state": "running", "exit_code": None, "error": None}
    state = "failed" if ending.error else "done"
    return {"state": state, "exit_code": ending.exit_code, "error": _error(ending.error)}


def _error(error: LiveCodeError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "kind": error.kind,
        "phase": error.phase,
        "return_code": error.return_code,
        "retryable": error.retryable,
        "message": plain(error.message),
        "hint": plain(error.hint),
        "details": plain(error.details),
    }
