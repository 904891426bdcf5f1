"""Cuts a stream into whole lines, and makes progress bars, which rewrite one line for ever, readable in a file."""

from __future__ import annotations

# A line longer than this is passed on in parts: a job that never ends its lines must not fill our memory.
LONGEST = 1 << 16
# A progress bar stands in a log this often, in seconds.
UPDATE_EVERY_S = 10.0


class Lines:
    """One stream. What comes out ends with a newline or a carriage return, the stream's very end apart."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """All that is whole once ``piece`` is there; an empty piece is the end of the stream."""
        text = self._rest + piece if self._rest else piece
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if not piece or len(text) - end >= LONGEST:
            end = len(text)
        self._rest = text[end:]
        return text[:end]


class Readable:
    """One stream for a file: of a line that is rewritten by carriage returns some states stand there, and the last.

    ``state``: what is to be seen of the line that is still being rewritten.
    """

    def __init__(self, every: float = UPDATE_EVERY_S) -> None:
        self.every = every
        self.state = b""
        self._written = 0.0

    def feed(self, text: bytes, now: float) -> bytes:
        """``text`` as it comes from Lines; an empty one is the end of the stream. ``now`` in seconds."""
        if b"\r" not in text and text and not self.state:
            return text
        *whole, rest = text.split(b"\n")
        lines = [self._last_state(line) + b"\n" for line in whole]
        self.state = self._last_state(rest)
        if self.state and (not text or now - self._written >= self.every):
            lines.append(self.state + b"\n")
            self._written = now
            if not text:
                self.state = b""
        return b"".join(lines)

    def _last_state(self, line: bytes) -> bytes:
        """The last that a terminal would show of the line. What it had shown before is then done with."""
        before, self.state = self.state, b""
        if b"\r" not in line:
            return line or before
        return next((state for state in reversed(line.split(b"\r")) if state.strip()), before)
