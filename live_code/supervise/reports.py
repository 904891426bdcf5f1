"""Reads the exception reports that the job's start-up hook leaves, and tells which of them is the cause."""

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


def cause(reports: Sequence[Report]) -> Report | None:
    """The first of those that fell together at the end: a parent reports that its child failed, the child says why."""
    if not reports:
        return None
    return next(report for report in reports if reports[-1].time - report.time <= CASCADE_S)


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
