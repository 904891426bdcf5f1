"""What a person reads of a sweep: the plan, each run in a line, the leaderboard by commit, what failed and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from live_code.errors import is_it
from live_code.experiments.sweep import outcome, row
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.expand import Plan, Run
from live_code.experiments.sweep.process import LOG
from live_code.experiments.sweep.row import Row
from live_code.experiments.sweep.spec import MAX, Aim
from live_code.job.ymir_exc import protocol
from live_code.records import listing
from live_code.stages.record.serialize import plain
from live_code.tools.terminal import table

SHORT = 12
_LONGEST = 40


def plan(plan: Plan) -> Iterator[str]:
    keys = varied([run.params for run in plan.runs])
    rows = [(run.id, *commit(run.commit), *cells(run, keys)) for run in plan.runs]
    if rows:
        yield from table.lines(("run", "commit", "what", *keys), rows)
    for study in plan.studies:
        line = f"{study.commit.id[:SHORT]}  {study.samples} samples, chosen on the way  {settings(study.params)}"
        yield line.rstrip()
    yield f"{several(plan.size, 'run')} of {several(len(plan.commits), 'commit')}"


def plan_json(plan: Plan) -> str:
    listed = [row.as_json(run) for run in plan.runs]
    studies = [
        {"commit": study.commit.id, "params": plain(dict(study.params)), "samples": study.samples}
        for study in plan.studies
    ]
    document = {"runs": listed, "studies": studies, "task": plan.task, **plan.aim._asdict()}
    return json.dumps(document, indent=2, ensure_ascii=False)


def commit(commit: Commit) -> tuple[str, str]:
    """The id as people write it, and what it is: its name, else its subject."""
    title = commit.name or commit.subject
    return commit.id[:SHORT], title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"


def varied(params: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The hyper-parameters in which the runs differ; all that are set when there is but one run."""
    keys = dict.fromkeys(key for row in params for key in row)
    differ = (key for key in keys if len({repr(row.get(key, "")) for row in params}) > 1)
    return tuple(differ) if len(params) > 1 else tuple(keys)


def cells(run: Run, keys: Sequence[str]) -> tuple[str, ...]:
    params = plain(dict(run.params))
    return tuple(_cell(params.get(key, "-")) for key in keys)


def settings(params: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_cell(value)}" for key, value in plain(dict(params)).items())


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def short(row: Row, hidden: Collection[str] = ()) -> str:
    """A run in one line, as it stands. ``hidden``: hyper-parameters that all runs have alike."""
    run, stands = row.run, row.outcome
    params = {key: value for key, value in run.params.items() if key not in hidden}
    parts = [stands.state, run.id, run.commit.id[:SHORT], settings(params), metrics(stands.metrics)]
    if stands.state in (outcome.DONE, outcome.EARLY, outcome.FAILED) and stands.seconds:
        parts.append(f"in {listing.duration(stands.seconds)}")
    if row.where:
        parts.append(f"on {row.where}")
    return "  ".join(filter(None, parts))


def several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def metrics(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())


def counts(rows: Iterable[Row], size: int = 0) -> str:
    """``40 runs: 38 done, 2 failed``."""
    states = Counter(row.outcome.state for row in rows)
    states[outcome.WAITING] += max(0, size - states.total())
    return f"{several(states.total(), 'run')}: " + ", ".join(
        f"{number} {state}" for state, number in states.items() if number
    )


def without_aim(rows: Sequence[Row], aim: Aim) -> str:
    """The message when no run has the metric that the sweep is for; '' else, and while none has ended."""
    known = dict.fromkeys(name for row in rows for name in row.outcome.metrics)
    if not aim.metric or not known or aim.metric in known:
        return ""
    return f"no run has the metric {aim.metric}; they have {', '.join(known)}. {is_it(aim.metric, known)}".rstrip()


def leaderboard(rows: Sequence[Row], aim: Aim) -> Iterator[str]:
    """Commits in the order of their best run; by what the platform judges by, where no run has the aim's metric."""
    metric, goal = aim if any(aim.metric in row.outcome.metrics for row in rows) else Aim(main_metric(rows))
    measured = [row for row in rows if row.outcome.state in outcome.FINISHED and metric in row.outcome.metrics]
    if not measured:
        return
    groups: dict[str, list[Row]] = {}
    for measurement in measured:
        groups.setdefault(measurement.run.commit.id, []).append(measurement)
    better = max if goal == MAX else min
    best = {key: better(group, key=lambda row: row.outcome.metrics[metric]) for key, group in groups.items()}
    keys = varied([row.run.params for row in rows])
    head = ("commit", "what", "runs", f"best {metric}", "mean", "run", *keys)
    order = sorted(best, key=lambda key: best[key].outcome.metrics[metric], reverse=goal == MAX)
    cells_of = [_place(groups[key], best[key], metric, keys) for key in order]
    yield from table.lines(head, cells_of, right=frozenset({"runs", f"best {metric}", "mean"}))


def failures(rows: Sequence[Row], place: Path) -> Iterator[str]:
    """Each that failed, why, and its log in the sweep's folder."""
    shown = varied([failed.run.params for failed in rows])
    for failed in rows:
        if failed.outcome.state == outcome.FAILED:
            line = short(failed, hidden=failed.run.params.keys() - shown)
            yield f"{line}  {failed.outcome.kind}: {failed.outcome.why}  {place / row.RUNS / failed.run.id / LOG}"


def main_metric(rows: Iterable[Row]) -> str:
    names = dict.fromkeys(name for row in rows for name in row.outcome.metrics)
    return next((name for name in (*protocol.MAIN_METRICS, *names) if name in names), "")


def _place(group: Sequence[Row], best: Row, metric: str, keys: Sequence[str]) -> tuple[str, ...]:
    values = [row.outcome.metrics[metric] for row in group]
    mean = sum(values) / len(values)
    run = best.run
    columns = (str(len(group)), f"{best.outcome.metrics[metric]:.4g}", f"{mean:.4g}", run.id)
    return (*commit(run.commit), *columns, *cells(run, keys))
