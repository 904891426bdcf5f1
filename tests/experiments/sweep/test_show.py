"""What a person reads of a sweep: the leaderboard, a run in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.experiments.sweep import outcome, summary
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.engine import HERE
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome
from live_code.experiments.sweep.row import Row
from live_code.experiments.sweep.spec import MIN, Aim


def row(commit: str, state: str = outcome.DONE, **metrics: float) -> Row:
    return Row(Run(f"run-{commit}-{len(metrics)}", Commit(commit * 40), {}), Outcome(state, metrics))


ROWS = (row("a", mAP=0.5, fn=9), row("a", fn=3), row("b", mAP=0.9, fn=6), row("c", outcome.FAILED, mAP=1.0))


@pytest.mark.parametrize(
    ("aim", "best"),
    [
        (Aim(), ["b 1 0.9 0.9", "a 1 0.5 0.5"]),
        (Aim("fn", MIN), ["a 2 3 6", "b 1 6 6"]),
        (Aim("fn"), ["a 2 9 6", "b 1 6 6"]),
        (Aim("loss", MIN), ["b 1 0.9 0.9", "a 1 0.5 0.5"]),
    ],
    ids=["the platform's", "less is better", "more is better", "none has it"],
)
def test_the_leaderboard_is_by_what_the_sweep_is_for(aim: Aim, best: list[str]) -> None:
    lines = [line.split() for line in summary.leaderboard(ROWS, aim)]
    assert [" ".join([line[0][0], *line[1:4]]) for line in lines[1:]] == best


def test_what_all_runs_have_alike_is_not_told_of_each() -> None:
    rows = [
        row("a", outcome.FAILED)._replace(run=Run("r", Commit("a" * 40), {"epochs": 3, "rate": rate}))
        for rate in (1, 2)
    ]
    log = "s/runs/r/live-code.log"
    told = [line.split()[3:] for line in summary.failures(rows, Path("s"))]
    assert told == [["rate=1", ":", log], ["rate=2", ":", log]]


def test_a_place_is_told_only_where_there_are_several() -> None:
    assert " on " not in summary.short(row("a", mAP=1)._replace(node=HERE))
    assert summary.short(row("a", mAP=1)._replace(node="one/4f")).endswith("on one/4f")


def test_a_metric_that_no_run_has_is_asked_for() -> None:
    assert summary.without_aim(ROWS, Aim("mAp")).endswith("they have mAP, fn. Is it mAP?")
    assert summary.without_aim(ROWS, Aim("fn")) == ""
    assert summary.without_aim((), Aim("loss")) == ""
