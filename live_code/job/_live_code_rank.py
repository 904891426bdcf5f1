"""Starts a command in its own place as one rank of a job; each line of its output begins with ``[rank0]:`` and so on.

torchrun starts it with ``-I -S``, for each rank. A process beside the rank marks the lines, so what a rank that is
killed said last comes out too, and nothing of it is kept on a disk.
"""

import itertools
import os
import selectors
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

PIECE = 1 << 16
# Begins a word of the first rank's command alone: a debugger, say, and its options. It stands after the program.
FIRST = "--first="
# So much is written to a pipe in one go, whoever else writes to it (PIPE_BUF).
SURE = 4096


def main(argv: "List[str]") -> None:
    """Never returns. Raises OSError when there is no such command."""
    pipes = [os.pipe(), os.pipe()]
    if not os.fork():
        if not os.fork():  # no child of the rank's, which may wait for its own
            attend([read_end for read_end, _ in pipes], [write_end for _, write_end in pipes])
        os._exit(0)
    os.wait()
    for descriptor, (_, write_end) in zip((1, 2), pipes):
        os.dup2(write_end, descriptor)
    words = command(argv, os.environ["RANK"])
    os.execvp(words[0], words)  # noqa: S606 - the rank is the command itself


def command(argv: "List[str]", rank: str) -> "List[str]":
    """What this rank runs: ``argv`` after the words for the first rank, which that one alone gets."""
    program, *rest = itertools.dropwhile(lambda word: word.startswith(FIRST), argv)
    first = argv[: len(argv) - len(rest) - 1] if rank == "0" else []
    return [program, *(word[len(FIRST) :] for word in first), *rest]


def attend(read_ends: "List[int]", write_ends: "List[int]") -> None:
    """Marks what comes until nobody writes any more; a signal that ends the rank leaves it its last words."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for write_end in write_ends:
        os.close(write_end)
    mark = f"[rank{os.environ['RANK']}]:".encode()
    with selectors.DefaultSelector() as selector:
        for descriptor, read_end in zip((1, 2), read_ends):
            selector.register(read_end, selectors.EVENT_READ, Stream(mark, descriptor))
        while selector.get_map():
            for key, _ in selector.select():
                piece = os.read(key.fd, PIECE)
                key.data.feed(piece)
                if not piece:
                    selector.unregister(key.fd)


class Stream:
    def __init__(self, mark: bytes, descriptor: int) -> None:
        self.mark = mark
        self.descriptor = descriptor
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Passes on what is whole; an empty piece ends the stream and its line: other ranks go on."""
        text = self._rest + (piece or (b"\n" if self._rest else b""))
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if not piece or len(text) - end >= PIECE:
            end = len(text)
        self._rest = text[end:]
        self._write([line if line == b"\r" else self.mark + line for line in text[:end].splitlines(True)])

    def _write(self, lines: "List[bytes]") -> None:
        """Whole lines at once: other ranks write to the same pipe."""
        together = b""
        for line in lines:
            if len(together) + len(line) > SURE:
                write(self.descriptor, together)
                together = b""
            together += line
        write(self.descriptor, together)


def write(handle: int, text: bytes) -> None:
    while text:
        text = text[os.write(handle, text) :]


if __name__ == "__main__":
    main(sys.argv[1:])
