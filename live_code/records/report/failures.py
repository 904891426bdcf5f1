"""Why runs failed, as the page's first section has it: the reason, what to do, the traceback, the last lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from live_code.stages.record.reading import Record
from live_code.values import NamedTuple

# So many of the last lines are shown at once; all others that the record has can be unfolded.
LINES = 15
# What a terminal would obey, not show: colours, cursor moves, and the rest of the control characters.
_CONTROLS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f]")


class Failure(NamedTuple):
    """``details``: a traceback, or what a tool printed; '' when the last lines are all there is."""

    phase: str
    reason: str
    remedy: str
    details: str
    last_lines: tuple[str, ...]


class Group(NamedTuple):
    """Runs that failed for one reason; ``failure`` is the first's."""

    names: tuple[str, ...]
    failure: Failure


def of(record: Record) -> Failure | None:
    error = record.get("error")
    if not error:
        return None
    attempts = record.get("job") or ()
    tail = tuple(_plain(line) for line in (attempts[-1].get("tail") or ())) if attempts else ()
    details = _plain(error.get("details") or "")
    same = "\n".join(tail) == details
    return Failure(
        error.get("phase") or "", error.get("message") or "", error.get("hint") or "", "" if same else details, tail
    )


def grouped(names: Sequence[str], failures: Sequence[Failure | None]) -> list[Group]:
    groups: dict[tuple[str, str, str], Group] = {}
    for name, failure in zip(names, failures, strict=True):
        if failure:
            key = (failure.phase, failure.reason, failure.remedy)
            first = groups.get(key, Group((), failure))
            groups[key] = Group((*first.names, name), first.failure)
    return list(groups.values())


def _plain(text: str) -> str:
    return _CONTROLS.sub("", text)
