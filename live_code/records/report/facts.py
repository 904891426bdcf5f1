"""What a page shows of runs besides charts: tables of values. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from live_code.records import compare, listing
from live_code.records.report import labels
from live_code.stages.record.reading import Record
from live_code.values import NamedTuple

# More columns than this nobody reads.
PARAMETERS = 10
# More words than this on one axis are a tangle.
WORDS = 8
# What a run is named by; a column of the table each, unless all runs have the same.
NAMED = ("task", "commit", "ref")
# From here on a number is shown with a prefix of the SI: 25.3G.
BIG = 10_000


class Spread(NamedTuple):
    """A difference among many runs. ``values``: each value, None where there is none, with the runs that have it."""

    section: str
    name: str
    values: tuple[tuple[str | None, tuple[str, ...]], ...]


class Row(NamedTuple):
    """A run in the table. ``metrics`` and ``parameters`` in the order of the page's columns."""

    name: str
    record: Record
    task: str
    commit: str
    ref: str
    started: str
    duration: str
    state: str
    error: str
    metrics: tuple[float | None, ...]
    parameters: tuple[str, ...]


def metrics(records: Sequence[Record]) -> list[str]:
    """Every metric that some run has, the platform's main ones first."""
    measured = dict.fromkeys(name for record in records for name in record.metrics)
    main = {metric[0] for record in records if (metric := listing.main_metric(record))}
    return sorted(measured, key=lambda name: name not in main)


def parameters(records: Sequence[Record]) -> list[str]:
    """Hyper-parameters that are not the same in all runs."""
    return labels.varied(records)[:PARAMETERS]


def comparable(records: Sequence[Record]) -> list[Record]:
    """Those of the task that most of them had: the parameters of a training say nothing about a mining."""
    [(tasks, _)] = Counter(record.tasks for record in records).most_common(1)
    return [record for record in records if record.tasks == tasks]


def axes(records: Sequence[Record]) -> list[str]:
    """The parameters that a chart can compare runs by: numbers, or a few words that come more than once."""
    return [key for key in labels.varied(records) if _is_axis([record.config.get(key) for record in records])][
        :PARAMETERS
    ]


def scores(records: Sequence[Record]) -> list[str]:
    """The metrics that are not the same in all runs."""
    return [name for name in metrics(records) if len({record.metrics.get(name) for record in records} - {None}) > 1]


def spans_decades(numbers: Sequence[float]) -> bool:
    return min(numbers) > 0 and max(numbers) / min(numbers) >= 100


def number(value: float) -> str:
    """Four digits; large ones with a prefix of the SI."""
    for exponent, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= max(10**exponent, BIG):
            return f"{value / 10**exponent:.4g} {prefix}"
    return f"{value:.4g}"


def rows(records: Sequence[Record], measured: Sequence[str], varied: Sequence[str]) -> list[Row]:
    return [
        Row(
            name=name,
            record=record,
            task=" + ".join(record.tasks),
            commit=record.commit[:12],
            ref=record.ref,
            started=listing.moment(record.started),
            duration=listing.duration(record.seconds),
            state=record.state,
            error=(record.get("error", "message") or ""),
            metrics=tuple(record.metrics.get(metric) for metric in measured),
            parameters=tuple(labels.shown(record.config.get(key)) for key in varied),
        )
        for name, record in zip(labels.names(records), records, strict=True)
    ]


def same(rows: Sequence[Row]) -> dict[str, str]:
    """What all of many runs are named by; {} for a run alone."""
    values = {name: {getattr(row, name) for row in rows} for name in NAMED}
    return {name: distinct.pop() for name, distinct in values.items() if len(distinct) == 1 and len(rows) > 1}


def _by_value(values: Sequence[str | None], names: Sequence[str]) -> list[tuple[str | None, tuple[str, ...]]]:
    runs: dict[str | None, list[str]] = {}
    for value, name in zip(values, names, strict=True):
        runs.setdefault(value, []).append(name)
    return sorted(((value, tuple(having)) for value, having in runs.items()), key=lambda pair: -len(pair[1]))


def in_order(stages: Iterable[str]) -> list[str]:
    """Names of stages, each once, with the numbers in them by size: epoch5 before epoch20."""

    def parts(name: str) -> list[tuple[float, str]]:
        return [(float(part), "") if part.isdecimal() else (-1.0, part) for part in re.split(r"(\d+)", name)]

    return sorted(set(stages), key=parts)


