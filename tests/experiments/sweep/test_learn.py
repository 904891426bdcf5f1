"""Early stop by Ray Tune and searches by Optuna and Ray Tune: the libraries themselves, on numbers and on real runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live_code.errors import ConfigError
from live_code.experiments.sweep import expand, outcome, row
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.early_stop import Halving
from live_code.experiments.sweep.expand import Plan, Study
from live_code.experiments.sweep.outcome import Outcome
from live_code.experiments.sweep.search import Studies
from live_code.experiments.sweep.spec import OPTUNA, TUNE, Dimension, EarlyStop, Search
from live_code.stages.record import reading
from tests.support import sweeps
from tests.support.sweeps import Stage, records, sweep

pytestmark = pytest.mark.slow

A, B = Commit("a" * 40), Commit("b" * 40)
SPACE = {
    "rate": Dimension("log_uniform", (0.001, 1.0)),
    "width": Dimension("int", (1, 8)),
    "layers": Dimension("choice", ([8, 8], [16], "none", 3)),
    "drop": Dimension("uniform", (0.0, 0.5)),
}


def value_of(params: Any) -> float:
    """Best, 0, where rate is near 0.1 and width is 4."""
    return -abs(float(params["rate"]) - 0.1) - abs(params["width"] - 4) / 8


def played(choice: Studies, place: Path) -> Iterator[tuple[expand.Run, float]]:
    """Runs each as soon as it is asked for, and keeps it as a sweep does."""
    while run := choice.next():
        row.note(place / "runs" / run.id, run)
        choice.tell(run, Outcome(outcome.DONE, {"score": value_of(run.params)}))
        yield run, value_of(run.params)


@pytest.mark.parametrize(("kind", "searcher"), [(OPTUNA, ""), (TUNE, "optuna")])
def test_a_search_that_learns_gets_better(kind: str, searcher: str, tmp_path: Path) -> None:
    space = {name: SPACE[name] for name in ("rate", "width")} if kind == TUNE else SPACE
    search = Search(kind, space, samples=40, seed=3, metric="score", searcher=searcher)
    plan = Plan((), (Study(A, {"epochs": 1}, 40),), "t")
    found = list(played(Studies(plan, search, tmp_path), tmp_path))
    values = [value for _, value in found]
    assert len(found) == 40
    assert sum(values[-10:]) > sum(values[:10])
    for run, _ in found:
        assert run.params["epochs"] == 1
        assert 0.001 <= run.params["rate"] <= 1.0
        assert run.params["width"] in range(1, 9)
        assert "layers" not in run.params or run.params["layers"] in SPACE["layers"].values


def test_each_commit_has_a_search_of_its_own_and_the_one_that_waits_least_is_next(tmp_path: Path) -> None:
    plan = Plan((), (Study(A, {}, 2), Study(B, {}, 2)), "t")
    choice = Studies(plan, Search(OPTUNA, SPACE, samples=2, metric="score"), tmp_path)
    first, second = choice.next(), choice.next()
    assert first is not None
    assert second is not None
    assert (first.commit, second.commit) == (A, B)
    choice.tell(second, Outcome(outcome.FAILED))
    third = choice.next()
    assert third is not None
    assert third.commit == B


def test_a_search_that_is_started_again_keeps_what_was_found_and_asks_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(OPTUNA, SPACE, samples=6, seed=1, metric="score")
    plan = Plan((), (Study(A, {}, 6),), "t")
    game = played(Studies(plan, search, tmp_path), tmp_path)
    before = [next(game)[0] for _ in range(4)]
    done = {run.id: Outcome(outcome.DONE, {"score": value_of(run.params)}) for run in before[:3]}
    monkeypatch.setattr(outcome, "of", lambda folder: done.get(folder.name, Outcome(outcome.FAILED)))
    again = Studies(plan, search, tmp_path)
    handed = [run.id for run in iter(again.next, None)]
    assert set(handed[:3]) == set(done)
    assert len(set(handed)) == 6


def test_a_searcher_that_is_not_there_is_named(tmp_path: Path) -> None:
    search = Search(TUNE, {"rate": SPACE["rate"]}, samples=2, metric="score", searcher="hyperopt")
    with pytest.raises(ConfigError, match="Ray Tune's searcher 'hyperopt' can't be used"):
        Studies(Plan((), (Study(A, {}, 2),), "t"), search, tmp_path)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = sweeps.stage(tmp_path)
    made.commits([1.0])
    return made


def test_optuna_searches_with_real_runs_and_goes_on_where_it_was(stage: Stage) -> None:
    search = {"with": "optuna", "samples": 4, "metric": "mAP", "space": {"rate": {"uniform": [0.1, 0.9]}}}
    stage.asks(commits="main", search=search)
    first = sweep(stage)
    assert first.stdout.splitlines()[-1] == "4 runs: 4 done", first.stderr
    before = {one.id for one in records(stage)}
    stage.asks(commits="main", search={**search, "samples": 6})
    assert sweep(stage).stdout.splitlines()[-1] == "6 runs: 6 done"
    assert before < {one.id for one in records(stage)}
    assert len({one.config["rate"] for one in records(stage)}) == 6


def test_a_run_that_is_worse_than_others_is_stopped_and_what_it_wrote_stays_valid(stage: Stage) -> None:
    """One after the other, the best first: the others reach the first rung and are worse."""
    stage.asks(
        commits="main",
        set={"stages": 4, "sleep": 12},
        include=[{"rate": 0.9, "sleep": 0}, {"rate": 0.2}],
        early_stop={"metric": "mAP", "grace": 1, "reduction": 2, "longest": 4},
        max_parallel=1,
    )
    done = sweep(stage)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 runs: 1 done, 1 stopped early"
    (stopped,) = (one for one in records(stage) if one.state == "failed")
    assert stopped.config["rate"] == 0.2
    assert stopped.get("error", "kind") == "STOPPED"
    best = outcome.of(stopped.out.parent)
    assert best.state == outcome.EARLY
    assert 0.05 <= best.metrics["mAP"] < 0.2
    again = sweep(stage)
    assert again.stdout.splitlines()[-1] == "2 runs: 1 done, 1 stopped early"
    assert reading.read(stopped.out).id == stopped.id


@pytest.mark.parametrize(("goal", "stopped"), [("max", ["low"]), ("min", ["high"])])
def test_a_scalar_of_tensorboard_serves_as_well(tmp_path: Path, goal: str, stopped: list[str]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    judge = Halving(EarlyStop("val/loss", goal, grace=10, reduction=2, longest=100))
    ended = []
    for name, value in [("middle", 0.5), ("low", 0.1), ("high", 0.9)]:
        writer = EventFileWriter(str(tmp_path / name / "out" / "tensorboard"))
        for step in (5, 10):
            summary = Summary(value=[Summary.Value(tag="val/loss", simple_value=value)])
            writer.add_event(Event(wall_time=1, step=step, summary=summary))
        writer.close()
        if judge.review(name, tmp_path / name):
            ended.append(name)
    assert ended == stopped
