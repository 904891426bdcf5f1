"""What the job left, read as the platform will read it: what its reader refuses is an error, the rest a warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from live_code.errors import ResultsError
from live_code.stages.request.task_config import Earlier, TaskConfig
from live_code.stages.results.values import (
    NOTHING_EARLIER,
    SPELLED_OUT,
    Problem,
    Problems,
    Results,
    Stage,
    stale,
    wrong,
)
from live_code.tools.terminal import log

__all__ = ["Problem", "Results", "Stage", "check", "collect", "count", "put_right", "summary"]

Reader = Callable[[TaskConfig, Results, Problems], Results]


def collect(task: TaskConfig, earlier: Earlier = NOTHING_EARLIER) -> Results:
    """Reads the outputs of every task of the request. Raises ResultsError naming all that the platform refuses.

    ``earlier``: what stood there before the job; it is none of its results.
    """
    results, problems = check(task, earlier)
    refused = tuple(problem for problem in problems if problem.refused)
    if refused:
        raise _as_error(refused)
    for problem in problems[:SPELLED_OUT]:
        log.warning(f"{problem.task}: {problem.text}. The platform takes these results")
    if len(problems) > SPELLED_OUT:
        log.warning(f"{len(problems) - SPELLED_OUT} more oddities: live-code verify shows them")
    return results


def put_right(task: TaskConfig, earlier: Earlier = NOTHING_EARLIER) -> None:
    """What the names of files alone would cost a training, also one that failed: the platform collects what it left."""
    if "training" not in task.tasks or stale(task.output["training_result_file"], earlier):
        return
    from live_code.stages.results import mend

    try:
        mend.training(task)
    except OSError as error:
        log.warning(f"{error.filename or 'a model file'} can't be put where the platform looks: {error.strerror}")


def check(task: TaskConfig, earlier: Earlier = NOTHING_EARLIER) -> tuple[Results, tuple[Problem, ...]]:
    """The results as far as they can be read, and all that the platform refuses in them, or that is odd."""
    results, readers = Results(), _readers()
    problems: list[Problem] = []
    for name in task.tasks:
        of_task = Problems()
        path = task.output[f"{name}_result_file"]
        if stale(path, earlier):
            of_task.append(wrong(f"no results: {path} is from an earlier run; this job wrote none"))
        else:
            results = readers[name](task, results, of_task)
        problems += of_task.of(name)
    if results.stages and earlier.training:
        from live_code.stages.results import training

        results = training.without(earlier.training, task, results)
    return results, tuple(problems)


def _readers() -> Mapping[str, Reader]:
    from live_code.stages.results import infer, mining, training  # a job's start does not wait for them

    return {"training": training.read, "mining": mining.read, "infer": infer.read}


def _as_error(problems: tuple[Problem, ...]) -> ResultsError:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    error = ResultsError(
        f"{first.task}: {first.text}{more}.",
        hint="The job ended well, but the platform can't use its results.",
        details="\n".join(f"{problem.task}: {problem.text}" for problem in problems),
    )
    error.return_code = first.code
    return error


def summary(results: Results) -> str:
    """What is there, in a line a task."""
    lines = []
    if results.stages:
        best = next((stage for stage in results.stages if stage.name == results.best_stage), results.stages[0])
        scores = ", ".join(f"{name} {value:.4g}" for name, value in best.metrics.items())
        lines.append(f"training: {count(len(results.stages), 'stage')}, best {best.name}: {scores}")
    if results.mined >= 0:
        lines.append(f"mining: {count(results.mined, 'image')} scored")
    if results.inferred >= 0:
        lines.append(f"infer: {count(results.inferred, 'image')}, {count(results.boxes, 'annotation')}")
    return "\n".join(lines)


def count(number: int, noun: str) -> str:
    """In words: ``1 stage``, ``2 stages``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
