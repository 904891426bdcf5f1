"""The page: one file with its data, its drawing code and its pictures inside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import vl_convert

from live_code import __version__
from live_code.records import compare, listing
from live_code.records.compare import text
from live_code.records.report import charts, curves, facts, failures, labels, samples, telemetry
from live_code.records.report.charts import Chart
from live_code.records.report.curves import Curve
from live_code.stages.record.reading import Record
from live_code.tools import files
from live_code.tools.store import Store

# Curves of more runs than this would hide each other, and take long to read; more columns of differences nobody reads.
_COMPARED = 8
# Of a difference among many runs so many values are shown at once, and so many runs by name; the others unfold.
_VALUES = 6
_TAGS = 24
# What the page calls of Vega-Embed, for the bundler.
_TAKEN = "window.vegaEmbed = vegaEmbed;"


def write(path: Path, records: Sequence[Record], cache: Store, histories: Sequence[compare.History] = ()) -> None:
    """A page about the runs, the first being the one that others are compared with. Raises OSError."""
    files.write_text(path, render(records, _drawing_code(cache), histories))


def render(records: Sequence[Record], drawing_code: str, histories: Sequence[compare.History] = ()) -> str:
    measured, varied, names = facts.metrics(records), facts.parameters(records), labels.names(records)
    rows = facts.rows(records, measured, varied)
    same = facts.same(rows)
    groups = _scalars(_judged_best(names, records))
    changing, constants = telemetry.split(groups)
    own = [tag for tag in groups if not tag.startswith(curves.OURS)]
    drawn = [*_charts(names, records, measured, {tag: groups[tag] for tag in own[:_TAGS]})]
    folded = [charts.curves(tag, runs) for tag, runs in changing.items()]
    failed = [failures.of(record) for record in records]
    few = len(records) <= _COMPARED
    letters = labels.letters(records)
    return _template().render(
        title=_title(records),
        version=__version__,
        rows=rows,
        failed=failed,
        failures=failures.grouped(names, failed),
        last_lines=failures.LINES,
        same=same,
        named=[name for name in facts.NAMED if name not in same],
        compared=_COMPARED,
        measured=measured,
        varied=varied,
        charts=drawn,
        undrawn=own[_TAGS:],
        telemetry=folded,
        constants=constants,
        letters=letters,
        differences=facts.differences(records) if 1 < len(records) <= _COMPARED else {},
        spreads=() if few else facts.spreads(records, letters),
        values_at_once=_VALUES,
        ended=list(text.ends(records).values()) if len(records) <= labels.LETTERS else (),
        scores=compare.metrics(records) if 1 < len(records) <= _COMPARED else (),
        histories=histories,
        records=records,
        usage=[facts.usage(record) for record in records],
        measurements=[facts.measurements(record) for record in records],
        locks=facts.locks(records, names),
        pictures=[(name, samples.draw(record)) for name, record in _judged_best(names, records)],
        data=_in_html({chart.name: chart.spec for chart in (*drawn, *folded)}),
        drawing_code=drawing_code.replace("</script", "<\\/script"),
        style=_own("page.css"),
        script=_own("page.js"),
    )


def _charts(
    names: Sequence[str], records: Sequence[Record], measured: Sequence[str], own: Mapping[str, list[tuple[str, Curve]]]
) -> Iterator[Chart]:
    scores = [metric for metric in measured if any(metric in (record.best.get("metrics") or {}) for record in records)]
    if len(records) > 2:
        yield from _of_many(names, records)
    if scores and len(records) <= _COMPARED:
        yield charts.stages(facts.stages(records, scores[0], names), scores[0])
    yield from (charts.curves(tag, runs) for tag, runs in own.items())
    if len(records) == 1:
        yield charts.phases(facts.phases(records[0]))


def _of_many(names: Sequence[str], all_records: Sequence[Record]) -> Iterator[Chart]:
    records = facts.comparable(all_records)
    names = [name for name, record in zip(names, all_records, strict=True) if record.tasks == records[0].tasks]
    axes, scores = facts.axes(records), facts.scores(records)
    if not axes or not scores:
        return
    points = facts.points(records, axes, scores, names)
    if numbers := [key for key in axes if any(key in point for point in points)]:
        wide = [key for key in numbers if facts.spans_decades([point[key] for point in points if key in point])]
        yield charts.scatter(points, numbers, scores, wide)
    yield charts.parallel(facts.lines(records, axes, scores[0], names), [*axes, scores[0]], scores[0])


def _judged_best(names: Sequence[str], records: Sequence[Record]) -> list[tuple[str, Record]]:
    """The runs whose curves and predictions are shown: all of few, of many those with the best metric."""
    named = list(zip(names, records, strict=True))
    if len(named) <= _COMPARED:
        return named

    def score(pair: tuple[str, Record]) -> float:
        metric = listing.main_metric(pair[1])
        return metric[1] if metric else float("-inf")

    return sorted(named, key=score, reverse=True)[:_COMPARED]


def _scalars(named: Sequence[tuple[str, Record]]) -> dict[str, list[tuple[str, Curve]]]:
    """Tag → the curve of each run that has it."""
    return dict(sorted(curves.grouped([(name, curves.read(record)) for name, record in named]).items()))


def _title(records: Sequence[Record]) -> str:
    if len(records) > 1:
        return f"{len(records)} runs"
    [record] = records
    metric = listing.main_metric(record)
    score = f", {metric[0]} {metric[1]:.4g}" if metric else ""
    return f"{' and '.join(record.tasks) or 'Run'} at {record.commit[:12]}{score}"


def _drawing_code(cache: Store) -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. Putting them together takes seconds, so it is kept."""
    key = f"vega-embed-{metadata.version('vl-convert-python')}.js"
    script, _ = cache.text("script", key, lambda: vl_convert.javascript_bundle(_TAKEN), "the report's drawing code")
    return script


def _template() -> jinja2.Template:
    surroundings = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    surroundings.filters["short"] = _short
    surroundings.filters["number"] = lambda value: "–" if value is None else facts.number(value)
    surroundings.filters["words"] = telemetry.title
    surroundings.filters["breakable"] = _breakable
    return surroundings.from_string(_own("page.html"))


def _short(value: Any, length: int = 60) -> str:
    shown = "–" if value is None or value == "" else str(value)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _breakable(name: str) -> markupsafe.Markup:
    """A name of several words that a narrow column breaks between them."""
    return markupsafe.Markup("<wbr>").join(re.split(r"(?<=[_/.=,-])", name))  # join escapes the parts


def _in_html(value: Mapping[str, Any]) -> str:
    """JSON that can stand within a page: nothing in it ends the script element."""
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return encoded.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _own(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
