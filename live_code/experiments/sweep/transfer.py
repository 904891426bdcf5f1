"""Folders over the network, in pieces: a task's data to a node, and what a run leaves back to the driver."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from live_code.values import NamedTuple

PIECE = 4 << 20
# Says that what lies beside is whole, so it comes last.
_LAST = ("result.yaml", "run.json")
# A file that changes all the time is sent meanwhile when it is no larger.
_SMALL = 1 << 20


class Piece(NamedTuple):
    """Some bytes of a file, ``path`` below the folder. ``first``, ``last``: it begins, it ends with these."""

    path: str
    data: bytes
    first: bool
    last: bool


class Changes:
    """What has changed below some names of a folder since it was last looked at."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = names
        self._sent: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def pieces(self, *, all_of_it: bool) -> Iterator[Piece]:
        """Files that changed, those that name others last. A large one that is being written waits until it rests,
        but with ``all_of_it``."""
        states = {path: state for name in self._names for path, state in _files(self._folder, name)}
        for path in sorted(states, key=lambda path: (path.endswith(_LAST), path)):
            state = states[path]
            rests = self._seen.get(path) == state or state[0] <= _SMALL
            if self._sent.get(path) != state and (rests or all_of_it):
                yield from _read(self._folder, path)
                self._sent[path] = state
        self._seen = states


def put(folder: Path, piece: Piece) -> None:
    """Writes a piece that came; the file stands under its name once it is whole. Raises OSError."""
    target = (folder / piece.path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise OSError(f"{piece.path} leaves {folder}")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    with aside.open("wb" if piece.first else "ab") as file:
        file.write(piece.data)
    if piece.last:
        aside.replace(target)


def pack(folder: Path, without: Sequence[str], into: IO[bytes]) -> None:
    """What is in a folder but some names; links are followed: what they lead to may not be there on the other side."""
    with tarfile.open(fileobj=into, mode="w", dereference=True) as archive:
        for entry in sorted(folder.iterdir()):
            if entry.name not in without:
                archive.add(entry, entry.name)


def unpack(packed: IO[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=packed, mode="r|") as archive:
        archive.extractall(folder, filter="data")


def _files(folder: Path, name: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """A file, or all below a folder: path below ``folder``, size and time. What is hidden is half written."""
    top = folder / name
    places = [top] if top.is_file() else (Path(place, file) for place, _, names in os.walk(top) for file in names)
    for path in places:
        try:
            state = path.lstat()
        except OSError:  # it is gone again
            continue
        if stat.S_ISREG(state.st_mode) and not path.name.startswith(".") and path.suffix != ".tmp":
            yield path.relative_to(folder).as_posix(), (state.st_size, state.st_mtime_ns)


def _read(folder: Path, path: str) -> Iterator[Piece]:
    """One that goes away meanwhile is not sent to its end, and so is never taken for whole."""
    try:
        with (folder / path).open("rb") as file:
            first, data = True, file.read(PIECE)
            while True:
                following = file.read(PIECE)
                yield Piece(path, data, first, not following)
                if not following:
                    return
                first, data = False, following
    except OSError:
        return
