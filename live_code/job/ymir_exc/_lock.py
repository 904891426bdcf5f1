"""One writer at a time in a folder, among the processes and threads of a job."""

from __future__ import annotations

import os
import time
from _thread import get_ident

try:
    import fcntl
except ImportError:  # no such locks on this system: marker files do
    fcntl = None  # type: ignore[assignment]

MARKER = ".ymir_exc.lock"
STALE_AFTER_S = 30.0


class FolderLock:
    """Holds the folder itself locked, so nothing is left behind; a marker file where the file system can't do that.

    The thread that holds it may take it again: a signal handler may report while the same report is being written.
    Raises OSError when the folder is missing or, with the marker, not writable.
    """

    _held: dict[str, int] = {}  # noqa: RUF012 (shared on purpose: all locks of this process)

    def __init__(self, folder: str) -> None:
        self._folder = folder or os.curdir
        self._descriptor = -1
        self._marker = ""

    def __enter__(self) -> FolderLock:
        if self._held.get(self._folder) == _me():
            return self
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            if not _flocked(self._descriptor):
                self._marker = _marked(self._folder)
            self._held[self._folder] = _me()
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor < 0:
            return
        del self._held[self._folder]
        if not self._marker and fcntl is not None:
            # Closing is not enough: a child that was forked meanwhile has the descriptor too.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = -1
        if self._marker:
            _unlink(self._marker)


def _me() -> int:
    return hash((os.getpid(), get_ident()))


def _flocked(descriptor: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # ENOLCK, EOPNOTSUPP, EBADF: network file systems, each in its own way
        return False
    return True


def _marked(folder: str) -> str:
    marker = os.path.join(folder, MARKER)
    while True:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return marker
        except FileExistsError:
            if _age(marker) > STALE_AFTER_S:
                _unlink(marker)
            time.sleep(0.002)


def _age(path: str) -> float:
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def _unlink(path: str) -> None:
    try:  # noqa: SIM105 (contextlib is a millisecond at the start of every process)
        os.unlink(path)
    except OSError:
        pass
