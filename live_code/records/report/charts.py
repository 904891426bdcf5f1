"""What the charts show, as Altair draws it: Vega-Lite specifications with their data inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from live_code.records.report import facts, telemetry
from live_code.records.report.curves import OURS, Curve
from live_code.values import NamedTuple

HEIGHT = 240
# Colours are the page's own variables, so that both themes and a print-out need one drawing only.
_INKS = [f"var(--series-{number})" for number in range(1, 9)]
# From the lowest to the highest: what Vega interpolates can't be a variable, so these have to be seen on any paper.
_LOW_TO_HIGH = ["#2f7fd0", "#e8722c"]
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": "var(--ink)", "titleColor": "var(--soft)", "titleFontWeight": "normal"},
    "title": {"color": "var(--ink)"},
    "range": {"category": _INKS},
    "line": {"strokeWidth": 2},
}


class Chart(NamedTuple):
    """``spec`` in Vega-Lite's words; ``height`` in pixels is kept free for it before it is drawn."""

    name: str
    title: str
    text: str
    spec: Mapping[str, Any]
    height: int


def curves(tag: str, runs: Sequence[tuple[str, Curve]]) -> Chart:
    rows = [
        {"run": name, "step": step, "value": value}
        for name, curve in runs
        for step, value in zip(curve.steps, curve.values, strict=True)
    ]
    several, big = len(runs) > 1, any(abs(value) >= facts.BIG for _, curve in runs for value in curve.values)
    drawn = alt.Chart(_data(rows)).mark_line(point=len(rows) <= 40 * len(runs))
    drawn = drawn.encode(
        x=alt.X("step:Q", title="seconds" if tag.startswith(OURS) else "step", scale=alt.Scale(nice=False)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~s" if big else "~g")),
        color=_colour("run", several),
        tooltip=["run:N", "step:Q", "value:Q"],
    )
    lasts = ", ".join(f"{name} ends at {facts.number(curve.values[-1])}" for name, curve in runs)
    return _chart(f"curve-{tag}", telemetry.title(tag) if tag.startswith(OURS) else tag, lasts, drawn)


def stages(rows: Sequence[Mapping[str, Any]], metric: str) -> Chart:
    """The main metric of each stage. ``rows``: run, stage, value, best."""
    several = len({row["run"] for row in rows}) > 1
    order = facts.in_order(row["stage"] for row in rows)
    drawn = (
        alt.Chart(_data(rows))
        .mark_bar(strokeWidth=2)  # a bar of nothing is this line
        .encode(
            x=alt.X("stage:N", title=None, sort=order, axis=alt.Axis(labelAngle=-30)),
            xOffset=alt.XOffset("run:N") if several else alt.Undefined,
            y=alt.Y("value:Q", title=metric, scale=alt.Scale(domain=[0, 1])),
            color=_colour("run", several),
            stroke=alt.Stroke("run:N", sort=None, legend=_legend()) if several else alt.value(_INKS[0]),
            opacity=alt.condition("datum.best", alt.value(1.0), alt.value(0.45)),
            tooltip=["run:N", "stage:N", "value:Q"],
        )
    )
    text = ", ".join(f"{row['stage']} {row['value']:.4g}" for row in rows)
    return _chart("stages", f"{metric} by stage, the best in full colour", text, drawn)


def phases(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """When each phase ran; the short ones before the job stay visible. ``rows``: phase, start, end, seconds, failed."""
    drawn = (
        alt.Chart(_data(rows))
        .mark_bar(height=14, minBandSize=2)
        .encode(
            x=alt.X("start:Q", title="seconds since the start", scale=alt.Scale(type="symlog", constant=0.1)),
            x2="end:Q",
            y=alt.Y("phase:N", sort=None, title=None),
            color=alt.Color(
                "failed:N", legend=None, scale=alt.Scale(domain=[False, True], range=[_INKS[0], "var(--bad)"])
            ),
            tooltip=["phase:N", alt.Tooltip("seconds:Q", format=".3f")],
        )
    )
    text = ", ".join(f"{row['phase']} {row['seconds']:.3g} s" for row in rows)
    return _chart("phases", "Phases", text, drawn, height=70 + 22 * len(rows))


def scatter(
    rows: Sequence[Mapping[str, Any]], numbers: Sequence[str], metrics: Sequence[str], wide: Sequence[str]
) -> Chart:
    """A parameter against a metric, both to be chosen on the page. ``rows``: run and a value for each name.

    ``wide``: the parameters that span decades. Vega-Lite can't change a scale's type on the page, so their logarithm is
    drawn on the one linear scale, and the labels are in the parameter's own numbers.
    """
    logarithmic = f"indexof({json.dumps(list(wide))}, parameter) >= 0"
    across = alt.param(name="parameter", value=numbers[0], bind=alt.binding_select(options=list(numbers), name="x: "))
    up = alt.param(name="metric", value=metrics[0], bind=alt.binding_select(options=list(metrics), name="y: "))
    drawn = alt.Chart(_data(rows)).mark_circle(size=46, opacity=0.65).add_params(across, up)
    drawn = drawn.transform_calculate(value="datum[parameter]", y="datum[metric]").transform_filter(
        "isValid(datum.value) && isValid(datum.y)"
    )
    drawn = drawn.transform_calculate(x=f"{logarithmic} ? log(datum.value) / LN10 : datum.value")
    labels = f"format({logarithmic} ? pow(10, datum.value) : datum.value, '~g')"
    decades = alt.Axis(labelExpr=labels, tickMinStep=alt.expr(f"{logarithmic} ? 1 : 0"))
    drawn = drawn.encode(
        x=alt.X("x:Q", title=None, scale=alt.Scale(zero=False), axis=decades),
        y=alt.Y("y:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.value(_INKS[0]),
        tooltip=[alt.Tooltip("run:N"), alt.Tooltip("value:Q", title="x"), alt.Tooltip("y:Q")],
    )
    return _chart("scatter", "A parameter and a metric", f"{len(rows)} runs", drawn, height=320)


def parallel(rows: Sequence[Mapping[str, Any]], axes: Sequence[str], metric: str) -> Chart:
    """Each run a line through its parameters. ``rows``: run, axis, place (0 to 1), value (text), score."""
    drawn = (
        alt.Chart(_data(rows))
        .mark_line(strokeWidth=1.2, opacity=0.65)
        .encode(
            x=alt.X("axis:N", sort=list(axes), title=None, axis=alt.Axis(labelAngle=-30, grid=True)),
            y=alt.Y("place:Q", axis=None),
            detail="run:N",
            color=alt.Color("score:Q", title=metric, scale=alt.Scale(range=_LOW_TO_HIGH, interpolate="hcl")),
            tooltip=["run:N", "axis:N", "value:N", "score:Q"],
        )
    )
    text = f"axes {', '.join(axes)}; lowest value at the bottom, highest at the top"
    return _chart("parallel", f"Parameters and {metric}", text, drawn, height=340)


def _colour(field: str, several: bool) -> Any:
    if not several:
        return alt.value(_INKS[0])
    return alt.Color(f"{field}:N", sort=None, legend=_legend())


def _legend() -> alt.Legend:
    """As many columns as there is room for labels that are not cut."""
    return alt.Legend(orient="top", title=None, columns=alt.expr("max(1, floor(width / 230))"), labelLimit=210)


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _chart(name: str, title: str, text: str, drawn: Any, height: int = HEIGHT) -> Chart:
    whole = drawn.properties(width="container", height=height, autosize={"type": "fit", "contains": "padding"})
    spec = whole.to_dict(validate=True)
    spec.pop("$schema", None)
    spec["config"] = _CONFIG
    return Chart(name, title, text, spec, height)
