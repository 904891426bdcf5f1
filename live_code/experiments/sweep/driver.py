"""Drives a sweep to its end: hands runs to an engine, tries again what may pass by itself, and loses nothing done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from live_code.experiments.sweep import outcome, row, task_folder
from live_code.experiments.sweep.choice import Choice
from live_code.experiments.sweep.engine import Engine, Exit
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome, Reason
from live_code.experiments.sweep.row import RUNS, Row
from live_code.experiments.sweep.task_folder import Base
from live_code.tools.terminal import log
from live_code.values import NamedTuple

TICK_S = 0.5
# A run whose node or process was lost is started elsewhere, so often at most.
LOST_TRIES = 5
# The grace of a job (stop_grace_s) is its own; this is how long all of them together are waited for.
STOPPING_S = 60.0


class Judge(Protocol):
    """Decides, while runs are on their way, which of them are not worth going on."""

    def review(self, run_id: str, folder: Path) -> Reason | None:
        """Called again and again while the run goes on, and once at its end: why to stop it, if so."""


class Rules(NamedTuple):
    gpus: float = 0
    retries: int = 0


class Driver:
    """One sweep below one folder. ``rows``: every run that was ever handed out, in that order."""

    def __init__(self, place: Path, base: Base, rules: Rules, engine: Engine, judge: Judge | None = None) -> None:
        self.rows: dict[str, Row] = {}
        self._runs = place / RUNS
        self._base = base
        self._rules = rules
        self._engine = engine
        self._judge = judge
        self._again: list[Run] = []

    def drive(self, choice: Choice, seen: Callable[[Mapping[str, Row]], None] = lambda rows: None) -> None:
        """Until every run has come to its last end. ``seen`` is shown the rows again and again.

        An exception (Ctrl-C) stops every run, within its grace, before it goes on.
        """
        try:
            while self._fill(choice) or self._on_their_way():
                for exit in self._engine.exits(TICK_S):
                    self._settle(exit, choice)
                self._refresh()
                seen(self.rows)
        except BaseException:
            log.info("stopping what is running")
            self._stop_all()
            raise
        finally:
            self._engine.close()
            seen(self.rows)

    def _fill(self, choice: Choice) -> bool:
        """Hands out runs while there is room; True when it handed out one. What is done already is only reported."""
        handed = False
        while self._engine.room() > 0:
            run = self._again.pop() if self._again else choice.next()
            if run is None:
                break
            folder = self._runs / run.id
            if run.id not in self.rows:
                row.note(folder, run)
                stands = outcome.of(folder)
                self.rows[run.id] = Row(run, stands)
                if stands.state in outcome.FINISHED:
                    self._report(run, stands, choice)
                    handed = True
                    continue
            self.rows[run.id] = self.rows[run.id]._replace(outcome=Outcome(outcome.WAITING))
            outcome.forget(folder)
            self._engine.start(task_folder.job(self._base, run, self._rules.gpus))
            handed = True
        return handed

    def _on_their_way(self) -> list[str]:
        states = (outcome.WAITING, outcome.RUNNING)
        return [run_id for run_id, entry in self.rows.items() if entry.outcome.state in states]

    def _settle(self, exit: Exit, choice: Choice) -> None:
        folder, now = self._runs / exit.id, self.rows[exit.id]
        stands = outcome.of(folder)
        if why := _lost(exit, stands):
            stands = Outcome(outcome.FAILED, percent=stands.percent, kind="LOST", why=why, retryable=True)
            now = now._replace(lost=now.lost + 1)
        elif stands.state == outcome.FAILED:
            now = now._replace(tries=now.tries + 1)
        self.rows[exit.id] = now = now._replace(outcome=stands, node=exit.node or now.node)
        if stands.state == outcome.FAILED and stands.retryable and self._may_try_again(now, stands):
            log.info(f"{exit.id} is started again: {stands.why}")
            self.rows[exit.id] = now._replace(outcome=Outcome(outcome.WAITING))
            self._again.append(now.run)
        else:
            self._report(now.run, stands, choice)

    def _report(self, run: Run, stands: Outcome, choice: Choice) -> None:
        if self._judge and stands.state in outcome.FINISHED:
            self._judge.review(run.id, self._runs / run.id)
        choice.tell(run, stands)

    def _may_try_again(self, now: Row, stands: Outcome) -> bool:
        return now.lost < LOST_TRIES if stands.kind == "LOST" else now.tries <= self._rules.retries

    def _refresh(self) -> None:
        """At those that are running: how far they are, and whether they are worth going on."""
        for run_id in self._on_their_way():
            folder, node = self._runs / run_id, self._engine.node(run_id)
            if not node:
                continue
            stands = outcome.of(folder)
            if stands.state in (outcome.WAITING, outcome.RUNNING):
                self.rows[run_id] = self.rows[run_id]._replace(outcome=stands, node=node)
                if self._judge and (reason := self._judge.review(run_id, folder)):
                    log.info(f"{run_id} is stopped early: {reason.metric} {reason.value:.4g} at step {reason.step}")
                    outcome.stop_early(folder, reason)
                    self._engine.stop(run_id)

    def _stop_all(self) -> None:
        for run_id in self._on_their_way():
            self._engine.stop(run_id)
        until = time.monotonic() + STOPPING_S
        while any(self._engine.node(run_id) for run_id in self.rows) and time.monotonic() < until:
            for exit in self._engine.exits(TICK_S):
                stands = outcome.of(self._runs / exit.id)
                self.rows[exit.id] = self.rows[exit.id]._replace(outcome=stands)


def _lost(exit: Exit, stands: Outcome) -> str:
    """Why the run did not come to an end of its own; '' when it did. While a sweep goes on nobody stops its runs but
    its early stop: a run that was stopped lost the process or the machine that it hung on."""
    if stands.state in outcome.FINISHED:
        return ""
    if exit.lost:
        return exit.lost
    if stands.state == outcome.FAILED:
        return ""
    return stands.why or "its process ended without a word"
