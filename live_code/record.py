"""``run.json``: what was asked, what ran, how long each phase took, how it ended: enough to repeat the run."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from live_code import __version__, files
from live_code.errors import LiveCodeError

SCHEMA_VERSION = 1
FILE = "run.json"

# user:password@ in any URL, and a bare token@ in an HTTP one; the user of ssh://git@host is no secret.
_CREDENTIALS = re.compile(r"(\b[a-z+]+://)(?:(?<=http://)|(?<=https://)|(?=[^/@\s]*:))[^/@\s]*@")
P = ParamSpec("P")
T = TypeVar("T")


class Phase(NamedTuple):
    """One step of the way: its name, when it began (Unix seconds), how long it took, and what it returned."""

    name: str
    started: float
    seconds: float
    value: Any
    failed: bool


class Journal:
    """The phases gone through so far, in order; grows by one for each and never changes what stands."""

    def __init__(self) -> None:
        self.started = time.time()
        self._phases: list[Phase] = []

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(self._phases)

    def value(self, name: str) -> Any:
        """What the phase returned; None when it has not been gone through."""
        return next((phase.value for phase in self._phases if phase.name == name), None)

    def step(self, name: str, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs one stage and notes it, also when it fails."""
        started, clock = time.time(), time.perf_counter()
        try:
            value = stage(*args, **kwargs)
        except BaseException:
            self._phases.append(Phase(name, started, time.perf_counter() - clock, None, failed=True))
            raise
        self._phases.append(Phase(name, started, time.perf_counter() - clock, value, failed=False))
        return value


class Ending(NamedTuple):
    """How the run ended; ``error`` is None when it ended well."""

    exit_code: int
    error: LiveCodeError | None = None


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
    except (OSError, ValueError):  # it had not come that far
        value = as_json(Journal(), None)
    value["seconds"] = time.time() - value["started"]
    files.write_json(path, {**value, **_end(ending)})


def as_json(journal: Journal, ending: Ending | None) -> dict[str, Any]:
    """The record: the value of each phase under its name, then the timings, versions and the end."""
    values = {phase.name: plain(phase.value) for phase in journal.phases if not phase.failed}
    return {
        "schema_version": SCHEMA_VERSION,
        "started": journal.started,
        "seconds": time.time() - journal.started,
        **_end(ending),
        **values,
        "phases": [
            {"name": phase.name, "started": phase.started, "seconds": round(phase.seconds, 6), "failed": phase.failed}
            for phase in journal.phases
        ],
        "versions": {
            "live_code": __version__,
            "python": platform.python_version(),
            "kernel": " ".join(os.uname()[:3:2]),
            "executable": sys.executable,
        },
    }


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
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
    }


def plain(value: Any) -> Any:
    """A value of the stages as JSON: named tuples by their fields, paths and URLs as their (secret-free) text."""
    if value is None or isinstance(value, (int, bool)):
        return value
    if isinstance(value, str):
        return _CREDENTIALS.sub(r"\1***@", value)
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if hasattr(value, "_asdict"):
        return {key: plain(_recorded(key, item)) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return plain(str(value))


def _recorded(field: str, value: Any) -> Any:
    """Variables of a process are recorded by name only: the container's own ones may be secret."""
    return sorted(value) if field == "environ" else value
