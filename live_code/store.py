"""The cache folder shared by many containers: locking, building aside and publishing, written once for all entries."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from live_code import files, log
from live_code.errors import StoreError

STORE_VARIABLE = "LIVE_CODE_STORE"
MARKER = ".complete"


class Entry(NamedTuple):
    """A whole entry of the store. ``cached``: it was there before. ``why``: what made a new one necessary."""

    path: Path
    cached: bool
    why: str = ""


class Store(NamedTuple):
    """``<root>/{git,lock,env,wheels,python,...}/<key>``; see docs/architecture.md."""

    root: Path

    def path(self, kind: str, key: str = "") -> Path:
        return self.root / kind / key if key else self.root / kind

    @contextmanager
    def locked(self, kind: str, key: str, waiting_for: str) -> Iterator[None]:
        """Holds the entry's lock; says once, in a line, what is waited for when another process holds it."""
        lock = self.path("locks", f"{kind}-{key}")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _not_writable(self.root, error) from error
        try:
            _wait_for(handle, waiting_for)
            yield
        finally:
            os.close(handle)

    def text(self, kind: str, key: str, make: Callable[[], str], waiting_for: str) -> tuple[str, Entry]:
        """A file of text: read when it is there, else made once by ``make`` and published whole."""
        path = self.path(kind, key)
        if (text := _read(path)) is not None:
            return text, Entry(path, cached=True)
        with self.locked(kind, key, waiting_for):
            if (text := _read(path)) is not None:
                return text, Entry(path, cached=True)
            text = make()
            self._publish(path, text)
        return text, Entry(path, cached=False, why="not in the store")

    def folder(
        self,
        kind: str,
        key: str,
        fill: Callable[[Path], None],
        check: Callable[[Path], str | None],
        waiting_for: str,
    ) -> Entry:
        """A folder that ``fill`` makes at its final place and that counts only once its marker stands in it.

        ``check`` proves an entry before it is reused: it returns what is wrong with it, or None.
        """
        path = self.path(kind, key)
        if _reason(path, check) is None:
            return Entry(path, cached=True)
        with self.locked(kind, key, waiting_for):
            why = _reason(path, check)
            if why is None:
                return Entry(path, cached=True)
            self._rebuild(path, fill)
        return Entry(path, cached=False, why=why)

    def _rebuild(self, path: Path, fill: Callable[[Path], None]) -> None:
        try:
            files.remove_tree(path)
            path.mkdir(parents=True)
        except OSError as error:
            raise _not_writable(self.root, error) from error
        try:
            fill(path)
            self._publish(path / MARKER, "")
        except BaseException:
            files.remove_tree(path)
            raise

    def _publish(self, path: Path, text: str) -> None:
        try:
            files.write_text(path, text)
        except OSError as error:
            raise _not_writable(self.root, error) from error


def find(environ: Mapping[str, str]) -> Store:
    """The store that the container names; else ``/cache`` when it is writable, else the user's cache folder."""
    if named := environ.get(STORE_VARIABLE):
        return Store(Path(named).expanduser().absolute())
    if os.access("/cache", os.W_OK):
        return Store(Path("/cache"))
    home = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
    if home and os.access(_existing_parent(Path(home)), os.W_OK):
        return Store(Path(home, "live-code"))
    return Store(Path("/tmp", f"live-code-{os.getuid()}"))  # noqa: S108 - the last place that any uid can write


def _existing_parent(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _reason(path: Path, check: Callable[[Path], str | None]) -> str | None:
    if not path.exists():
        return "not in the store"
    if not (path / MARKER).exists():
        return "its build was cut off"
    return check(path)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _wait_for(handle: int, waiting_for: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info(f"another process is at it, waiting: {waiting_for}")
        started = time.monotonic()
        fcntl.flock(handle, fcntl.LOCK_EX)
        log.info(f"waited {time.monotonic() - started:.1f} s: {waiting_for}")


def _not_writable(root: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the store {root} can't be written: {error.strerror or error}.",
        hint=f"Mount a writable folder with free space there, or name another in {STORE_VARIABLE}.",
    )
