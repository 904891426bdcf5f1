"""Git LFS: the contents that a commit's pointers stand for, fetched into the store and written into the work tree.

Done here and not by git's filters: a filter is a program that configuration names, and repos bring configuration.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from live_code.errors import NotFoundError
from live_code.tools import files
from live_code.tools.git import repository, worktree
from live_code.tools.git.contents import Pointer
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.url import GitUrl
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store


def fill(wanted: Wanted, pointers: tuple[Pointer, ...], place: Path, store: Store, settings: GitSettings) -> None:
    """Puts the contents in the place of their pointers. Raises SourceError naming the files that could not be had."""
    layers, top = repository.places(wanted.url, store), repository.find(wanted.url, store).path
    if _missing(layers, pointers):
        store.use("git", top.name)
        with store.locked("lfs", top.name, f"LFS objects of {wanted.url} are being fetched"):
            _fetch(wanted.url, _missing(layers, pointers), top, store, settings)
    for pointer in pointers:
        _put(_find(layers, pointer) or object_path(top, pointer.oid), place / pointer.path)
    worktree.assume_unchanged(place, [pointer.path for pointer in pointers], settings.inherited)


def object_path(folder: Path, oid: str) -> Path:
    """Where git LFS keeps an object, in the store as in any repository."""
    return folder / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


def _missing(layers: Iterable[Path], pointers: Iterable[Pointer]) -> list[Pointer]:
    return [pointer for pointer in pointers if not _find(layers, pointer)]


def _find(layers: Iterable[Path], pointer: Pointer) -> Path | None:
    return next((path for layer in layers if os.access(path := object_path(layer, pointer.oid), os.R_OK)), None)


def _fetch(url: GitUrl, pointers: list[Pointer], top: Path, store: Store, settings: GitSettings) -> None:
    if url.scheme == "file":
        for pointer in pointers:
            _copy(url, pointer, top)
        return
    from live_code.tools.git import access, lfs_server

    with access.opened(settings, store, url, top) as opened:
        lfs_server.download(url, pointers, lambda oid: object_path(top, oid), opened)


def _copy(url: GitUrl, pointer: Pointer, top: Path) -> None:
    for folder in (Path(url.path, ".git"), Path(url.path)):
        source = object_path(folder, pointer.oid)
        if source.exists() and files.sha256_file(source) == pointer.oid:
            with files.replacing(object_path(top, pointer.oid)) as aside:
                shutil.copyfile(source, aside)
            return
    raise NotFoundError(f"{url} lacks the LFS object of {pointer.path}.", hint="Push it: git lfs push --all.")


def _put(source: Path, target: Path) -> None:
    """Takes the pointer's place, and keeps its mode. A copy: the job may write into the file."""
    mode = target.lstat().st_mode
    with files.replacing(target) as aside:
        shutil.copyfile(source, aside)
        aside.chmod(mode & 0o777)
