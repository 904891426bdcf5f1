"""The cache folder shared by many containers: locking, building aside and publishing, written once for all entries."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from live_code.errors import StoreError, StoreFullError
from live_code.tools import files
from live_code.tools.settings import StoreSettings
from live_code.tools.store import lease
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeVar

    _T = TypeVar("_T")

STORE_VARIABLE = "LIVE_CODE_STORE"
MARKER = ".complete"
# Where an image expects a volume to be mounted.
CACHE = Path("/cache")
_HINT_FULL = f"Enlarge it, run live-code cache gc --max-size 50G, or name another in {STORE_VARIABLE}."

_told: set[str] = set()


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
    def locked(self, kind: str, key: str, waiting_for: str) -> Iterator[int]:
        """Holds the entry's lock; says once, in a line, what is waited for when another process holds it.

        Yields the lock's file, for children that are to keep the lock while they outlive us.
        """
        with ExitStack() as stack:
            stack.enter_context(self.shared())
            try:
                handle = stack.enter_context(lease.exclusive(self.path("locks", f"{kind}-{key}"), waiting_for))
            except OSError as error:
                raise self.refused(error) from error
            yield handle

    @contextmanager
    def shared(self) -> Iterator[None]:
        """What is made in the block is as open as the store's own folder: where all may write that, containers of
        different users share it, and each has to be able to go on with what another has made."""
        try:
            mode = self.root.stat().st_mode
        except OSError:  # it is not there yet, or can't be there: whoever writes to it tells
            mode = 0
        before = os.umask(0o077)
        os.umask(before & ~mode)
        try:
            yield
        finally:
            os.umask(before)

    def refused(self, error: OSError) -> StoreError:
        """What it means that something could not be written to the store."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return self.full()
        return StoreError(
            f"the store {self.root} can't be written: {error.strerror or error}.",
            hint=f"Mount a writable folder there, or name another in {STORE_VARIABLE}.",
        )

    def full(self) -> StoreFullError:
        return StoreFullError(f"there is no space left in the store {self.root}.", hint=_HINT_FULL)

    def use(self, kind: str, key: str) -> None:
        """Keeps the entry from being evicted until this process ends. Call it before looking for the entry."""
        with self.shared():
            lease.keep(self.used(kind, key))

    def is_used(self, kind: str, key: str) -> bool:
        """Whether somebody is, or may be, using the entry now; this process too."""
        try:
            with lease.unused(self.used(kind, key), lease.STALE_S) as free:
                return not free
        except OSError:  # read-only here: it can't be known
            return True

    def used(self, kind: str, key: str) -> Path:
        """The file that tells when the entry was used last, and by its lock whether it is being used."""
        return self.path("used", f"{kind}-{key}")

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
        fill: Callable[[Path, int], None],
        check: Callable[[Path], str | None],
        waiting_for: str,
    ) -> Entry:
        """A folder that ``fill`` makes at its final place and that counts only once its marker stands in it.

        ``fill`` gets the lock's file too: a child that inherits it keeps others away when we are killed before it.
        ``check`` proves an entry before it is reused: it returns what is wrong with it, or None.
        """
        self.use(kind, key)
        path = self.path(kind, key)
        if _reason(path, check) is None:
            return Entry(path, cached=True)
        with self.locked(kind, key, waiting_for) as lock:
            why = _reason(path, check)
            if why is None:
                return Entry(path, cached=True)
            self._rebuild(path, lambda root: fill(root, lock))
        return Entry(path, cached=False, why=why)

    def _rebuild(self, path: Path, fill: Callable[[Path], None]) -> None:
        try:
            files.remove_tree(path)
            path.mkdir(parents=True)
        except OSError as error:
            raise self.refused(error) from error
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
            raise self.refused(error) from error


def find(settings: StoreSettings) -> Store:
    """The store that the container names; else ``/cache`` when it is writable, else the user's cache folder."""
    if settings.folder:
        return Store(Path(settings.folder).expanduser().absolute())
    if os.access(CACHE, os.W_OK):
        return Store(CACHE)
    caches = settings.user_cache
    if caches and os.access(_existing_parent(Path(caches)), os.W_OK):
        return Store(Path(caches, "live-code"))
    return Store(Path("/tmp", f"live-code-{os.getuid()}"))  # noqa: S108 - the last place that any uid can write


def all_of(settings: StoreSettings) -> tuple[Store, ...]:
    """The stores to look in, ``find``'s last: a mounted ``/cache`` that can only be read comes before it."""
    readable = trouble(settings) and os.access(CACHE, os.R_OK | os.X_OK)
    return (*([Store(CACHE)] if readable else []), find(settings))


def chosen(settings: StoreSettings) -> Callable[[Callable[[Store], _T]], _T]:
    """Gives a stage the store. Of one that can only be read what it has is taken; what it lacks is made in another."""
    *read_only, writable = all_of(settings)
    if not read_only:
        _tell_once(trouble(settings))

    def kept(stage: Callable[[Store], _T]) -> _T:
        for store in read_only:
            try:
                return stage(store)
            except StoreError:
                _tell_once(trouble(settings))
        return stage(writable)

    return kept


def _tell_once(told: str) -> None:
    if told and told not in _told:
        _told.add(told)
        log.warning(told)


def trouble(settings: StoreSettings) -> str:
    """Why nothing is kept though something is mounted at ``/cache``; '' when it can be written or is no mount."""
    if settings.folder or os.access(CACHE, os.W_OK) or not _is_mount(CACHE):
        return ""
    if os.statvfs(CACHE).f_flag & os.ST_RDONLY:
        return f"{CACHE} is mounted read-only: what it has is used, nothing new is kept"
    found = CACHE.stat()
    return (
        f"{CACHE} is mounted, but user {os.getuid()} can't write it (owner {found.st_uid}, mode"
        f" {found.st_mode & 0o7777:o}): nothing is kept. chmod 1777 the folder that is mounted there, or chown it"
    )


def _is_mount(path: Path) -> bool:
    """A folder mounted from the same disk, which os.path.ismount does not see, too."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return path.is_mount()
    return any(line.split()[4] == str(path) for line in lines)


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
    except (FileNotFoundError, NotADirectoryError):
        return None
