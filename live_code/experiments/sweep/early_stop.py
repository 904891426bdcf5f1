"""Early stop: Ray Tune's asynchronous successive halving, told what the jobs themselves have reported so far.

What a job reports is what the platform reads anyway: a stage with its metrics in result.yaml, or a scalar of its
tensorboard files. Only Tune's scheduler is used: it decides from (run, step, value) alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live_code.errors import LiveCodeError, MissingExtra
from live_code.experiments.sweep.outcome import Reason
from live_code.experiments.sweep.spec import EarlyStop
from live_code.job.ymir_exc import protocol
from live_code.stages import results
from live_code.stages.request import task_config
from live_code.values import NamedTuple

_STEP, _VALUE = "step", "value"


class Trial(NamedTuple):
    """All that the scheduler asks of a trial."""

    trial_id: str


class Halving:
    """A Judge. Raises MissingExtra where Ray Tune is not installed."""

    def __init__(self, options: EarlyStop) -> None:
        try:
            from ray.tune.schedulers import ASHAScheduler, TrialScheduler
        except ImportError as error:
            raise MissingExtra("ray", error) from error
        self._options = options
        self._stop = TrialScheduler.STOP
        self._scheduler: Any = ASHAScheduler(
            time_attr=_STEP,
            metric=_VALUE,
            mode=options.goal,
            grace_period=options.grace,
            reduction_factor=options.reduction,
            max_t=max(options.longest, options.grace),
            stop_last_trials=False,
        )
        self._steps: dict[str, int] = {}
        self._stages: dict[str, dict[str, int]] = {}

    def review(self, run_id: str, folder: Path) -> Reason | None:
        """Learns what the run has reported since the last look; why it is to be stopped, if it is."""
        trial = Trial(run_id)
        if run_id not in self._steps:
            self._steps[run_id] = -1
            self._scheduler.on_trial_add(None, trial)
        for step, value in reported(folder, self._options.metric, self._stages.setdefault(run_id, {})):
            if step <= self._steps[run_id]:
                continue
            self._steps[run_id] = step
            if self._scheduler.on_trial_result(None, trial, {_STEP: step, _VALUE: value}) == self._stop:
                return Reason(self._options.metric, step, value)
        return None


def reported(folder: Path, metric: str, stages: dict[str, int]) -> Iterator[tuple[int, float]]:
    """(step, value) of a run so far, by step. One of the platform's metrics: its stages, counted from 1; else a scalar.

    ``stages``: the step of each stage that was seen before, new ones are added: the platform keeps the last few only.
    """
    if metric in (*protocol.FRACTION_METRICS, *protocol.COUNT_METRICS):
        yield from _stages(folder, metric, stages)
    else:
        yield from _scalars(folder, metric)


def _stages(folder: Path, metric: str, seen: dict[str, int]) -> Iterator[tuple[int, float]]:
    try:
        collected, _ = results.check(task_config.load(task_config.Folders(folder / "in", folder / "out")))
    except (LiveCodeError, OSError):
        return
    for stage in sorted(collected.stages, key=lambda stage: stage.timestamp):
        if metric in stage.metrics:
            yield seen.setdefault(stage.name, len(seen) + 1), stage.metrics[metric]


def _scalars(folder: Path, tag: str) -> Iterator[tuple[int, float]]:
    from live_code.records.report import curves

    for curve in curves.below(folder / "out" / "tensorboard"):
        if curve.tag == tag:
            yield from zip(curve.steps, curve.values, strict=True)
