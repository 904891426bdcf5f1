"""The page: one file with its data, its drawing code and its pictures inside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jinja2
import vl_convert

from live_code import __version__
from live_code.records import compare, listing
from live_code.records.compare import text
from live_code.records.report import charts, curves, facts, samples
from live_code.records.report.charts import Chart
from live_code.stages.record.reading import Record
from live_code.tools import files
from live_code.tools.store import Store

# Curves of more runs than this would hide each other, and take long to read.
CURVES_OF = 8
_TAGS = 24
# What the page calls of Vega-Embed, for the bundler.
_TAKEN = "window.vegaEmbed = vegaEmbed;"
_COMPARED = 8


def write(path: Path, records: Sequence[Record], cache: Store, histories: Sequence[compare.History] = ()) -> None:
    """A page about the runs, the first being the one that others are compared with. Raises OSError."""
    files.write_text(path, render(records, _drawing_code(cache), histories))


def render(records: Sequence[Record], drawing_code: str, histories: Sequence[compare.History] = ()) -> str:
    measured, varied = facts.metrics(records), facts.parameters(records)
    rows = facts.rows(records, measured, varied)
    same = facts.same(rows)
    drawn = [*_charts(records, measured)]
    few = len(records) <= _COMPARED
    return _template().render(
        title=_title(records),
        version=__version__,
        rows=rows,
        same=same,
        named=[name for name in facts.NAMED if name not in same],
        compared=_COMPARED,
        curves_of=CURVES_OF,
        measured=measured,
        varied=varied,
        charts=drawn,
        letters=[text.letter(number) for number in range(len(records))],
        differences=facts.differences(records) if 1 < len(records) <= _COMPARED else {},
        ended=list(text.ends(records).values()) if few else (),
        scores=compare.metrics(records) if 1 < len(records) <= _COMPARED else (),
        histories=histories,
        records=records if few else (),
        usage=[(name, facts.usage(record)) for name, record in zip(facts.names(records), records, strict=True)]
        if few
        else (),
        pictures=[(name, samples.draw(record)) for name, record in zip(facts.names(records), records, strict=True)]
        if few
        else (),
        data=_in_html({chart.name: chart.spec for chart in drawn}),
        drawing_code=drawing_code.replace("</script", "<\\/script"),
        style=_own("page.css"),
        script=_own("page.js"),
    )


def _charts(records: Sequence[Record], measured: Sequence[str]) -> Iterator[Chart]:
    scores = [metric for metric in measured if any(metric in (record.best.get("metrics") or {}) for record in records)]
    if len(records) > 2:
        yield from _of_many(facts.comparable(records))
    if scores and len(records) <= CURVES_OF:
        yield charts.stages(facts.stages(records, scores[0]), scores[0])
    yield from _curves(_judged_best(records))
    if len(records) == 1:
        yield charts.phases(facts.phases(records[0]))


def _of_many(records: Sequence[Record]) -> Iterator[Chart]:
    axes, scores = facts.axes(records), facts.scores(records)
    if not axes or not scores:
        return
    points = facts.points(records, axes, scores)
    if numbers := [key for key in axes if any(key in point for point in points)]:
        wide = [key for key in numbers if facts.spans_decades([point[key] for point in points if key in point])]
        yield charts.scatter(points, numbers, scores, wide)
    yield charts.parallel(facts.lines(records, axes, scores[0]), [*axes, scores[0]], scores[0])


def _judged_best(records: Sequence[Record]) -> list[tuple[str, Record]]:
    """The runs whose curves are shown: all of few, of many those with the best metric."""
    named = list(zip(facts.names(records), records, strict=True))
    if len(named) <= CURVES_OF:
        return named

    def score(pair: tuple[str, Record]) -> float:
        metric = listing.main_metric(pair[1])
        return metric[1] if metric else float("-inf")

    return sorted(named, key=score, reverse=True)[:CURVES_OF]


def _curves(named: Sequence[tuple[str, Record]]) -> Iterator[Chart]:
    """The job's own scalars first, then live-code's telemetry."""
    groups = curves.grouped([(name, curves.read(record)) for name, record in named])
    order = sorted(groups, key=lambda tag: (tag.startswith(curves.OURS), tag))
    yield from (charts.curves(tag, groups[tag]) for tag in order[:_TAGS])


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
    surroundings.filters["number"] = facts.number
    return surroundings.from_string(_own("page.html"))


def _short(value: Any, length: int = 60) -> str:
    shown = "–" if value is None or value == "" else str(value)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _in_html(value: Mapping[str, Any]) -> str:
    """JSON that can stand within a page: nothing in it ends the script element."""
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return encoded.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _own(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
