"""Where the job's output is shown: on our own two streams, or above a panel on a terminal."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from live_code.tools.telemetry import cgroup
from live_code.tools.terminal import log

if TYPE_CHECKING:
    from live_code.stages.supervise.panel import Panel

# How long a reader of ours may be stuck once the job is gone, in seconds.
PATIENCE_S = 10
# A pipe that select() calls writable takes this much without blocking (PIPE_BUF).
SURE = 4096


class Writer:
    """Writes to one of our own streams. ``idle``, called while nobody reads it, says whether the job is gone."""

    def __init__(self, fd: int, idle: Callable[[], bool]) -> None:
        self.idle = idle
        self._fd = fd
        self._plain_file = stat.S_ISREG(os.fstat(fd).st_mode)

    def __call__(self, text: bytes) -> None:
        """Writes all of it, without waiting for a reader that is stuck for longer than the job is."""
        view = memoryview(text)
        patience = PATIENCE_S
        with suppress(OSError):  # nobody reads our output any more: the job goes on, its log is complete
            while view:
                if self._plain_file:
                    view = view[os.write(self._fd, view) :]
                elif select.select((), (self._fd,), (), 1.0)[1]:
                    view = view[os.write(self._fd, view[:SURE]) :]
                elif self.idle():
                    patience -= 1
                    if not patience:
                        return


@contextmanager
def panel(title: str, monitor_file: Path) -> Iterator[Panel | None]:
    """A panel at the terminal's foot while the block lasts; None where there is no terminal, or no rich to draw it."""
    terminal, kind = log.terminal, _panel() if log.terminal else None
    if terminal is None or kind is None:
        yield None
        return
    with terminal.aside(PATIENCE_S):
        try:
            yield kind(terminal, title, monitor_file, cgroup.find().cpu_limit or os.cpu_count() or 1)
        finally:
            terminal.show(())


def _panel() -> type[Panel] | None:
    try:
        from live_code.stages.supervise.panel import Panel
    except ImportError:  # the extra `terminal` is not installed
        return None
    return Panel


def shown(on: Panel | None, name: str, fd: int, idle: Callable[[], bool]) -> Callable[[bytes], None]:
    """Where the stream goes: above the panel if it would come out on that terminal anyway."""
    if on and os.path.samestat(os.fstat(fd), os.fstat(on.terminal.handle)):
        return on.stream(name)
    return Writer(fd, idle)
