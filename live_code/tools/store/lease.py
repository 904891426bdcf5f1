"""Who may write an entry now, and who is using it: told between processes, containers and hosts that share a store.

Within one kernel (all containers of a host) flock decides: it ends with the process, however that ends. It is not
believed between hosts, where some network file systems only pretend to have it; there a lease decides: a file that
its holder touches again and again, and that counts as left behind when it was not touched for long.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from live_code.tools.terminal import log

BEAT_S = 10.0
STALE_S = 60.0  # no beat seen for so long, by the watcher's own clock: clocks of hosts differ
_POLL_S = 0.2
# Ends the name of the file beside a run's work tree that tells whether the run still lives.
TREE_MARK = ".live-code-run"


@contextmanager
def exclusive(path: Path, waiting_for: str) -> Iterator[int]:
    """Holds the lock ``path``. Yields its file: a child that inherits it keeps the lock until it has ended too.

    Says once, in a line, what is waited for. Raises OSError when the lock can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    lease = path.with_name(f"{path.name}.lease")
    name = f"{_kernel()} {os.getpid()} {time.monotonic_ns()}"
    try:
        with _said_once(waiting_for) as waits:
            _take(lease, name, _lock(handle, waits), waits)
        with _beating(lambda: os.utime(lease, follow_symlinks=False)):
            try:
                yield handle
            finally:
                _give_back(lease, name)
    finally:
        os.close(handle)


def keep(path: Path) -> None:
    """Marks what ``path`` stands for as used, from now until this process ends. Does what it can: a store that is
    read-only here is used all the same."""
    if path in _in_use:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH)
    os.utime(handle)
    _in_use[path] = handle
    _beats.add(lambda: os.utime(handle))


def mark_of(tree: Path) -> Path:
    """The file to ``keep`` for as long as the work tree is needed."""
    return tree.with_name(f".{tree.name}{TREE_MARK}")


def tree_of(mark: Path) -> Path:
    return mark.with_name(mark.name[1:].removesuffix(TREE_MARK))


@contextmanager
def unused(path: Path, idle_s: float) -> Iterator[bool]:
    """Whether nobody uses what ``path`` stands for, and nobody can begin to while the block lasts.

    Another host's use is known by its beat only: ``idle_s`` is how long there must have been none.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _free(handle) and _age(path) >= idle_s
    finally:
        os.close(handle)


def _free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no flock here: the beat alone tells
    return True


def _age(path: Path) -> float:
    """Seconds since the file was touched, by the clock of whoever keeps the files."""
    probe = path.with_name(f".now-{os.getpid()}")
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now - path.stat().st_mtime


def _lock(handle: int, waits: Callable[[], None]) -> bool:
    """Takes the flock; False where the file system has none."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waits()
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
        return False
    return True


def _take(lease: Path, name: str, locked: bool, waits: Callable[[], None]) -> None:
    """Makes the lease ours. It is a symbolic link to our name: made at once, with its content, everywhere.

    ``locked``: the flock is ours, so a lease of this kernel belongs to someone who is dead.
    """
    seen, since = ("", 0), time.monotonic()
    while not _made(lease, name):
        state = _state(lease)
        if state is None:
            continue
        if state != seen:
            seen, since = state, time.monotonic()
        if (locked and state[0].split()[0] == _kernel()) or time.monotonic() - since > STALE_S:
            _remove_if(lease, state[0])
        else:
            waits()
            time.sleep(_POLL_S)


def _give_back(lease: Path, name: str) -> None:
    with suppress(OSError):
        if str(lease.readlink()) == name:  # else we were thought dead and another has it
            lease.unlink()


def _made(lease: Path, name: str) -> bool:
    try:
        lease.symlink_to(name)
    except FileExistsError:
        return False
    return True


def _state(lease: Path) -> tuple[str, int] | None:
    try:
        return str(lease.readlink()), lease.lstat().st_mtime_ns
    except FileNotFoundError:
        return None


def _remove_if(lease: Path, name: str) -> None:
    """Removes the lease of that name; another's, taken in the same moment, is put back."""
    aside = lease.with_name(f"{lease.name}.{os.getpid()}.old")
    with suppress(FileNotFoundError):
        lease.rename(aside)
        current = str(aside.readlink())
        if current != name:
            _made(lease, current)
        aside.unlink()


def _kernel() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return os.uname().nodename


@contextmanager
def _said_once(waiting_for: str) -> Iterator[Callable[[], None]]:
    started: list[float] = []

    def waits() -> None:
        if not started:
            started.append(time.monotonic())
            log.info(f"another process is at it, waiting: {waiting_for}")

    yield waits
    if started:
        log.info(f"waited {time.monotonic() - started[0]:.1f} s: {waiting_for}")


@contextmanager
def _beating(beat: Callable[[], None]) -> Iterator[None]:
    _beats.add(beat)
    try:
        yield
    finally:
        _beats.remove(beat)


class _Beats:
    """One thread that beats for all that this process holds; it starts with the first and sleeps most of the time."""

    def __init__(self) -> None:
        self._all: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def add(self, beat: Callable[[], None]) -> None:
        self._all.append(beat)
        if self._thread is None or not self._thread.is_alive():  # a fork has no threads
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def remove(self, beat: Callable[[], None]) -> None:
        self._all.remove(beat)

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_S)
            for beat in tuple(self._all):
                with suppress(OSError):
                    beat()


_beats = _Beats()
_in_use: dict[Path, int] = {}
