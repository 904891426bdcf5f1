"""What the store holds, how large it is and when it was used last; and removing what was not used for longest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from live_code.tools import files
from live_code.tools.store import Store, lease
from live_code.values import NamedTuple

KINDS = ("git", "env", "lock", "pylock", "python", "wheels")
_WHOLE = ("wheels",)  # one entry: the installer's own cache
_TRASH = "trash"
_WORK = "work"
IDLE_S = 600.0  # used longer ago than this: a container on another host would have told of itself many times


class Item(NamedTuple):
    """An entry: its size on the disk in bytes, and the time of its last use in seconds since 1970."""

    kind: str
    key: str
    path: Path
    bytes: int
    used_at: float


def items(store: Store, kinds: tuple[str, ...] = KINDS) -> list[Item]:
    """All entries of these kinds, the least recently used first."""
    entries = (_item(store, kind, key) for kind in kinds for key in _keys(store, kind))
    return sorted(entries, key=lambda item: item.used_at)


class Room(NamedTuple):
    """What making room came to, in bytes; ``in_use``: what would have been next but can't go."""

    removed: int
    left: int
    in_use: tuple[Item, ...]


def make_room(store: Store, limit: int, idle_s: float = IDLE_S) -> Room:
    """Removes the least recently used entries until ``limit`` bytes or less are left. Raises OSError."""
    sweep(store, idle_s)
    listed = items(store)
    total = left = sum(item.bytes for item in listed)
    in_use: list[Item] = []
    for item in listed:
        if left <= limit:
            break
        if evict(store, item, idle_s):
            left -= item.bytes
        else:
            in_use.append(item)
    return Room(total - left, left, tuple(in_use))


def evict(store: Store, item: Item, idle_s: float = IDLE_S) -> bool:
    """Removes an entry at once, unless it is in use; False when it is. Raises OSError.

    It is moved aside while nobody can begin to use it, and deleted after: whoever needs it meanwhile makes it anew.
    """
    trash = store.path(_TRASH)
    trash.mkdir(parents=True, exist_ok=True)
    aside = trash / f"{item.kind}-{item.key}-{os.getpid()}"
    with (
        store.locked(item.kind, item.key, f"{item.kind}/{item.key} is being written"),
        lease.unused(store.used(item.kind, item.key), idle_s) as free,
    ):
        if free:
            with suppress(FileNotFoundError):
                item.path.rename(aside)
    files.remove_tree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
    return free


def sweep(store: Store, idle_s: float = IDLE_S) -> None:
    """Removes what was moved aside and not deleted, and work trees of runs of which every process was killed."""
    trash = store.path(_TRASH)
    for path in trash.iterdir() if trash.exists() else ():
        files.remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)
    sweep_work(store.path(_WORK), idle_s)


def sweep_work(folder: Path, idle_s: float = IDLE_S) -> None:
    """Removes work trees in a folder, the store's or another, of runs of which every process was killed."""
    for mark in folder.glob(f".*{lease.TREE_MARK}"):
        with suppress(PermissionError), lease.unused(mark, idle_s) as free:  # it may be another user's
            if free:
                files.remove_tree(lease.tree_of(mark))
                mark.unlink(missing_ok=True)


def _keys(store: Store, kind: str) -> Iterator[str]:
    folder = store.path(kind)
    if not folder.is_dir():
        return
    if kind in _WHOLE:
        yield ""
        return
    for path in folder.iterdir():
        if not path.name.startswith("."):
            yield path.name


def _item(store: Store, kind: str, key: str) -> Item:
    path, used = store.path(kind, key), store.used(kind, key)
    return Item(kind, key, path, _size(path), (used if used.exists() else path).stat().st_mtime)


def _size(path: Path) -> int:
    """Bytes on the disk; a file with several names within the entry counts once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(path):
        for name in ("", *names):
            with suppress(FileNotFoundError):
                status = os.lstat(Path(folder, name))
                seen[(status.st_dev, status.st_ino)] = status.st_blocks * 512
    return sum(seen.values()) if seen else path.stat().st_blocks * 512
