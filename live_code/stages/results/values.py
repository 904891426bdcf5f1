"""What the checks find: the results as values, what the platform refuses in them, and what is odd but taken."""

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
    """One breach. ``code``: the platform's return code for it. ``refused``: whether its reader fails at it; what it
    takes, or passes over, is a warning."""

    task: str
    text: str
    code: int = protocol.CODE_OTHER
    refused: bool = True


class Problems:
    """What one task's reader has found, in its order; of warnings no more than are worth reading."""

    def __init__(self) -> None:
        self._all: list[Problem] = []
        self._odd = 0
        self._refused = 0

    def append(self, problem: Problem) -> None:
        self._refused += problem.refused
        self._odd += not problem.refused
        if problem.refused or self._odd <= ENOUGH:
            self._all.append(problem)

    @property
    def enough(self) -> bool:
        """Whether so much is refused that reading on tells nothing more."""
        return self._refused > ENOUGH

    def of(self, task: str) -> tuple[Problem, ...]:
        left = [odd(f"{self._odd - ENOUGH} more of these warnings")] if self._odd > ENOUGH else []
        return tuple(problem._replace(task=task) for problem in (*self._all, *left))


def candidates(task: TaskConfig, problems: Problems) -> set[str]:
    """The images that had to be covered, as paths of this machine."""
    index = task.input.get("candidate_index_file", "")
    try:
        return {task.paths(line.image) for line in protocol.read_index(index)} if index else set()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(odd(f"the candidate index {index} can't be read: {error}"))
        return set()


def compare(wanted: Iterable[str], covered: set[str], file: str, problems: Problems) -> None:
    wanted = set(wanted)
    for names, fault in ((wanted - covered, "has no result for"), (covered - wanted, "has a result for the unknown")):
        for name in sorted(names)[:SPELLED_OUT]:
            problems.append(odd(f"{file} {fault} {name}"))
        if len(names) > SPELLED_OUT:
            problems.append(odd(f"{file} {fault} {len(names) - SPELLED_OUT} more"))


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def stale(path: str, earlier: Earlier) -> bool:
    """Whether the file is as it was before the job."""
    return path in earlier.stamps and files.stamp(Path(path)) == earlier.stamps[path]


def missing(path: Path, writer: str) -> Problem:
    """``writer``: the SDK's function that writes it."""
    return wrong(f"no results: {path} is missing; the code has to call ymir_exc.result_writer.{writer}")


def wrong(text: str, code: int = protocol.CODE_OTHER) -> Problem:
    """What the platform's reader fails at."""
    return Problem("", text, code)


def odd(text: str) -> Problem:
    """What its reader takes or passes over."""
    return Problem("", text, protocol.CODE_OK, refused=False)


def as_number(value: Any) -> float | None:
    """The number that the platform's reader makes of it, a text of one included; None: it fails."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
