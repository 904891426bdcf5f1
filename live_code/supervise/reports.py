"""Reads the exception reports that the job's start-up hook leaves, and tells which belong together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from live_code.supervise.ends import Frame, Report

# Processes that fall one after the other fall within this time, in seconds; an earlier report was got over.
CASCADE_S = 120.0


def read(folder: Path) -> tuple[Report, ...]:
    """All reports in the folder, the oldest first. What is no report is passed over: any job may write there."""
    found = []
    for path in folder.glob("exception-*.json"):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            found.append(_parse(json.loads(path.read_text(encoding="utf-8", errors="replace"))))
    return tuple(sorted(found, key=lambda report: report.time))


def clear_cut_off(folder: Path) -> None:
    """Removes what a process that was killed in the middle of its report has left. The job has ended."""
    for path in folder.glob("*.tmp"):
        with suppress(OSError):
            path.unlink()


def together(found: Sequence[Report]) -> tuple[Report, ...]:
    """Those that fell together at the end, the first one first: a child says why, its parent that a child failed."""
    return tuple(report for report in found if found[-1].time - report.time <= CASCADE_S)


def _parse(value: dict[str, Any]) -> Report:
    return Report(
        type=str(value["type"]),
        message=str(value["message"]),
        cause=str(value.get("cause") or ""),
        frames=tuple(
            Frame(str(frame["file"]), int(frame["line"] or 0), str(frame["function"]), str(frame.get("code") or ""))
            for frame in value.get("frames", ())
        ),
        rank="" if value.get("rank") is None else str(value["rank"]),
        pid=int(value["pid"]),
        time=float(value["time"]),
    )
