"""What a run has gone through so far: the phases with their values and times, and what was noted beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from live_code.errors import LiveCodeError
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")

# The file that it is written to, by document.write.
RECORD = "run.json"
# The record of the last good run in the same folder, when another one has begun there.
EARLIER = "run-before.json"


class Phase(NamedTuple):
    """One step of the way: its name, when it began (Unix seconds), how long it took, and what it returned."""

    name: str
    started: float
    seconds: float
    value: Any
    failed: bool


class Ending(NamedTuple):
    """How the run ended; ``error`` is None when it ended well."""

    exit_code: int
    error: LiveCodeError | None = None


class Journal:
    """Grows by one for each phase and each note, and never changes what stands."""

    def __init__(self) -> None:
        self.started = time.time()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.started))
        self.id = f"{moment}-{os.urandom(4).hex()}"
        self._phases: list[Phase] = []
        self._notes: dict[str, Any] = {}
        self._now: tuple[str, float] = ("", 0.0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(self._phases)

    @property
    def notes(self) -> Mapping[str, Any]:
        return dict(self._notes)

    @property
    def now(self) -> tuple[str, float]:
        """The phase that is being gone through, '' between two, and for how many seconds."""
        name, since = self._now
        return name, time.perf_counter() - since

    def value(self, name: str) -> Any:
        """What the phase returned; None when it has not been gone through."""
        return next((phase.value for phase in self._phases if phase.name == name), None)

    def step(self, name: str, stage: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs one stage and notes it, also when it fails."""
        started, clock = time.time(), time.perf_counter()
        self._now = (name, clock)
        try:
            value = stage(*args, **kwargs)
        except BaseException:
            self._phases.append(Phase(name, started, time.perf_counter() - clock, None, failed=True))
            raise
        finally:
            self._now = ("", 0.0)
        self._phases.append(Phase(name, started, time.perf_counter() - clock, value, failed=False))
        return value

    def note(self, name: str, value: Any) -> None:
        """Keeps a fact about the run that no phase returns."""
        self._notes[name] = value