def phases(record: Record) -> list[dict[str, Any]]:
    """For the timeline: only what can be seen on it, in order."""
    start = record.started
    return [
        {
            "phase": phase["name"],
            "start": round(phase["started"] - start, 4),
            "end": round(phase["started"] - start + phase["seconds"], 4),
            "seconds": phase["seconds"],
            "failed": phase["failed"],
        }
        for phase in record.get("phases") or ()
        if phase["seconds"] >= 0.001 or phase["failed"]
    ]


def stages(records: Sequence[Record], metric: str, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    return [
        {
            "run": name,
            "stage": stage["name"],
            "value": stage["metrics"][metric],
            "best": stage["name"] == record.get("results", "best_stage"),
        }
        for name, record in zip(names or labels.names(records), records, strict=True)
        for stage in record.get("results", "stages") or ()
        if isinstance(stage["metrics"].get(metric), (int, float))
    ]


def points(
    records: Sequence[Record], varied: Sequence[str], measured: Sequence[str], names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """For the scatter: a run's numbers by name. ``names``: what the page calls the runs."""
    made = []
    for name, record in zip(names or labels.names(records), records, strict=True):
        numbers = {key: value for key in varied if (value := _number(record.config.get(key))) is not None}
        scores = {metric: record.metrics[metric] for metric in measured if metric in record.metrics}
        made.append({"run": name, **numbers, **scores})
    return made


def lines(
    records: Sequence[Record], varied: Sequence[str], metric: str, names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """For parallel coordinates, each from 0 to 1: numbers by size, or by its logarithm, words by the alphabet."""
    scored = [
        (name, record)
        for name, record in zip(names or labels.names(records), records, strict=True)
        if metric in record.metrics
    ]
    made = []
    for axis in [*varied, metric]:
        values = [record.metrics[metric] if axis == metric else record.config.get(axis) for _, record in scored]
        for (name, record), value, place in zip(scored, values, _places(values, decades=axis != metric), strict=True):
            made.append(
                {
                    "run": name,
                    "axis": axis,
                    "place": place,
                    "value": labels.shown(value),
                    "score": record.metrics[metric],
                }
            )
    return made


def usage(record: Record) -> Mapping[str, Any]:
    """What the last attempt of the job used."""
    return next((job["usage"] for job in reversed(record.get("job") or ()) if job.get("usage")), {})


def measurements(record: Record) -> dict[str, tuple[float | None, float | None]]:
    """Name → mean and peak of what the job used; None for a rate below 0, which only a counter's new start made."""
    values = {name: value for name, value in usage(record).items() if isinstance(value, Mapping)}
    return {name: (_possible(name, value["mean"]), _possible(name, value["peak"])) for name, value in values.items()}


def _possible(name: str, value: float) -> float | None:
    return None if name.endswith("_per_s") and value < 0 else value


def spreads(records: Sequence[Record], names: Sequence[str]) -> list[Spread]:
    """What differs among many runs, turned around: each value with the runs that have it, the most frequent first."""
    return [
        Spread(difference.section, difference.name, tuple(_by_value(difference.values, names)))
        for difference in compare.between(records)
    ]


def locks(records: Sequence[Record], names: Sequence[str]) -> list[tuple[str, str]]:
    """Of each run the text of its lock and '', or '' and the name of the run that it is the same as."""
    first: dict[str, str] = {}
    texts = [record.get("lock", "text") or "" for record in records]
    owners = [first.setdefault(text, name) for text, name in zip(texts, names, strict=True)]
    return [
        (text, "") if owner == name or not text else ("", owner)
        for text, owner, name in zip(texts, owners, names, strict=True)
    ]


def differences(records: Sequence[Record]) -> dict[str, list[compare.Difference]]:
    sections: dict[str, list[compare.Difference]] = {}
    for difference in compare.between(records):
        sections.setdefault(difference.section, []).append(difference)
    return sections


def _is_axis(values: Sequence[Any]) -> bool:
    if all(_number(value) is not None for value in values):
        return True
    words = {labels.shown(value) for value in values}
    nested = any(isinstance(value, (list, dict)) for value in values)
    return len(words) <= WORDS and len(words) < len(values) and not nested


def _places(values: Sequence[Any], *, decades: bool) -> list[float]:
    """From 0, the lowest, to 1; with ``decades`` the logarithm's place where the values span them."""
    known = [number for value in values if (number := _number(value)) is not None]
    if len(known) < len(values):
        order = sorted({labels.shown(value) for value in values})
        known = [float(order.index(labels.shown(value))) for value in values]
    elif decades and spans_decades(known):
        known = [math.log10(number) for number in known]
    low, high = min(known), max(known)
    return [round((number - low) / (high - low), 4) if high > low else 0.5 for number in known]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        read = float(value)
    except (TypeError, ValueError):
        return None
    return read if math.isfinite(read) else None
