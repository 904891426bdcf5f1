"""A bisection as a choice of runs: hands out the commit to try next, and learns from how its runs ended."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError, nearest
from live_code.experiments.bisect import search
from live_code.experiments.bisect.search import BAD, GOOD, UNCLEAR, Step
from live_code.experiments.sweep import expand, outcome, summary
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome
from live_code.records.listing import Term, matches
from live_code.values import NamedTuple


class Question(NamedTuple):
    """``line``: the commits from the good one to the bad one. ``terms``: what holds of a good one.

    ``params``: the hyper-parameters of all runs; ``task``: the task folder's fingerprint. ``times``: each commit is
    run so often at most, and most of its runs decide. ``failed``: the verdict of a run that failed, bad or unclear.
    """

    line: tuple[Commit, ...]
    terms: tuple[Term, ...]
    params: Mapping[str, Any]
    task: str
    times: int = 1
    failed: str = UNCLEAR


class Trial(NamedTuple):
    """A run of a commit that was judged. ``why``: the metric that decided, or why there is no verdict."""

    run: Run
    verdict: str
    why: str


class Finding(NamedTuple):
    """``suspects``: the commit that lost the metric, or several that can't be told apart; none: ``surprise`` says why.

    ``before``: the last good commit before them. ``flaky``: commits whose runs did not agree.
    """

    suspects: tuple[Commit, ...]
    before: Commit | None
    surprise: str
    trials: tuple[Trial, ...]
    flaky: tuple[Commit, ...]


class Bisection:
    """A ``sweep.choice.Choice``. ``report`` is given each verdict."""

    def __init__(self, question: Question, report: Callable[[str], None]) -> None:
        self._question = question
        self._report = report
        self._trials: dict[int, list[Trial]] = {}
        self._handed: dict[str, int] = {}
        self._measured = False

    def next(self) -> Run | None:
        index = self._step().try_next
        if index < 0 or not self._wanted(index):
            return None
        repeat = sum(1 for handed in self._handed.values() if handed == index)
        run = expand.run(self._question.line[index], self._question.params, self._question.task, repeat)
        self._handed[run.id] = index
        if not repeat:
            self._report(f"{self._left()}, trying {label(run.commit)}")
        return run

    def tell(self, run: Run, result: Outcome) -> None:
        """Raises ConfigError for a metric that the first run which ended well does not have: it is mistyped."""
        unknown = _unknown(result, self._question) if result.state == outcome.DONE else ""
        if unknown and not self._measured:
            named = {name.casefold(): name for name in result.metrics}
            meant = named.get(nearest(unknown.casefold(), named), "")
            raise ConfigError(
                f"--metric asks for {unknown}, but a run has {', '.join(result.metrics) or 'no metrics'}.",
                hint=f"Did you mean {meant}?" if meant else "Name one that the runs have.",
            )
        self._measured |= result.state == outcome.DONE and not unknown
        verdict, why = judged(result, self._question)
        self._trials.setdefault(self._handed[run.id], []).append(Trial(run, verdict, why))
        self._report(f"{run.commit.id[:12]} is {verdict}: {why}")

    def finding(self) -> Finding:
        now, line = self._step(), self._question.line
        suspects = tuple(line[index] for index in now.suspects)
        before = line[now.suspects[0] - 1] if suspects else None
        trials = tuple(trial for repeats in self._trials.values() for trial in repeats)
        flaky = tuple(line[index] for index in self._trials if {GOOD, BAD} <= set(self._seen(index)))
        return Finding(suspects, before, now.surprise, trials, flaky)

    def _step(self) -> Step:
        return search.step(len(self._question.line), self._verdicts())

    def _verdicts(self) -> dict[int, str]:
        decided = {index: search.judge(self._seen(index), self._question.times) for index in self._trials}
        return {index: verdict for index, verdict in decided.items() if verdict}

    def _seen(self, index: int) -> tuple[str, ...]:
        return tuple(trial.verdict for trial in self._trials.get(index, ()))

    def _wanted(self, index: int) -> bool:
        """Whether one more run of the commit, beside those that are on their way, may be needed."""
        seen, handed = self._seen(index), sum(1 for tried in self._handed.values() if tried == index)
        lead = max(seen.count(GOOD), seen.count(BAD))
        most = self._question.times // 2 + 1
        return handed < self._question.times and handed - len(seen) < most - lead

    def _left(self) -> str:
        count = len(self._step().suspects)
        if count < 2:
            return "making sure"
        return f"{count} commits may be it: about {summary.several(math.ceil(math.log2(count)), 'run')}"


def judged(result: Outcome, question: Question) -> tuple[str, str]:
    """Pure: good or bad by the terms, else unclear, and why."""
    if result.state != outcome.DONE:
        return question.failed, f"its run {result.state}: {result.why}" if result.why else f"its run is {result.state}"
    if unknown := _unknown(result, question):
        return UNCLEAR, f"it has no {unknown}, but {', '.join(result.metrics) or 'no metrics'}"
    facts = _facts(result, question)
    shown = ", ".join(f"{name} {_cell(facts[name])}" for name in dict.fromkeys(term.name for term in question.terms))
    return (GOOD if matches(facts, question.terms) else BAD), shown


def _facts(result: Outcome, question: Question) -> dict[str, Any]:
    return {**question.params, **result.metrics, "seconds": result.seconds}


def _unknown(result: Outcome, question: Question) -> str:
    facts = _facts(result, question)
    return next((term.name for term in question.terms if term.name not in facts), "")


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def label(commit: Commit) -> str:
    return f"{commit.id[:12]} {commit.subject}".rstrip()


def conclusion(finding: Finding, condition: str, runs: Path) -> list[str]:
    """What a person reads at the end. ``runs``: where their folders are."""
    lines = [f"flaky: the runs of {label(commit)} did not agree" for commit in finding.flaky]
    if finding.surprise:
        return [*lines, f"nothing found: {finding.surprise}"]
    if len(finding.suspects) == 1:
        culprit = finding.suspects[0]
        lines += [f"{culprit.id} is the first commit without {condition}", f"  {culprit.subject}"]
        last = {trial.run.commit: str(runs / trial.run.id) for trial in finding.trials}
        pair = [last[commit] for commit in (finding.before, culprit) if commit in last]
        return [*lines, f"  what changed: live-code compare {shlex.join(pair)}"] if len(pair) == 2 else lines
    named = (f"  {label(commit)}" for commit in finding.suspects)
    return [*lines, f"one of these is the first commit without {condition}; the others' runs say nothing:", *named]


def as_json(finding: Finding) -> str:
    trials = [
        {"run": trial.run.id, "commit": trial.run.commit.id, "verdict": trial.verdict, "why": trial.why}
        for trial in finding.trials
    ]
    document = {
        "suspects": [commit._asdict() for commit in finding.suspects],
        "before": finding.before.id if finding.before else "",
        "surprise": finding.surprise,
        "flaky": [commit.id for commit in finding.flaky],
        "trials": trials,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
