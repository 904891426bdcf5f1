"""What the checks find: the results as values, and the problems that the platform would have with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import Earlier, TaskConfig
from live_code.tools import files
from live_code.values import NamedTuple

# How many breaches of one kind are spelled out; a candidate list may have millions of lines.
SPELLED_OUT = 5
# Reading a file is given up after this many.
ENOUGH = 100
NOTHING_EARLIER = Earlier({}, {})


class Stage(NamedTuple):
    name: str
    files: tuple[str, ...]
    timestamp: int
    metrics: Mapping[str, float]


class Results(NamedTuple):
    """``best_stage`` and ``stages`` of a training; how many images mining and infer covered (-1: no such task)."""

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


def candidates(task: TaskConfig, problems: list[Problem]) -> set[str]:
    """The images that had to be covered, as paths of this machine."""
    index = task.input.get("candidate_index_file", "")
    try:
        return {task.paths(line.image) for line in protocol.read_index(index)} if index else set()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(wrong(f"the candidate index {index} can't be read: {error}", protocol.CODE_DATASET))
        return set()


def compare(wanted: Iterable[str], covered: set[str], file: str, problems: list[Problem]) -> None:
    wanted = set(wanted)
    for names, fault in ((wanted - covered, "has no result for"), (covered - wanted, "has a result for the unknown")):
        for name in sorted(names)[:SPELLED_OUT]:
            problems.append(wrong(f"{file} {fault} {name}"))
        if len(names) > SPELLED_OUT:
            problems.append(wrong(f"{file} {fault} {len(names) - SPELLED_OUT} more"))


def mappings(entries: list[Any]) -> list[dict[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def stale(path: str, earlier: Earlier) -> bool:
    """Whether the file is as it was before the job."""
    return path in earlier.stamps and files.stamp(Path(path)) == earlier.stamps[path]


def missing(path: Path, writer: str) -> Problem:
    """``writer``: the SDK's function that writes it."""
    return wrong(f"no results: {path} is missing; the code has to call ymir_exc.result_writer.{writer}")


def wrong(text: str, code: int = protocol.CODE_OTHER) -> Problem:
    return Problem("", text, code)
