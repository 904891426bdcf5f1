"""Reads the exception reports that the job's start-up hook leaves, and finds those that belong together."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from live_code.stages.supervise.contract import Frame, Report

# Processes that fall one after the other fall within this time, in seconds; an earlier report was got over.
CASCADE_S = 120.0
# A job may fill the folder with anything: so many files are read, so many bytes of each.
MOST = 500
LONGEST = 1 << 20

_NO_REPORT = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_TRACE = "Traceback (most recent call last):"
_FRAME = re.compile(r'\s+File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
_LAST_LINE = re.compile(r"(?P<type>[A-Za-z_][\w.<>]*)(?:: (?P<message>.*))?", re.DOTALL)


def read(folder: Path) -> tuple[Report, ...]:
    """All reports in the folder, the oldest first. What is no report is passed over: any job may write there."""
    reports = []
    for path in _files(folder):
        with suppress(*_NO_REPORT), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            reports.append(_parse(json.loads(file.read(LONGEST))))
    return tuple(sorted(reports, key=lambda report: report.time))


def _files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            named = (entry for entry in entries if entry.name.startswith("exception-") and entry.name.endswith(".json"))
            return [entry.path for entry in itertools.islice(named, MOST) if entry.is_file(follow_symlinks=False)]
    except OSError:  # the job removed it
        return []


def clear_cut_off(folder: Path) -> None:
    """Removes what a process that was killed in the middle of its report has left. The job has ended."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".tmp"):
                os.unlink(entry)  # noqa: PTH108


def together(reports: Sequence[Report]) -> tuple[Report, ...]:
    """Those that fell together at the end, the first one first: a child says why, its parent that a child failed."""
    return tuple(report for report in reports if reports[-1].time - report.time <= CASCADE_S)


def of_lines(lines: Sequence[str]) -> tuple[Report, ...]:
    """The exception with which a job's last lines end: of a Python that has not our hook, or has lost it."""
    plain = Report("", "\n".join(lines), "", (), "", 0, 0.0)
    report = unwrapped(plain)
    return () if report is plain or "\n" in report.message else (report,)


def own(report: Report, root: str) -> Frame | None:
    """The innermost frame of the repo's own code, its file named from the repo's root."""
    for frame in reversed(report.frames):
        name = frame.file.removeprefix(f"{root}/" if root else "./")
        if not name.startswith(("/", "<")) and "/site-packages/" not in name:
            return frame._replace(file=name)
    return None


def unwrapped(report: Report) -> Report:
    """The worker's own exception, when the report is of its parent's, which only quotes the worker's traceback."""
    text = next((text for text in (report.message, _of_pool(report.cause)) if _TRACE in text), "")
    lines = text.rpartition(_TRACE)[2].strip("\n").splitlines()
    end = next((number for number, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    words = _LAST_LINE.fullmatch("\n".join(lines[end:]).strip().removesuffix('"""').strip())
    frames = tuple(_quoted(lines[:end]))
    if not words or not frames:
        return report
    kind = words["type"].rpartition(".")[2]
    return report._replace(type=kind, message=words["message"] or "", cause="", frames=frames)


def _of_pool(cause: str) -> str:
    """How multiprocessing and concurrent.futures hand over a worker's traceback."""
    return cause if cause.lstrip("_").startswith("RemoteTraceback") else ""


def _quoted(lines: Sequence[str]) -> Iterator[Frame]:
    """The frames of a traceback as Python prints it."""
    for number, line in enumerate(lines):
        if match := _FRAME.fullmatch(line):
            code = next((other for other in lines[number + 1 : number + 2] if not _FRAME.fullmatch(other)), "")
            yield Frame(match["file"], int(match["line"]), match["function"] or "", code.strip())


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
        parent=int(value.get("parent") or 0),
        context=str(value.get("context") or ""),
        over=bool(value.get("over")),
        threads=tuple(map(str, value.get("threads") or ())),
        script=os.path.basename(str((value.get("argv") or [""])[0])),  # noqa: PTH119
    )
