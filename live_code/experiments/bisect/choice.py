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
    """A run of a commit that was judged. ``why``: the metric that decided, or why nothing could be said."""

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
    """A ``sweep.choice.Choice``. ``say`` is told each verdict."""

    def __init__(self, question: Question, say: Callable[[str], None]) -> None:
        self._asked = question
        self._say = say
        self._trials: dict[int, list[Trial]] = {}
        self._handed: dict[str, int] = {}
        self._measured = False

    def next(self) -> Run | None:
        index = self._step().try_next
        if index < 0 or not self._wanted(index):
            return None
        repeat = sum(1 for handed in self._handed.values() if handed == index)
        run = expand.run(self._asked.line[index], self._asked.params, self._asked.task, repeat)
        self._handed[run.id] = index
        if not repeat:
            self._say(f"{self._left()}, trying {said(run.commit)}")
        return run

    def tell(self, run: Run, ended: Outcome) -> None:
        """Raises ConfigError for a metric that the first run which ended well does not have: it is mistyped."""
        unknown = _unknown(ended, self._asked) if ended.state == outcome.DONE else ""
        if unknown and not self._measured:
            named = {name.casefold(): name for name in ended.metrics}
            meant = named.get(nearest(unknown.casefold(), named), "")
            raise ConfigError(
                f"--metric asks for {unknown}, but a run has {', '.join(ended.metrics) or 'no metrics'}.",
                hint=f"Did you mean {meant}?" if meant else "Name one that the runs have.",
            )
        self._measured |= ended.state == outcome.DONE and not unknown
        verdict, why = judged(ended, self._asked)
        self._trials.setdefault(self._handed[run.id], []).append(Trial(run, verdict, why))
        self._say(f"{run.commit.id[:12]} is {verdict}: {why}")

    def finding(self) -> Finding:
        now, line = self._step(), self._asked.line
        suspects = tuple(line[index] for index in now.suspects)
        before = line[now.suspects[0] - 1] if suspects else None
        trials = tuple(trial for ended in self._trials.values() for trial in ended)
        flaky = tuple(line[index] for index in self._trials if {GOOD, BAD} <= set(self._seen(index)))
        return Finding(suspects, before, now.surprise, trials, flaky)

    def _step(self) -> Step:
        return search.step(len(self._asked.line), self._verdicts())

    def _verdicts(self) -> dict[int, str]:
        decided = {index: search.judge(self._seen(index), self._asked.times) for index in self._trials}
        return {index: verdict for index, verdict in decided.items() if verdict}

    def _seen(self, index: int) -> tuple[str, ...]:
        return tuple(trial.verdict for trial in self._trials.get(index, ()))

    def _wanted(self, index: int) -> bool:
        """Whether one more run of the commit, beside those that are on their way, may be needed."""
        seen, handed = self._seen(index), sum(1 for at in self._handed.values() if at == index)
        lead = max(seen.count(GOOD), seen.count(BAD))
        most = self._asked.times // 2 + 1
        return handed < self._asked.times and handed - len(seen) < most - lead

    def _left(self) -> str:
        count = len(self._step().suspects)
        if count < 2:
            return "making sure"
        return f"{count} commits may be it: about {summary.several(math.ceil(math.log2(count)), 'run')}"


def judged(ended: Outcome, asked: Question) -> tuple[str, str]:
    """Pure: good or bad by the terms, else unclear, and why."""
    if ended.state != outcome.DONE:
        return asked.failed, f"its run {ended.state}: {ended.why}" if ended.why else f"its run is {ended.state}"
    if unknown := _unknown(ended, asked):
        return UNCLEAR, f"it has no {unknown}, but {', '.join(ended.metrics) or 'no metrics'}"
    facts = _facts(ended, asked)
    shown = ", ".join(f"{name} {_cell(facts[name])}" for name in dict.fromkeys(term.name for term in asked.terms))
    return (GOOD if matches(facts, asked.terms) else BAD), shown


def _facts(ended: Outcome, asked: Question) -> dict[str, Any]:
    return {**asked.params, **ended.metrics, "seconds": ended.seconds}


def _unknown(ended: Outcome, asked: Question) -> str:
    facts = _facts(ended, asked)
    return next((term.name for term in asked.terms if term.name not in facts), "")


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def said(commit: Commit) -> str:
    return f"{commit.id[:12]} {commit.subject}".rstrip()


def conclusion(found: Finding, condition: str, runs: Path) -> list[str]:
    """What a person reads at the end. ``runs``: where their folders are."""
    lines = [f"flaky: the runs of {said(commit)} did not agree" for commit in found.flaky]
    if found.surprise:
        return [*lines, f"nothing found: {found.surprise}"]
    if len(found.suspects) == 1:
        culprit = found.suspects[0]
        lines += [f"{culprit.id} is the first commit without {condition}", f"  {culprit.subject}"]
        last = {trial.run.commit: str(runs / trial.run.id) for trial in found.trials}
        pair = [last[commit] for commit in (found.before, culprit) if commit in last]
        return [*lines, f"  what changed: live-code compare {shlex.join(pair)}"] if len(pair) == 2 else lines
    named = (f"  {said(commit)}" for commit in found.suspects)
    return [*lines, f"one of these is the first commit without {condition}; the others' runs say nothing:", *named]


def as_json(found: Finding) -> str:
    trials = [
        {"run": trial.run.id, "commit": trial.run.commit.id, "verdict": trial.verdict, "why": trial.why}
        for trial in found.trials
    ]
    told = {
        "suspects": [commit._asdict() for commit in found.suspects],
        "before": found.before.id if found.before else "",
        "surprise": found.surprise,
        "flaky": [commit.id for commit in found.flaky],
        "trials": trials,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
