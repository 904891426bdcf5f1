"""Where the job's lines go: our own streams as they are or as JSON, the log, and the last ones into the job's end."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable

from live_code.stages.supervise.joblog import JobLog
from live_code.stages.supervise.lines import Lines, Readable

# As many as the platform shows of a failure: torchrun's own words at the end take 40.
TAIL_LINES = 99
# What a line may bring into the monitor's stack view, in bytes.
TAIL_WIDTH = 500


class Output:
    """Everything that the job prints."""

    def __init__(self, copy: JobLog, as_json: bool) -> None:
        self.copy = copy
        self.as_json = as_json
        self.last = time.monotonic()
        self._tail: deque[tuple[float, bytes]] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> tuple[str, ...]:
        return self.since(0.0)

    def since(self, moment: float) -> tuple[str, ...]:
        """Of the last lines those that came after the moment, in Unix seconds."""
        return tuple(line.decode("utf-8", "replace") for came, line in self._tail if came > moment)

    def keep(self, text: bytes) -> None:
        """Into the log and among the last lines."""
        self.copy.write(text)
        newest = text[-TAIL_LINES * TAIL_WIDTH :].splitlines()[-TAIL_LINES:]
        now = time.time()
        self._tail.extend((now, line[:TAIL_WIDTH]) for line in newest if line.strip())


class Stream:
    """One of the job's two streams, on its way to where it is shown: ``show`` gets what is whole, '' at the end."""

    def __init__(self, name: str, output: Output, show: Callable[[bytes], None]) -> None:
        self.name = name
        self.output = output
        self.show = show
        self._lines = Lines()
        self._readable = Readable()

    def feed(self, piece: bytes) -> bool:
        """Passes on what is whole. False at the stream's end."""
        whole = self._lines.feed(piece)
        now = self.output.last = time.monotonic()
        readable = self._readable.feed(whole, now) if whole else b""
        if not piece:
            readable += self._readable.feed(b"", now)
        if readable:
            self.output.keep(readable)
        self.show(self._as_json(readable) if self.output.as_json else whole)
        if not piece:
            self.show(b"")
        return bool(piece)

    def _as_json(self, text: bytes) -> bytes:
        now = round(time.time(), 3)
        return b"".join(
            json.dumps({"time": now, "stream": self.name, "message": line.decode("utf-8", "backslashreplace")}).encode()
            + b"\n"
            for line in text.splitlines()
        )
