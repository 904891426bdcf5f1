"""Lists the records below a folder, newest first, those that a condition picks."""

from __future__ import annotations

import json
import operator
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError, RecordError, nearest
from live_code.job.ymir_exc import protocol
from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from live_code.tools.terminal import log, table
from live_code.values import NamedTuple

HEAD = ("id", "task", "commit", "ref", "metric", "duration", "state", "folder")
_TERM = re.compile(r"\s*([\w./-]+)\s*(!=|>=|<=|=|>|<|~)\s*(\"[^\"]*\"|'[^']*'|\S+)\s*")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


class Term(NamedTuple):
    """``operator``: = != > >= < <=, and ~ for 'contains'."""

    name: str
    operator: str
    value: str


def parse(condition: str) -> tuple[Term, ...]:
    """``mAP>0.5 and commit=abc`` → its terms; '' has none and picks everything. Raises ConfigError."""
    terms = []
    for part in _AND.split(condition) if condition.strip() else ():
        match = _TERM.fullmatch(part)
        if not match:
            raise ConfigError(
                f"{part.strip()!r} is no condition.", hint="Write NAME=VALUE (or != > >= < <= ~), joined by 'and'."
            )
        terms.append(Term(match[1], match[2], match[3].strip("\"'")))
    return tuple(terms)


def matches(facts: dict[str, Any], terms: Sequence[Term]) -> bool:
    """Whether all terms hold. A name that a run does not have is only unequal to everything."""
    return all(_holds(facts.get(term.name), term) for term in terms)


def facts(record: Record) -> dict[str, Any]:
    """What a condition can name of a run: its hyper-parameters, then its metrics, then what ``runs`` shows."""
    return {
        **record.config,
        **record.metrics,
        "id": record.id,
        "task": "+".join(record.tasks),
        "task_id": record.get("task", "task_id") or "",
        "url": record.get("source", "url") or "",
        "commit": record.commit,
        "ref": record.ref,
        "state": record.state,
        "seconds": record.seconds,
        "error": record.get("error", "kind") or "",
        "path": str(record.path),
    }


def find(folder: Path, condition: str = "") -> tuple[Record, ...]:
    """The records below ``folder`` that ``condition`` picks, newest first. Those that can't be read are warned of.

    Raises ConfigError.
    """
    terms = parse(condition)
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder.", hint="Name one that has runs somewhere below it.")
    known = [(record, facts(record)) for record in _readable(folder)]
    _warn_of_unknown(terms, [values for _, values in known])
    matching = [record for record, values in known if matches(values, terms)]
    return tuple(sorted(matching, key=lambda record: record.started, reverse=True))


def named(name: Path) -> Record:
    """The record that ``name`` is, or holds, or has as its id: of an id below this folder its beginning is enough.

    Raises RecordError.
    """
    if name.exists() or name.name != str(name):
        return reading.read(name)
    matching = [record for record in _readable(Path()) if record.id.startswith(str(name))]
    if len({record.id for record in matching}) == 1:  # a run's folder and a copy of its record
        return matching[0]
    if matching:
        ids = ", ".join(record.id for record in matching[:5])
        raise RecordError(f"the ids of {len(matching)} runs begin with {name}: {ids}{', …' * (len(matching) > 5)}.")
    raise RecordError(
        f"{name} is neither a run's folder here nor the id of a run below it.",
        hint="live-code runs DIR lists ids and folders.",
    )


def given(path: Path, condition: str = "") -> tuple[Record, ...]:
    """The record that ``path`` names; else all below it. Raises RecordError for a file that is none."""
    try:
        single = named(path)
    except RecordError:
        if not path.is_dir():
            raise
        return find(path, condition)
    return (single,) if matches(facts(single), parse(condition)) else ()


def show(records: Sequence[Record]) -> Iterator[str]:
    """The table of ``live-code runs``."""
    yield from table.lines(HEAD, [_row(record) for record in records], right=frozenset({"duration"}))


def as_json(records: Sequence[Record]) -> str:
    keys = ("id", "path", "task", "task_id", "url", "commit", "ref", "state", "error", "seconds")
    shown = [
        {**{key: facts(record)[key] for key in keys}, "started": record.started, "metrics": record.metrics}
        for record in records
    ]
    return json.dumps(shown, indent=2, ensure_ascii=False)


def main_metric(record: Record) -> tuple[str, float] | None:
    """The metric that the platform judges a training by; a count for mining and infer."""
    metrics = record.metrics
    names = [*protocol.MAIN_METRICS, *metrics]
    return next(((name, metrics[name]) for name in names if name in metrics), None)


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _row(record: Record) -> tuple[str, ...]:
    metric = main_metric(record)
    return (
        record.id,
        "+".join(record.tasks) or "-",
        record.commit[:12] or "-",
        record.ref.removeprefix("refs/heads/").removeprefix("refs/tags/") or "-",
        f"{metric[0]} {metric[1]:.4g}" if metric else "-",
        duration(record.seconds),
        record.state if record.state != "failed" else f"failed: {record.get('error', 'kind')}",
        _folder(record),
    )


def _folder(record: Record) -> str:
    """A path for other commands: as short as it can be from here. A record that another run followed in its folder is
    known by its file."""
    cwd = Path.cwd()
    path = record.path if record.is_followed else record.out
    return str(path.relative_to(cwd) if path.is_relative_to(cwd) else path)


def _warn_of_unknown(terms: Sequence[Term], runs: Sequence[Mapping[str, Any]]) -> None:
    """No error: among runs that all failed, none has a metric."""
    names = list(dict.fromkeys(name for values in reversed(runs) for name in reversed(values)))
    for name in dict.fromkeys(term.name for term in terms if names and term.name not in names):
        close = nearest(name, names)
        meant = f"is it {close!r}? " if close else ""
        log.warning(f"no record has {name!r}; {meant}there are: {', '.join(names)}")


def _readable(folder: Path) -> Iterator[Record]:
    for path in reading.find(folder):
        try:
            yield reading.read(path)
        except RecordError as error:
            log.warning(str(error))


def _holds(value: Any, term: Term) -> bool:
    if value is None:
        return term.operator == "!="
    if term.operator == "~":
        return term.value in str(value)
    if term.name == "commit" and term.operator in ("=", "!="):
        return str(value).startswith(term.value) == (term.operator == "=")
    left, right = _comparable(value), _comparable(term.value)
    if isinstance(left, str) or isinstance(right, str):
        left, right = str(value), term.value
    return _COMPARE[term.operator](left, right)


def _comparable(value: Any) -> float | str:
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
