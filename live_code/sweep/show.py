"""What a person reads of a sweep: the plan as a table, and each run's settings in a few words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from live_code import table
from live_code.sweep.commits import Commit
from live_code.sweep.expand import Plan, Run

SHORT = 12
_LONGEST = 40


def plan(plan: Plan) -> Iterator[str]:
    keys = varied([run.params for run in plan.runs])
    rows = [(run.id, *commit(run.commit), *cells(run, keys)) for run in plan.runs]
    if rows:
        yield from table.lines(("run", "commit", "what", *keys), rows)
    for study in plan.studies:
        said = f"{study.commit.id[:SHORT]}  {study.samples} samples, chosen on the way  {settings(study.params)}"
        yield said.rstrip()
    commits = {run.commit.id for run in plan.runs} | {study.commit.id for study in plan.studies}
    yield f"{plan.size} runs of {len(commits)} commits"


def plan_json(plan: Plan) -> str:
    runs = [as_json(run) for run in plan.runs]
    studies = [{"commit": study.commit.id, "params": study.params, "samples": study.samples} for study in plan.studies]
    return json.dumps({"runs": runs, "studies": studies, "task": plan.task}, indent=2, ensure_ascii=False, default=str)


def as_json(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "commit": run.commit.id,
        "name": run.commit.name,
        "subject": run.commit.subject,
        "params": dict(run.params),
        "repeat": run.repeat,
    }


def commit(commit: Commit) -> tuple[str, str]:
    """The id as people write it, and what it is: its name, else its subject."""
    what = commit.name or commit.subject
    return commit.id[:SHORT], what if len(what) <= _LONGEST else f"{what[: _LONGEST - 1]}…"


def varied(params: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The hyper-parameters in which the runs differ; all that are set when there is but one run."""
    keys = dict.fromkeys(key for row in params for key in row)
    differ = (key for key in keys if len({repr(row.get(key, "")) for row in params}) > 1)
    return tuple(differ) if len(params) > 1 else tuple(keys)


def cells(run: Run, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cell(run.params.get(key, "-")) for key in keys)


def settings(params: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_cell(value)}" for key, value in params.items())


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
