"""Where the job's lines go: our own streams as they are or as JSON, the log, and the last ones into the job's end."""

from __future__ import annotations

import json
import os
import select
import stat
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from live_code.supervise.joblog import JobLog
from live_code.supervise.lines import Lines, Readable

# As many as the platform shows of a failure: torchrun's own words at the end take 40.
TAIL_LINES = 99
# What a line may bring into the monitor's stack view, in bytes.
TAIL_WIDTH = 500
# How long a reader of ours may be stuck once the job is gone, in seconds.
PATIENCE_S = 10
# A pipe that select() calls writable takes this much without blocking (PIPE_BUF).
SURE = 4096


class Output:
    """Everything that the job says. ``idle``, called while nobody reads what we write, says whether the job is gone."""

    def __init__(self, copy: JobLog, as_json: bool, idle: Callable[[], bool]) -> None:
        self.copy = copy
        self.as_json = as_json
        self.idle = idle
        self.last = time.monotonic()
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> tuple[str, ...]:
        return tuple(line.decode("utf-8", "replace") for line in self._tail)

    def keep(self, text: bytes) -> None:
        """Into the log and among the last lines."""
        self.copy.write(text)
        newest = text[-TAIL_LINES * TAIL_WIDTH :].splitlines()[-TAIL_LINES:]
        self._tail.extend(line[:TAIL_WIDTH] for line in newest if line.strip())


class Stream:
    """One of the job's two streams, on its way to the same one of ours."""

    def __init__(self, name: str, ours: int, output: Output) -> None:
        self.name = name
        self.output = output
        self._ours = ours
        self._plain_file = stat.S_ISREG(os.fstat(ours).st_mode)
        self._lines = Lines()
        self._readable = Readable()

    def take(self, piece: bytes) -> bool:
        """Passes on what is whole. False at the stream's end."""
        whole = self._lines.take(piece)
        now = self.output.last = time.monotonic()
        readable = self._readable.take(whole, now) if whole else b""
        if not piece:
            readable += self._readable.take(b"", now)
        if readable:
            self.output.keep(readable)
        self._show(self._as_json(readable) if self.output.as_json else whole)
        return bool(piece)

    def _as_json(self, text: bytes) -> bytes:
        at = round(time.time(), 3)
        return b"".join(
            json.dumps({"time": at, "stream": self.name, "message": line.decode("utf-8", "surrogateescape")}).encode()
            + b"\n"
            for line in text.splitlines()
        )

    def _show(self, text: bytes) -> None:
        """Writes all of it, without waiting for a reader that is stuck for longer than the job is."""
        view = memoryview(text)
        patience = PATIENCE_S
        with suppress(BrokenPipeError):  # nobody reads our output any more: the job goes on, its log is complete
            while view:
                if self._plain_file:
                    view = view[os.write(self._ours, view) :]
                elif select.select((), (self._ours,), (), 1.0)[1]:
                    view = view[os.write(self._ours, view[:SURE]) :]
                elif self.output.idle():
                    patience -= 1
                    if not patience:
                        return
