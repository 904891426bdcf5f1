"""What does the runs: this machine or a cluster. The driver sees no more of it than this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from live_code.experiments.sweep.task_folder import Job
from live_code.values import NamedTuple

# The node of runs that are on the driver's own machine.
HERE = "here"


class Exit(NamedTuple):
    """A run has come to its end; how is read from its folder. ``lost``: why it can't be ('' when the process ended)."""

    id: str
    node: str
    lost: str = ""


class Engine(Protocol):
    """Runs are handed over while there is room. All calls come from one thread."""

    def room(self) -> int:
        """How many more runs it takes now."""

    def start(self, job: Job) -> None: ...

    def exits(self, wait_s: float) -> Iterator[Exit]:
        """Those that have ended since; waits for one, so long at most."""

    def node(self, run_id: str) -> str:
        """Where the run is; '' while it waits for a place."""

    def stop(self, run_id: str) -> None:
        """Has it come to its end, within its grace. It is then among those that ended."""

    def close(self) -> None:
        """Nothing that it started is left."""
