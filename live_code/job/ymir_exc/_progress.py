"""Puts lines into ``monitor.txt``: each replaces the last one at once, and none goes back.

On a disk a replaced file costs milliseconds. A flood of lines is thinned so that the job does not wait for them; the
last one is written a moment later by a thread of our own, and at the end of the process at the latest.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
import time
import warnings
from _thread import start_new_thread

from . import protocol
from ._lock import FolderLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

BURST_S = 0.05
SHARE = 0.05
DELAY_S = 0.05
_FINAL = (protocol.STATE_DONE, protocol.STATE_ERROR)


def report(path: str, line: protocol.Monitor) -> None:
    """Writes the line: now when it is an error, the end, or there is time for it; else within ``DELAY_S``."""
    ends = line.state != protocol.STATE_RUNNING or line.percent >= 1.0
    start = time.monotonic()
    if path != _Waiting.path:
        _Waiting.flush()
        _Waiting.path, _Waiting.line, _Budget.debt = path, None, 0.0
    if not ends and not _Budget.allows(start) and _Waiting.add(line):
        return
    _Waiting.line = None
    try:
        publish(path, line)
    except OSError as error:
        warnings.warn(f"progress not reported: {error}", RuntimeWarning, stacklevel=3)
    _Budget.spend(start, time.monotonic())


class _Budget:
    """How long writing may keep the job waiting: ``BURST_S`` at once, ``SHARE`` of the time in the long run."""

    debt = 0.0
    since = 0.0

    @classmethod
    def allows(cls, now: float) -> bool:
        return cls.debt - (now - cls.since) * SHARE < BURST_S

    @classmethod
    def spend(cls, start: float, end: float) -> None:
        cls.debt = max(cls.debt - (end - cls.since) * SHARE, 0.0) + end - start
        cls.since = end


class _Waiting:
    """The newest line that is not written yet. Assigned whole, never changed: threads and signal handlers may meet."""

    path = ""
    line: Optional[protocol.Monitor] = None
    written: Optional[protocol.Monitor] = None
    writer_of = 0  # the process in which a thread is about to write; a forked child has none
    flushes_in = 0

    @classmethod
    def add(cls, line: protocol.Monitor) -> bool:
        """Whether the line will be written later; False at the end of the process, when no thread can start."""
        process = os.getpid()
        cls.line = line
        if cls.flushes_in != process:
            cls.flushes_in = process
            _at_exit()
        if cls.writer_of != process:
            try:
                start_new_thread(cls.write_soon, ())
            except RuntimeError:
                return False
            cls.writer_of = process
        return True

    @classmethod
    def write_soon(cls) -> None:
        time.sleep(DELAY_S)
        cls.writer_of = 0
        cls.flush()

    @classmethod
    def flush(cls) -> None:
        line = cls.line
        if line is not None and line is not cls.written:
            cls.written = line
            try:
                publish(cls.path, line, late=True)
            except OSError as error:
                warnings.warn(f"progress not reported: {error}", RuntimeWarning, stacklevel=2)


def _at_exit() -> None:
    atexit.register(_Waiting.flush)
    workers = sys.modules.get("multiprocessing.util")
    if workers is not None:  # its processes end without the functions that atexit knows
        workers.Finalize(None, _Waiting.flush, exitpriority=10)


class _Last:
    """The line that this process wrote last and the file that holds it: while that stands it need not be read."""

    path = ""
    stamp = (0, 0)
    line = protocol.Monitor("", 0.0, 0.0, protocol.STATE_RUNNING)


def publish(path: str, line: protocol.Monitor, late: bool = False) -> None:
    """Replaces the file, unless it says how this task ended or, for a ``late`` line, is newer. Raises OSError."""
    with FolderLock(os.path.dirname(path)):
        standing = _standing(path)
        if standing is not None and standing.task_id == line.task_id:
            ends = standing.state in _FINAL and line.state == protocol.STATE_RUNNING
            newer = late and standing.timestamp > line.timestamp and standing.percent >= line.percent
            if ends or newer:
                return
            if standing.percent > line.percent:
                line = line._replace(percent=standing.percent)
        stamp = _replace(path, protocol.format_monitor(line))
        _Last.path, _Last.stamp, _Last.line = path, stamp, line


def _standing(path: str) -> Optional[protocol.Monitor]:
    """What the file says now, by whomever; None when it is missing or not a monitor file."""
    try:
        stat = os.stat(path)
        if path == _Last.path and (stat.st_ino, stat.st_mtime_ns) == _Last.stamp:
            return _Last.line
        with open(path, encoding="utf-8") as file:
            return protocol.parse_monitor(file.read())
    except (OSError, ValueError):
        return None


def _replace(path: str, text: str) -> Tuple[int, int]:
    """As protocol.AtomicFile, in fewer steps: this is called for every batch. Returns what tells the file again."""
    aside = protocol.aside_of(path)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        try:
            data = text.encode(errors="replace")
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            stat = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)
    except OSError as error:
        protocol.remove(aside)
        raise protocol.kept(error, path) from error
    return stat.st_ino, stat.st_mtime_ns
