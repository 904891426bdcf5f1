"""A few lines that stand at the foot of a terminal while everything that is said scrolls by above them."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

STDERR = 2
TICK_S = 1.0
# Attributes off, lines wrap, the cursor is there: for whoever comes after one who was killed.
RESTORED = b"\x1b[0m\x1b[?7h\x1b[?25h\n"
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
    """For threads and signal handlers too: whoever comes second leaves what he has to say to the one at work.

    ``write`` may be replaced by one that does not wait for ever.
    """

    def __init__(self, handle: int = STDERR) -> None:
        self.handle = handle
        self.write: Callable[[bytes], None] = self._write
        self._foot: Sequence[Line] = ()
        self._drawn: Sequence[Line] = ()
        self._said: deque[bytes] = deque()
        self._at_work = threading.Lock()

    @property
    def size(self) -> os.terminal_size:
        try:
            columns, lines = os.get_terminal_size(self.handle)
        except OSError:  # it was closed
            columns = lines = 0
        return os.terminal_size((columns or 80, lines or 24))

    def say(self, text: bytes) -> None:
        """Whole lines, above the foot."""
        self._said.append(text)
        self._draw()

    def show(self, foot: Sequence[Line]) -> None:
        """What stands at the foot from now on; nothing: the cursor comes back. Somebody may have held the output."""
        self._foot = foot
        if select.select((), (self.handle,), (), 0)[1]:
            self._draw()

    def _draw(self) -> None:
        while self._at_work.acquire(blocking=False):
            try:
                said = b"".join(self._said.popleft() for _ in range(len(self._said)))
                columns, lines = self.size
                before = self._drawn
                self._drawn = tuple(Line(text, min(width, columns)) for text, width in self._foot[: lines - 1])
                with suppress(OSError):  # the terminal is gone: the job is not
                    self.write(_erased(before, columns) + said + _standing(self._drawn, bool(before)))
            finally:
                self._at_work.release()
            if not self._said:  # else it came meanwhile
                return

    def _write(self, text: bytes) -> None:
        view = memoryview(text)
        while view:
            view = view[os.write(self.handle, view) :]


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
def standing(terminal: Terminal, what: Callable[[], str]) -> Iterator[None]:
    """Shows what goes on, once a second while the block lasts; '' leaves the foot to others."""
    over = threading.Event()

    def tell() -> None:
        shown = False
        while not over.wait(TICK_S):
            text = what()[: terminal.size.columns - 1]
            if text or shown:
                terminal.show((Line(text, len(text)),) if text else ())
            shown = bool(text)

    teller = threading.Thread(target=tell, name="terminal", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join(TICK_S)
        terminal.show(())
