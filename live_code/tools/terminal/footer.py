"""A few lines that stand at the foot of a terminal while all other output scrolls by above them."""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from live_code.values import NamedTuple

STDERR = 2
TICK_S = 1.0
# What waits for a slow terminal, in bytes: more is left out. And what is drawn at once.
MOST_WAITING, AT_ONCE = 1 << 20, 1 << 16
# Attributes off, lines wrap, the cursor is there: for whoever comes after one who was killed.
RESTORED = b"\x1b[0m\x1b[?7h\x1b[?25h\n"
# All that would move the cursor or change the terminal; colours stay.
MOVES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-ln-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\-~])|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"
)
_HIDDEN, _SHOWN = b"\x1b[?25l", b"\x1b[?25h"
_NO_WRAP, _WRAP = b"\x1b[0m\x1b[?7l", b"\x1b[0m\x1b[?7h"


class Line(NamedTuple):
    """``text`` may hold colours; ``width`` is in cells."""

    text: str
    width: int


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether our stderr, a terminal, is looked at by a person and understands more than lines."""
    if environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb":
        return False
    with suppress(OSError):  # it is not the terminal that we were started on: it knows no background
        if os.tcgetpgrp(STDERR) != os.getpgrp():
            return False
    return sys.stderr.encoding.lower() == "utf-8"


class Terminal:
    """For threads and signal handlers too: whoever comes second leaves his lines to the one at work."""

    def __init__(self, handle: int = STDERR) -> None:
        self.handle = handle
        self._foot: Sequence[Line] = ()
        self._drawn: Sequence[Line] = ()
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._left_out = 0
        self._at_work = threading.Lock()
        self._due = threading.Condition()
        self._aside = self._requested = False

    @property
    def size(self) -> os.terminal_size:
        try:
            columns, lines = os.get_terminal_size(self.handle)
        except OSError:  # it was closed
            columns = lines = 0
        return os.terminal_size((columns or 80, lines or 24))

    def say(self, text: bytes) -> None:
        """Whole lines, above the foot; of what else a terminal understands only colours reach it."""
        with self._due:  # may be entered again by a signal handler
            self._queue.append(text)
            self._waiting += len(text)
            while self._aside and self._waiting > MOST_WAITING and len(self._queue) > 1:
                gone = self._queue.popleft()
                self._waiting -= len(gone)
                self._left_out += gone.count(b"\n")
        self._ask()

    def show(self, foot: Sequence[Line]) -> None:
        """What stands at the foot from now on; nothing: the cursor comes back. Somebody may have held the output."""
        self._foot = foot
        if self._aside or select.select((), (self.handle,), (), 0)[1]:
            self._ask()

    @contextmanager
    def aside(self, patience: float) -> Iterator[None]:
        """While the block lasts nobody who speaks waits for the terminal: one that is too slow gets the last of it.

        ``patience``: how long the end of the block waits for it, in seconds.
        """
        drawer = threading.Thread(target=self._attend, name="drawer", daemon=True)
        self._aside = True
        drawer.start()
        try:
            yield
        finally:
            self._aside = False
            with self._due:
                self._due.notify()
            drawer.join(patience)

    def write(self, text: bytes) -> None:
        view = memoryview(text)
        while view:
            view = view[os.write(self.handle, view) :]

    def _ask(self) -> None:
        if not self._aside:
            self._draw()
            return
        with self._due:
            self._requested = True
            self._due.notify()

    def _attend(self) -> None:
        while self._aside:
            with self._due:
                self._due.wait_for(lambda: self._requested or not self._aside)
                self._requested = False
            self._draw()

    def _draw(self) -> None:
        while self._at_work.acquire(blocking=False):
            try:
                output = self._next_lines()
                columns, lines = self.size
                before = self._drawn
                self._drawn = tuple(Line(text, min(width, columns)) for text, width in self._foot[: lines - 1])
                with suppress(OSError):  # the terminal is gone: the job is not
                    self.write(_erased(before, columns) + output + _standing(self._drawn, bool(before)))
            finally:
                self._at_work.release()
            if not self._queue:  # else it came meanwhile
                return

    def _next_lines(self) -> bytes:
        """The next lines of the queue, not much more than is drawn at once."""
        lines = []
        with self._due:
            if self._left_out:
                notice = f"{self._left_out} lines are left out here: the terminal is too slow; job.log has all"
                lines.append(f"[live-code] {notice}\n".encode())
                self._left_out = 0
            while self._queue and sum(map(len, lines)) < AT_ONCE:
                text = self._queue.popleft()
                if len(text) > AT_ONCE and (end := text.rfind(b"\n", 0, AT_ONCE) + 1):
                    self._queue.appendleft(text[end:])
                    text = text[:end]
                self._waiting -= len(text)
                lines.append(MOVES.sub(b"", text))
        return b"".join(lines)


def _erased(lines: Sequence[Line], columns: int) -> bytes:
    """A terminal that became narrower has wrapped what stood there."""
    if not lines:
        return b""
    up = sum(max(1, -(-line.width // columns)) for line in lines) - 1
    return b"\r" + (b"\x1b[%dA" % up if up else b"") + b"\x1b[J"


def _standing(lines: Sequence[Line], hidden: bool) -> bytes:
    """The cursor is hidden with the first lines, and comes back when there are none any more."""
    if not lines:
        return _SHOWN if hidden else b""
    text = "\n".join(line.text for line in lines).encode(errors="replace")
    return (b"" if hidden else _HIDDEN) + _NO_WRAP + text + _WRAP


@contextmanager
def standing(terminal: Terminal, render: Callable[[], str]) -> Iterator[None]:
    """Shows what ``render`` returns, once a second while the block lasts; '' leaves the foot to others."""
    over = threading.Event()

    def redraw() -> None:
        shown = False
        while not over.wait(TICK_S):
            text = render()[: terminal.size.columns - 1]
            if text or shown:
                terminal.show((Line(text, len(text)),) if text else ())
            shown = bool(text)

    thread = threading.Thread(target=redraw, name="terminal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(TICK_S)
        terminal.show(())
