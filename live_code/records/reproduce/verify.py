"""Whether two runs are the same, field by field, with room for the last digits of a metric. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from live_code.errors import RecordError
from live_code.records import compare, listing
from live_code.stages.record.document import pins
from live_code.stages.record.reading import Record
from live_code.tools import files

# Sections of a comparison that make a run another one; hardware may differ.
_MUST_BE_EQUAL = ("code", "config", "packages", "data")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def check_record(record: Record) -> None:
    """Raises RecordError when a record contradicts itself: somebody changed it, or a disk did."""
    wrong = [*_wrong_pins(record), *_wrong_commit(record)]
    lock = record.get("lock") or {}
    if not wrong and lock and files.sha256_text(lock["text"]) != lock["sha256"]:
        wrong = ["the lock is not the one that its sha256 is of"]
    if wrong:
        raise RecordError(
            f"{record.path} was changed after it was written: {wrong[0]}.",
            hint="Take the record as the run left it.",
            details="\n".join(wrong),
        )


def drift(recorded: Record, again: Record, tolerance: float) -> tuple[str, ...]:
    """A line for each thing that should have been the same and is not."""
    differences = (row for row in compare.between([recorded, again]) if row.section in _MUST_BE_EQUAL)
    lines = [
        f"{row.section}: {row.name}: {_shown(row.values[0])} became {_shown(row.values[1])}"
        for row in differences
        if row.name != "url"  # the same commit may come from elsewhere
    ]
    return (*lines, *_lock_lines(recorded, again), *_results(recorded, again, tolerance))


def other_bytes(recorded: Record, again: Record) -> tuple[str, ...]:
    """Result files with other contents. No drift: weights hold times and paths, and GPUs add up in any order."""
    before, after = recorded.get("outputs") or {}, again.get("outputs") or {}
    return tuple(
        f"other bytes in {name}, which may well be" for name in before if name in after and before[name] != after[name]
    )


def summary(record: Record) -> str:
    metric = listing.main_metric(record)
    return f"{metric[0]} {metric[1]:.6g}" if metric else record.state


def _wrong_pins(record: Record) -> Iterator[str]:
    lock = record.get("lock") or {}
    installed: Mapping[str, str] = lock.get("packages", {})
    for number, line in enumerate(lock.get("text", "").splitlines(), 1):
        for name, version in pins(line).items():
            if installed.get(name) != version:
                yield f"line {number} of its lock is {name}=={version}, the run had {name} {installed.get(name)}"


def _wrong_commit(record: Record) -> Iterator[str]:
    commits = {record.commit, record.get("checkout", "commit") or record.commit}
    if len(commits) > 1 or not _COMMIT.fullmatch(record.commit):
        yield f"its commits are {' and '.join(sorted(commits))}"


def _lock_lines(recorded: Record, again: Record) -> Iterator[str]:
    before, after = (set((record.get("lock", "text") or "").splitlines()) for record in (recorded, again))
    for line in sorted(before ^ after):
        if not line.startswith("#"):
            yield f"lock: {line.strip()} is only in {'the record' if line in before else 'the new run'}"


def _results(recorded: Record, again: Record, tolerance: float) -> Iterator[str]:
    for name in ("best_stage", "mined", "inferred", "boxes"):
        yield from _unequal(f"results: {name}", recorded.get("results", name), again.get("results", name))
    before, after = _stages(recorded), _stages(again)
    yield from _unequal("results: stages", sorted(before), sorted(after))
    for stage in before.keys() & after.keys():
        for metric in before[stage].keys() | after[stage].keys():
            old, new = before[stage].get(metric), after[stage].get(metric)
            if old is None or new is None or not abs(old - new) <= tolerance:
                yield f"results: {stage} {metric}: {_shown(old)} became {_shown(new)}"


def _stages(record: Record) -> dict[str, Mapping[str, float]]:
    return {stage["name"]: stage["metrics"] for stage in record.get("results", "stages") or ()}


def _unequal(name: str, old: Any, new: Any) -> Iterator[str]:
    if old != new:
        yield f"{name}: {_shown(old)} became {_shown(new)}"


def _shown(value: Any) -> str:
    return "none" if value is None or value == "" else str(value)
