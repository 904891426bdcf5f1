"""Searches that learn from what has ended: Optuna's samplers, or one of Ray Tune's searchers, asked and told.

Nothing of a search is kept but the runs' own folders: a sweep that is started again tells what they say once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from live_code.errors import ConfigError, MissingExtra
from live_code.experiments.sweep import expand, outcome, row
from live_code.experiments.sweep.expand import Plan, Run, Study
from live_code.experiments.sweep.outcome import Outcome
from live_code.experiments.sweep.row import RUNS, Row
from live_code.experiments.sweep.spec import MAX, OPTUNA, TUNE, Dimension, Search
from live_code.tools.terminal import log

# A small space has no more points to give after so many that were there already.
_TIRED = 100


class Searcher(Protocol):
    """One search. ``value`` None: the point gave none (the run failed)."""

    def ask(self) -> tuple[str, Mapping[str, Any]]:
        """A name for the point, and the point."""

    def tell(self, name: str, value: float | None) -> None: ...

    def learn(self, point: Mapping[str, Any], value: float) -> None:
        """A point that it did not ask for, or that it asked for in an earlier life."""


class _Open:
    """A study on its way. ``left``: how many points are still to be asked for; ``waiting``: how many have no answer;
    ``again``: how often a point came that had been there."""

    def __init__(self, study: Study, searcher: Searcher, left: int) -> None:
        self.study = study
        self.searcher = searcher
        self.left = left
        self.waiting = 0
        self.again = 0


class Studies:
    """A Choice: for each study so many points, asked for one by one, told when their runs have ended. The study that
    waits for the fewest answers is asked next: it has learned the most of what it can have learned."""

    def __init__(self, plan: Plan, search: Search, place: Path) -> None:
        self._search = search
        self._task = plan.task
        self._resumed: list[Run] = []
        self._proposed: dict[str, tuple[_Open, str]] = {}
        self._seen: set[str] = set()
        earlier = [known for known in _earlier(place) if known.outcome.state in outcome.FINISHED]
        self._studies = [self._begun(study, number, earlier) for number, study in enumerate(plan.studies)]

    def next(self) -> Run | None:
        if self._resumed:
            return self._resumed.pop()
        while studies := [study for study in self._studies if study.left]:
            study = min(studies, key=lambda study: study.waiting)
            name, point = study.searcher.ask()
            run = expand.run(study.study.commit, {**study.study.params, **point}, self._task)
            if run.id not in self._seen:
                self._seen.add(run.id)
                self._proposed[run.id] = (study, name)
                study.left, study.waiting = study.left - 1, study.waiting + 1
                return run
            study.searcher.tell(name, None)  # the same point once more is no news
            study.again += 1
            if study.again > _TIRED:
                study.left = 0
        return None

    def tell(self, run: Run, outcome: Outcome) -> None:
        if run.id in self._proposed:
            study, name = self._proposed[run.id]
            study.waiting -= 1
            study.searcher.tell(name, outcome.metrics.get(self._search.metric))

    def _begun(self, study: Study, number: int, earlier: Iterable[Row]) -> _Open:
        """A study with what an earlier start of the sweep has found out."""
        known = []
        for entry in earlier:
            point = {key: entry.run.params.get(key) for key in self._search.space}
            if expand.run(study.commit, {**study.params, **point}, self._task).id == entry.run.id:
                known.append((entry, point))
        known = known[: study.samples]
        # dice that begin anew would fall as they fell before
        seed = (self._search.seed * 1000 + number) * 1000 + len(known)
        searcher = _SEARCHERS[self._search.kind](self._search, seed)
        for entry, point in known:
            self._resumed.append(entry.run)
            self._seen.add(entry.run.id)
            if self._search.metric in entry.outcome.metrics:
                searcher.learn(point, entry.outcome.metrics[self._search.metric])
        return _Open(study, searcher, study.samples - len(known))


class OptunaSearcher:
    """Optuna's own default, the TPE sampler."""

    def __init__(self, search: Search, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise MissingExtra("optuna", error) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        make = optuna.distributions
        kinds = {
            "choice": lambda values: make.CategoricalDistribution([_key(value) for value in values]),
            "uniform": lambda values: make.FloatDistribution(*values),
            "log_uniform": lambda values: make.FloatDistribution(*values, log=True),
            "int": lambda values: make.IntDistribution(*values),
        }
        self._space = search.space
        self._distributions = {key: kinds[dimension.kind](dimension.values) for key, dimension in search.space.items()}
        direction = "maximize" if search.goal == MAX else "minimize"
        self._study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
        self._made = optuna.trial.create_trial
        self._failed = optuna.trial.TrialState.FAIL
        self._trials: dict[str, Any] = {}

    def ask(self) -> tuple[str, Mapping[str, Any]]:
        trial = self._study.ask(self._distributions)
        name = str(trial.number)
        self._trials[name] = trial
        return name, {key: _value(self._space[key], value) for key, value in trial.params.items()}

    def tell(self, name: str, value: float | None) -> None:
        if value is None:
            self._study.tell(self._trials[name], state=self._failed)
        else:
            self._study.tell(self._trials[name], value)

    def learn(self, point: Mapping[str, Any], value: float) -> None:
        params = {key: _key(item) if self._space[key].kind == "choice" else item for key, item in point.items()}
        self._study.add_trial(self._made(params=params, distributions=self._distributions, value=value))


class TuneSearcher:
    """One of Ray Tune's, by its name: hyperopt, bayesopt, optuna, ... Each wants its own package."""

    def __init__(self, search: Search, seed: int) -> None:
        try:
            from ray import tune
            from ray.tune.search import create_searcher
        except ImportError as error:
            raise MissingExtra("ray", error) from error
        kinds = {
            "choice": lambda values: tune.choice(list(values)),
            "uniform": lambda values: tune.uniform(*values),
            "log_uniform": lambda values: tune.loguniform(*values),
            "int": lambda values: tune.randint(values[0], values[1] + 1),
        }
        space = {key: kinds[dimension.kind](dimension.values) for key, dimension in search.space.items()}
        self._metric = search.metric
        self._count = 0
        try:
            self._searcher: Any = create_searcher(search.searcher)
            self._searcher.set_search_properties(search.metric, search.goal, space)
        except (ImportError, AssertionError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ConfigError(
                f"Ray Tune's searcher {search.searcher!r} can't be used: {reason}",
                hint="Install its package, or name another.",
            ) from error

    def ask(self) -> tuple[str, Mapping[str, Any]]:
        self._count += 1
        name = str(self._count)
        point = self._searcher.suggest(name)
        if not isinstance(point, dict):
            raise ConfigError("Ray Tune's searcher has no more points to try.", hint="Ask for fewer samples.")
        return name, point

    def tell(self, name: str, value: float | None) -> None:
        result = None if value is None else {self._metric: value}
        self._searcher.on_trial_complete(name, result=result, error=value is None)

    def learn(self, point: Mapping[str, Any], value: float) -> None:
        try:
            self._searcher.add_evaluated_point(dict(point), value)
        except (NotImplementedError, AttributeError):
            log.info("this searcher can't be told what an earlier start has found out; it begins anew")


_SEARCHERS: Mapping[str, Callable[[Search, int], Searcher]] = {OPTUNA: OptunaSearcher, TUNE: TuneSearcher}


def _earlier(place: Path) -> Iterable[Row]:
    for about in sorted(place.glob(f"{RUNS}/*/{row.ABOUT}")):
        try:
            yield row.read(about.parent)
        except (OSError, ValueError):
            continue


def _key(value: Any) -> Any:
    """Optuna's categories are plain; a list or mapping stands as its text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _value(dimension: Dimension, value: Any) -> Any:
    if dimension.kind != "choice":
        return value
    return next(choice for choice in dimension.values if _key(choice) == value and type(_key(choice)) is type(value))
