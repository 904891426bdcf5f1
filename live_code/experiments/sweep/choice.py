"""Which run is next: one of a list, or one that a searcher that learns thinks of when there is room for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome


class Choice(Protocol):
    def next(self) -> Run | None:
        """None when there is none now: there may be one when another run has ended."""

    def tell(self, run: Run, outcome: Outcome) -> None:
        """A run has come to its last end."""


class Listed:
    """All of them are known."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = iter(runs)

    def next(self) -> Run | None:
        return next(self._runs, None)

    def tell(self, run: Run, outcome: Outcome) -> None:
        """A list learns nothing."""
