"""A program on a terminal of its own: what stands on the screen and what has scrolled away, keys, sizes, hanging up."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pyte


class Screen:
    """``written`` is every byte that the program wrote to it."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._shown = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._shown)
        self._lock = threading.Lock()
        self.written = b""
        self.ours, self.theirs = pty.openpty()
        self.resize(columns, lines)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        with self._lock:
            self._shown.resize(lines, columns)

    def start(self, argv: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """In a session of its own, with this as its controlling terminal."""

        def take() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        return subprocess.Popen(
            argv,
            env=environ,
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            preexec_fn=take,
        )

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    @property
    def lines(self) -> list[str]:
        """What a person reads, from the first line that has scrolled away to the last on the screen."""
        with self._lock:
            gone = ["".join(row[x].data for x in range(self._shown.columns)) for row in self._shown.history.top]
            return [line.rstrip() for line in (*gone, *self._shown.display) if line.strip()]

    @property
    def cursor_hidden(self) -> bool:
        with self._lock:
            return bool(self._shown.cursor.hidden)

    def wait_for(self, text: str, seconds: float = 30.0) -> list[str]:
        """The lines, once one of them has the text."""
        self.wait(lambda: any(text in line for line in self.lines), seconds)
        return self.lines

    def wait(self, seen: Callable[[], bool], seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < until, "\n".join(self.lines)
            time.sleep(0.02)

    def settled(self) -> list[str]:
        """The lines once the program has ended and all that it wrote is here."""
        os.close(self.theirs)
        self._reader.join(5.0)
        return self.lines

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self.ours, 1 << 16)
            except OSError:  # nobody has its other side open any more
                return
            with self._lock:
                self.written += piece
                self._stream.feed(piece)
