"""The cache folder shared by many containers: locking, building aside and publishing, written once for all entries."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
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

_warned: set[str] = set()


class Entry(NamedTuple):
    """A whole entry of the store. ``cached``: it was there before. ``why``: what made a new one necessary."""

    path: Path
    cached: bool
    why: str = ""


class Store(NamedTuple):
    """Layers of ``<root>/{git,lock,env,wheels,python,...}/<key>``; see docs/architecture.md.

    ``root``: the layer on top, where all that is new is made. ``read_only``: layers below it, which are looked through
    first and never written. ``trouble``: why a mounted cache is not the top, '' when there is nothing to tell.
    """

    root: Path
    read_only: tuple[Path, ...] = ()
    trouble: str = ""

    @property
    def layers(self) -> tuple[Store, ...]:
        """Each as a store of its own, in the order in which they are looked through."""
        return (*map(Store, self.read_only), self.top)

    @property
    def top(self) -> Store:
        """Without the layers below."""
        return Store(self.root)

    def path(self, kind: str, key: str = "") -> Path:
        """The place in the layer on top."""
        return self.root / kind / key if key else self.root / kind

    def places(self, kind: str, key: str = "") -> tuple[Path, ...]:
        """The place in each layer, in the order in which they are looked through."""
        return tuple(layer.path(kind, key) for layer in self.layers)

    def read_below(self, kind: str, key: str, read: Callable[[Path], _T | None]) -> _T | None:
        """What ``read`` makes of the entry in the first read-only layer that has it. None when none has; then, once,
        a line says why what is made now is not kept in the cache."""
        for root in self.read_only:
            with suppress(OSError, ValueError):  # what can't be read is lacking
                if (value := read(root / kind / key)) is not None:
                    return value
        _warn_once(self.trouble)
        return None

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
        """A file of text: read when a layer has it, else made once by ``make`` and published whole."""
        path = self.path(kind, key)
        if stored := self.read_below(kind, key, _stored) or _stored(path):
            return stored
        with self.locked(kind, key, waiting_for):
            if stored := _stored(path):
                return stored
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
        """A folder of any layer, else one that ``fill`` makes at its final place. Its marker makes it count.

        ``fill`` gets the lock's file too: a child that inherits it keeps others away when we are killed before it.
        ``check`` proves an entry before it is reused: it returns what is wrong with it, or None.
        """
        if below := self.read_below(kind, key, lambda path: None if _reason(path, check) else path):
            return Entry(below, cached=True)
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
    """The store that the container names; else ``/cache`` when it is writable, else the user's cache folder, above a
    ``/cache`` that is mounted and can only be read."""
    if settings.folder:
        return Store(Path(settings.folder).expanduser().absolute())
    if os.access(CACHE, os.W_OK):
        return Store(CACHE)
    if not _is_mount(CACHE):
        return Store(_private(settings))
    return Store(_private(settings), (CACHE,) if os.access(CACHE, os.R_OK | os.X_OK) else (), _trouble(CACHE))


def _private(settings: StoreSettings) -> Path:
    caches = settings.user_cache
    if caches and os.access(_existing_parent(Path(caches)), os.W_OK):
        return Path(caches, "live-code")
    return Path("/tmp", f"live-code-{os.getuid()}")  # noqa: S108 - the last place that any uid can write


def _trouble(mounted: Path) -> str:
    """Why nothing is kept in a folder that is mounted."""
    if os.statvfs(mounted).f_flag & os.ST_RDONLY:
        return f"{mounted} is mounted read-only: what it has is used, nothing new is kept"
    status = mounted.stat()
    return (
        f"{mounted} is mounted, but user {os.getuid()} can't write it (owner {status.st_uid}, mode"
        f" {status.st_mode & 0o7777:o}): nothing is kept. chmod 1777 the folder that is mounted there, or chown it"
    )


def _warn_once(message: str) -> None:
    if message and message not in _warned:
        _warned.add(message)
        log.warning(message)


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


def _stored(path: Path) -> tuple[str, Entry] | None:
    try:
        return path.read_text(encoding="utf-8"), Entry(path, cached=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
