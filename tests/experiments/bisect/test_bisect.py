"""`live-code bisect`: from how runs ended to the commit that lost the metric."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code.errors import ConfigError
from live_code.experiments.bisect import choice
from live_code.experiments.bisect.choice import Bisection, Finding, Question
from live_code.experiments.bisect.search import BAD, GOOD, UNCLEAR
from live_code.experiments.sweep import outcome
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome
from live_code.records import listing
from tests.support import sweeps
from tests.support.sweeps import Stage

LINE = tuple(Commit(f"{number:040x}", "", f"Change {number}") for number in range(65))
ASKED = Question(LINE, listing.parse("mAP>=0.5"), {"lr": 0.1}, "task")


def done(score: float) -> Outcome:
    return Outcome(outcome.DONE, {"mAP": score}, 1.0, 2.0)


def play(asked: Question, ends: Callable[[Run], Outcome]) -> tuple[Finding, list[Run]]:
    """Hands all runs out one after the other; returns what was found and which runs it took."""
    bisection, made = Bisection(asked, lambda text: None), []
    while run := bisection.next():
        assert run.id not in [one.id for one in made]
        made.append(run)
        bisection.tell(run, ends(run))
    return bisection.finding(), made


def number(run: Run) -> int:
    return int(run.commit.id, 16)


@pytest.mark.parametrize("culprit", [1, 2, 31, 32, 33, 63, 64])
def test_the_first_commit_without_the_metric_is_found_in_seven_runs_of_sixty_four(culprit: int) -> None:
    found, made = play(ASKED, lambda run: done(0.4 if number(run) >= culprit else 0.8))
    assert found.suspects == (LINE[culprit],)
    assert found.before == LINE[culprit - 1]
    assert len(made) <= 7


def test_only_one_commit_is_run_at_a_time() -> None:
    bisection = Bisection(ASKED, lambda text: None)
    assert bisection.next() is not None
    assert bisection.next() is None


def test_the_runs_of_a_flaky_metric_are_handed_out_together_but_no_more_than_decide() -> None:
    bisection = Bisection(ASKED._replace(times=3), lambda text: None)
    first, second = bisection.next(), bisection.next()
    assert first is not None
    assert second is not None
    assert first.commit == second.commit
    assert (first.repeat, second.repeat, bisection.next()) == (0, 1, None)
    bisection.tell(first, done(0.9))
    bisection.tell(second, done(0.1))
    third = bisection.next()
    assert third is not None
    assert (third.commit, third.repeat) == (first.commit, 2)


def test_a_flaky_metric_is_decided_by_most_of_its_runs() -> None:
    found, made = play(
        ASKED._replace(times=3), lambda run: done(0.8 if (number(run) < 20) == (run.repeat != 1) else 0.1)
    )
    assert found.suspects == (LINE[20],)
    assert len(made) <= 3 * 7


def test_a_failed_run_says_nothing_of_the_metric() -> None:
    failed = Outcome(outcome.FAILED, kind="JOB", why="job: it crashed")
    found, _ = play(ASKED, lambda run: failed if number(run) == 32 else done(0.4 if number(run) >= 33 else 0.8))
    assert found.suspects == (LINE[32], LINE[33])
    assert [trial.verdict for trial in found.trials if trial.run.commit == LINE[32]] == [UNCLEAR]


def test_a_failed_run_is_a_bad_one_when_asked_for() -> None:
    failed = Outcome(outcome.FAILED, kind="JOB", why="job: it crashed")
    found, _ = play(ASKED._replace(failed=BAD), lambda run: failed if number(run) >= 32 else done(0.8))
    assert found.suspects == (LINE[32],)


def test_a_commit_whose_runs_do_not_agree_is_told() -> None:
    found, _ = play(ASKED._replace(times=3), lambda run: done(0.1 if number(run) >= 20 or run.repeat == 1 else 0.8))
    assert found.flaky
    assert choice.conclusion(found, "mAP>=0.5", Path())[0].startswith("flaky: the runs of ")


@pytest.mark.parametrize(
    ("ended", "verdict", "why"),
    [
        (done(0.5), GOOD, "mAP 0.5"),
        (done(0.4999), BAD, "mAP 0.4999"),
        (Outcome(outcome.DONE, {"mIoU": 0.5}), UNCLEAR, "it has no mAP, but mIoU"),
        (Outcome(outcome.DONE), UNCLEAR, "it has no mAP, but no metrics"),
        (Outcome(outcome.FAILED, kind="JOB", why="job: no"), UNCLEAR, "its run failed: job: no"),
    ],
)
def test_a_run_is_judged_by_the_condition(ended: Outcome, verdict: str, why: str) -> None:
    assert choice.judged(ended, ASKED) == (verdict, why)


def test_a_mistyped_metric_stops_after_the_first_run() -> None:
    mistyped = Bisection(ASKED._replace(terms=listing.parse("map>=0.5")), lambda text: None)
    run = mistyped.next()
    assert run is not None
    with pytest.raises(ConfigError, match="asks for map, but a run has mAP") as caught:
        mistyped.tell(run, done(0.8))
    assert caught.value.hint == "Did you mean mAP?"


def test_a_commit_that_lacks_a_metric_which_others_have_is_unclear() -> None:
    bisection = Bisection(ASKED, lambda text: None)
    for ended in (done(0.8), Outcome(outcome.DONE, {"mIoU": 0.5})):
        run = bisection.next()
        assert run is not None
        bisection.tell(run, ended)
    assert [trial.verdict for trial in bisection.finding().trials] == [GOOD, UNCLEAR]


def test_other_things_than_metrics_can_be_asked_for() -> None:
    asked = ASKED._replace(terms=listing.parse("mAP>=0.5 and seconds<10 and kind=a"), params={"kind": "a"})
    assert choice.judged(done(0.8)._replace(seconds=11.0), asked) == (BAD, "mAP 0.8, seconds 11, kind a")


def test_the_end_names_the_commit_what_it_lost_and_how_to_see_what_changed() -> None:
    found, _ = play(ASKED, lambda run: done(0.4 if number(run) >= 7 else 0.8))
    folders = {number(trial.run): f"out/{trial.run.id}" for trial in found.trials}
    assert choice.conclusion(found, "mAP>=0.5", Path("out")) == [
        f"{LINE[7].id} is the first commit without mAP>=0.5",
        "  Change 7",
        f"  what changed: live-code compare {folders[6]} {folders[7]}",
    ]


def test_a_wrong_word_about_the_bad_end_is_what_the_end_tells() -> None:
    found, _ = play(ASKED, lambda run: done(0.8))
    assert choice.conclusion(found, "mAP>=0.5", Path()) == ["nothing found: the commit that was said to be bad is good"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return sweeps.stage(tmp_path)


def bisect(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "live_code", "bisect", str(stage.spec), "--out", str(stage.root / "out"), *words]
    return subprocess.run(
        argv, env=sweeps.environ(stage.root), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_of_sixty_four_commits_the_one_that_breaks_learning_is_found_and_run_again_needs_no_run(stage: Stage) -> None:
    stage.asks(set={"rate": 1.0}, resources={"cpus": 1})
    commits = stage.commits([0.8 + number / 1000 if number < 41 else 0.1 for number in range(65)])
    words = ("--good", commits[0], "--bad", "main", "--metric", "mAP>=0.5")
    done = bisect(stage, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:-1] == [f"{commits[41]} is the first commit without mAP>=0.5", "  Gain 0.1"]
    made = {record.id for record in sweeps.records(stage)}
    assert len(made) <= 7
    again = bisect(stage, *words, "--json")
    assert [one["id"] for one in json.loads(again.stdout)["suspects"]] == [commits[41]]
    assert {record.id for record in sweeps.records(stage)} == made


def test_a_commit_that_can_not_run_is_no_verdict(stage: Stage) -> None:
    stage.asks(set={"rate": 1.0}, commits="main")
    first, second = stage.commits([0.9, 0.8])
    broken = stage.repo.commit("Break", start__py="import nothing_like_this\n")
    last = stage.repo.commit("Mend, and lose", start__py=sweeps.START, gain="0.1")
    done = bisect(stage, "--good", first, "--bad", last, "--metric", "mAP>=0.5")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines[:-3]] == [
        "3 commits may be it",
        f"{second[:12]} is good",
        "2 commits may be it",
        f"{broken[:12]} is unclear",
        "2 commits may be it",
        f"{last[:12]} is bad",
    ]
    assert lines[-3:] == [
        "one of these is the first commit without mAP>=0.5; the others' runs say nothing:",
        f"  {broken[:12]} Break",
        f"  {last[:12]} Mend, and lose",
    ]


@pytest.mark.parametrize(
    ("asks", "words", "said"),
    [
        ({"matrix": {"rate": [1, 2]}}, ("--good", "main~1", "--bad", "main", "--metric", "mAP>0"), "has 2 settings"),
        ({}, ("--good", "main", "--bad", "main~1", "--metric", "mAP>0"), "main~1 does not come after main"),
        ({}, ("--good", "nope", "--bad", "main", "--metric", "mAP>0"), "has no 'nope'"),
        ({}, ("--good", "main~1", "--bad", "main", "--metric", "mAP"), "'mAP' is no condition"),
    ],
)
def test_what_can_not_be_asked_is_said_in_one_line(
    stage: Stage, asks: dict[str, object], words: tuple[str, ...], said: str
) -> None:
    stage.asks(**asks)
    stage.commits([0.9, 0.8])
    done = bisect(stage, *words)
    assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (1, True, 1), done.stderr
