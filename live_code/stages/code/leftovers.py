"""What a job has left in its work tree, which goes with the run: found, named, and kept when it is all there is."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from live_code.job.ymir_exc.protocol import legible
from live_code.tools.telemetry import space
from live_code.values import NamedTuple

MODELS = (".pt", ".pth", ".onnx", ".params", ".weights", ".ckpt", ".safetensors", ".h5")
# Made by tools, for themselves.
_CACHES = frozenset({".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"})
_COMPILED = (".pyc", ".pyo")
# So many are named in the record, and in a sentence.
_NAMED, _IN_A_LINE = 20, 3
# Files that are looked at: what is left of a job with more of them is counted so far.
_MOST = 200_000
# Room that is left on the disk, in bytes: the end has to be reported there.
_SPARED = 16 << 20
_PIECE = 1 << 20


class File(NamedTuple):
    """``name``: relative to the work tree."""

    name: str
    bytes: int


class Left(NamedTuple):
    """``some``: the largest ones, models first. ``kept``: how many of them stand in ``folder`` now, '' for nowhere."""

    files: int
    bytes: int
    some: tuple[File, ...]
    kept: int = 0
    folder: str = ""


def found(place: Path, since: float) -> tuple[File, ...]:
    """All files below ``place`` that were written after a moment, in Unix seconds; models first, then the largest."""
    written = []
    for number, path in enumerate(_files(place)):
        if number == _MOST:
            break
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and status.st_ctime >= since:
            written.append(File(os.path.relpath(path, place), status.st_size))
    return tuple(sorted(written, key=lambda file: (not file.name.endswith(MODELS), -file.bytes, file.name)))


def summary(files: Sequence[File]) -> Left:
    named = tuple(file._replace(name=legible(file.name)) for file in files[:_NAMED])
    return Left(len(files), sum(file.bytes for file in files), named)


def keep(place: Path, files: Sequence[File], folder: Path, quota: int, seconds: float) -> Left:
    """Copies into ``folder`` what fits into ``quota`` bytes, on its disk, and into the time. An earlier run's are
    removed."""
    shutil.rmtree(folder, ignore_errors=True)
    until, room, kept = time.monotonic() + seconds, quota, 0
    for file in files:
        free = space.free(folder.parent)
        if file.bytes > min(room, (free or 0) - _SPARED) or time.monotonic() >= until:
            continue
        if _copied(place / file.name, folder / file.name, until):
            room -= file.bytes
            kept += 1
    return summary(files)._replace(kept=kept, folder=str(folder) if kept else "")


def sentence(left: Left, folder: str) -> str:
    """What was left and what became of it. ``folder``: where it is kept, as a reader knows that place."""
    if not left.files:
        return ""
    names = ", ".join(f"{file.name} ({_size(file.bytes)})" for file in left.some[:_IN_A_LINE])
    more = f" and {left.files - _IN_A_LINE} more" if left.files > _IN_A_LINE else ""
    fate = "and nothing of it is kept"
    if left.kept:
        which = "" if left.kept == left.files else f"{left.kept} of {left.files} "
        fate = f"{which}kept in {folder}"
    total = f" ({_size(left.bytes)} in all)" if left.files > 1 else ""
    return f"The job left {names}{more}{total} in its work tree, {fate}."


def _copied(source: Path, target: Path, until: float) -> bool:
    """A plain file, whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as read, target.open("wb") as written:
            while piece := read.read(_PIECE):
                written.write(piece)
                if time.monotonic() >= until:
                    raise TimeoutError
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True


def _files(place: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name not in _CACHES]
        yield from (os.path.join(folder, name) for name in names if not name.endswith(_COMPILED))  # noqa: PTH118


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
