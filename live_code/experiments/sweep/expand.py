"""From a spec and its resolved commits to the runs. Pure: the same spec and commits give the same runs, in order."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from live_code.errors import ConfigError
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.spec import GRID, RANDOM, Aim, Dimension, Search, Spec, as_number
from live_code.tools import files
from live_code.values import NamedTuple

MOST = 100_000


class Run(NamedTuple):
    """``params``: the hyper-parameters that stand in place of the task's own. ``repeat``: which of several times.

    ``id`` is the same whenever commit, params, repeat and task folder are: what is done is known by it.
    """

    id: str
    commit: Commit
    params: Mapping[str, Any]
    repeat: int = 0


class Study(NamedTuple):
    """Runs whose hyper-parameters are chosen on the way, by a searcher that learns: ``samples`` of them."""

    commit: Commit
    params: Mapping[str, Any]
    samples: int


class Plan(NamedTuple):
    """``runs`` are known now; each of ``studies`` gives more. ``task``: the fingerprint of the task folder. ``aim``:
    what they are compared by."""

    runs: tuple[Run, ...]
    studies: tuple[Study, ...] = ()
    task: str = ""
    aim: Aim = Aim()

    @property
    def commits(self) -> tuple[str, ...]:
        """The ids of all commits that are run."""
        return tuple(dict.fromkeys([run.commit.id for run in self.runs] + [study.commit.id for study in self.studies]))

    @property
    def size(self) -> int:
        return len(self.runs) + sum(study.samples for study in self.studies)


def expand(spec: Spec, commits: Sequence[Commit], task: str) -> Plan:
    """All commits with all settings: commit after commit, so that what is built for one is used at once.

    Raises ConfigError when there would be more runs than anyone wants.
    """
    rows = settings(spec)
    learns = spec.search if spec.search and spec.search.kind not in (GRID, RANDOM) else None
    plan = Plan((), (), task, spec.aim)
    most = len(commits) * len(rows) * (learns.samples if learns else spec.repeats)
    if most > MOST:
        raise ConfigError(f"{spec.path} asks for {most} runs.", hint=f"Ask for {MOST} at most.")
    if learns:
        return plan._replace(studies=tuple(Study(commit, row, learns.samples) for commit in commits for row in rows))
    every = itertools.product(commits, rows, range(spec.repeats))
    return plan._replace(runs=unique(run(commit, row, task, repeat) for commit, row, repeat in every))


def run(commit: Commit, params: Mapping[str, Any], task: str, repeat: int = 0) -> Run:
    identity = [commit.id, dict(params), task, *([repeat] if repeat else [])]
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, default=str)
    return Run(files.sha256_text(text)[:12], commit, params, repeat)


def settings(spec: Spec) -> tuple[dict[str, Any], ...]:
    """The hyper-parameters of the runs of one commit: the matrix without what is excluded, then what is included; each
    with every point of a grid or random search, which are the same points for all commits: so commits are compared."""
    excluded = [tuple(row.items()) for row in spec.exclude]
    rows = [
        row
        for row in _product(spec.matrix)
        if not any(all(key in row and row[key] == value for key, value in items) for items in excluded)
    ]
    if not spec.matrix and spec.include:
        rows = []
    rows += [dict(row) for row in spec.include]
    points = list(_points(spec.search)) if spec.search else [{}]
    if len(rows) * len(points) > MOST:
        raise ConfigError(f"{spec.path} asks for {len(rows) * len(points)} runs of each commit.", hint="Ask for fewer.")
    return tuple({**spec.fixed, **row, **point} for row in rows for point in points)


def unique(runs: Iterator[Run]) -> tuple[Run, ...]:
    """Two rows may say the same."""
    found: dict[str, Run] = {}
    for item in runs:
        same = json.dumps([item.commit.id, _values(item.params), item.repeat], sort_keys=True, default=str)
        found.setdefault(same, item)
    return tuple(found.values())


def _values(params: Mapping[str, Any]) -> dict[str, Any]:
    """With 1e-4, which YAML reads as a text, as the number that 0.0001 is."""
    return {key: as_number(value) for key, value in params.items()}


def grid(dimension: Dimension) -> tuple[Any, ...]:
    """The values of a dimension in a grid: evenly spaced, by factors for log_uniform."""
    if dimension.kind == "choice":
        return dimension.values
    low, high = dimension.values
    if dimension.steps == 1:
        return (low,)
    parts = [number / (dimension.steps - 1) for number in range(dimension.steps)]
    if dimension.kind == "log_uniform":
        return tuple(_short(low * (high / low) ** part) for part in parts)
    if dimension.kind == "int":
        return tuple(dict.fromkeys(round(low + (high - low) * part) for part in parts))
    return tuple(_short(low + (high - low) * part) for part in parts)


def sample(dimension: Dimension, dice: random.Random) -> Any:
    if dimension.kind == "choice":
        return dice.choice(dimension.values)
    low, high = dimension.values
    if dimension.kind == "int":
        return dice.randint(low, high)
    if dimension.kind == "log_uniform":
        return min(max(_short(math.exp(dice.uniform(math.log(low), math.log(high)))), low), high)
    return min(max(_short(dice.uniform(low, high)), low), high)


def _points(search: Search) -> Iterator[dict[str, Any]]:
    if search.kind == GRID:
        yield from _product({key: grid(dimension) for key, dimension in search.space.items()})
    elif search.kind == RANDOM:
        dice = random.Random(search.seed)  # noqa: S311 - no secret
        for _ in range(search.samples):
            yield {key: sample(dimension, dice) for key, dimension in search.space.items()}
    else:
        yield {}


def _product(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    if math.prod(len(column) for column in values.values()) > MOST:
        raise ConfigError(f"the matrix of {', '.join(values)} has more than {MOST} rows.", hint="Ask for fewer.")
    for row in itertools.product(*values.values()):
        yield dict(zip(values, row, strict=True))


def _short(number: float) -> float:
    """Six digits: what a person can read in a table, and what reads back as the same number."""
    return float(f"{number:.6g}")
