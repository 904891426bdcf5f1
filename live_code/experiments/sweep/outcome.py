"""How a run stands, read from what lies in its folder: there is no other memory of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import LiveCodeError, RecordError
from live_code.job.ymir_exc import protocol
from live_code.stages import results
from live_code.stages.record import reading
from live_code.stages.record.document import FILE
from live_code.stages.request import task_config
from live_code.tools import files
from live_code.values import NamedTuple

WAITING, RUNNING, DONE, EARLY, FAILED = "waiting", "running", "done", "stopped early", "failed"
# Told to stop, or running when last heard of while nobody runs it now.
CUT = "cut off"
# Needs no further start.
FINISHED = (DONE, EARLY)
# The kind of error of a run that was told to stop.
STOPPED = "STOPPED"
LOCK = "lock"
_EARLY_FILE = "stopped-early.json"


class Outcome(NamedTuple):
    """``percent`` in [0, 1]. ``kind``, ``why``: the error's; ``retryable``: it may pass by itself."""

    state: str
    metrics: Mapping[str, float] = {}
    percent: float = 0.0
    seconds: float = 0.0
    kind: str = ""
    why: str = ""
    retryable: bool = False


class Reason(NamedTuple):
    """Why a run is not worth going on: others did better at this step."""

    metric: str
    step: int
    value: float


def of(folder: Path) -> Outcome:
    """``folder``: the run's own, with ``in`` and ``out``. A run that seems to go on may be dead."""
    try:
        record = reading.read(folder / "out")
    except RecordError:
        percent = _percent(folder)
        return Outcome(WAITING) if percent is None else Outcome(RUNNING, percent=percent)
    if record.state == "running":
        return Outcome(RUNNING, percent=_percent(folder) or 0.0, seconds=time.time() - record.started)
    if record.state == "done":
        return Outcome(DONE, record.metrics, 1.0, record.seconds)
    error = record.get("error") or {}
    stopped = CUT if error.get("kind") == STOPPED else FAILED
    return Outcome(
        EARLY if (folder / _EARLY_FILE).exists() else stopped,
        _metrics_so_far(folder),
        _percent(folder) or 0.0,
        record.seconds,
        str(error.get("kind", "")),
        f"{error.get('phase', '')}: {error.get('message', '')}",
        bool(error.get("retryable")),
    )


def stop_early(folder: Path, reason: Reason) -> None:
    """Notes why the run is about to be stopped: it then counts as finished. Raises OSError."""
    files.write_json(folder / _EARLY_FILE, reason._asdict())


def forget(folder: Path) -> None:
    """An earlier start's end is no longer this run's. Raises OSError."""
    (folder / _EARLY_FILE).unlink(missing_ok=True)
    (folder / "out" / "live-code" / FILE).unlink(missing_ok=True)


def _percent(folder: Path) -> float | None:
    try:
        return protocol.parse_monitor((folder / "out" / "monitor.txt").read_text(encoding="utf-8")).percent
    except (OSError, ValueError):
        return None


def _metrics_so_far(folder: Path) -> dict[str, float]:
    """Of the best stage that a run wrote before it ended otherwise than well."""
    try:
        collected, _ = results.check(task_config.load(task_config.Folders(folder / "in", folder / "out")))
    except (LiveCodeError, OSError):
        return {}
    best = (stage.metrics for stage in collected.stages if stage.name == collected.best_stage)
    return dict(next(best, {}))
