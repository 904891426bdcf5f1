"""The processes below one of ours: found in /proc, adopted when their parents die, ended to the last one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from live_code.values import NamedTuple

PR_SET_CHILD_SUBREAPER = 36
PAUSE_S = 0.005
ZOMBIE_STATES = "ZX"
NONE: frozenset[int] = frozenset()


class Process(NamedTuple):
    """A line of ``/proc/<pid>/stat``. ``cpu`` is the time used so far, in clock ticks."""

    pid: int
    parent: int
    state: str
    cpu: int
    session: int = 0


def adopt_orphans() -> bool:
    """From now on processes below us whose parent dies become our children. False where the kernel doesn't do it.

    It holds for what has been started already, too (Linux 4.11 and newer).
    """
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except AttributeError:  # no Linux
        return False


def below(root: int, apart: frozenset[int] = NONE) -> tuple[Process, ...]:
    """All processes below ``root`` but those in or below ``apart``; the dead that nobody has waited for among them."""
    if root == os.getpid() and _is_childless():
        return ()
    children: dict[int, list[Process]] = {}
    for process in _all():
        children.setdefault(process.parent, []).append(process)
    processes: list[Process] = []
    waiting = [root]
    while waiting:
        born = [process for process in children.pop(waiting.pop(), []) if process.pid not in apart]
        processes += born
        waiting += [process.pid for process in born]
    return tuple(processes)


def _is_childless() -> bool:
    """Whether nothing is below this process. The kernel tells it at once, however many processes the machine has."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def living(root: int, apart: frozenset[int] = NONE) -> tuple[Process, ...]:
    return tuple(process for process in below(root, apart) if process.state not in ZOMBIE_STATES)


def of_session(session: int, apart: frozenset[int] = NONE) -> tuple[Process, ...]:
    """All living processes of a session but those with these numbers, whoever their parent is."""
    members = (process for process in _all() if process.session == session and process.pid not in apart)
    return tuple(process for process in members if process.state not in ZOMBIE_STATES)


def command(pid: int) -> str:
    """The command line of a process, '' for one that has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:  # noqa: PTH123
            words = file.read(1 << 12).split(b"\0")
    except OSError:
        return ""
    return " ".join(word.decode("utf-8", "backslashreplace") for word in words if word)


def send(processes: tuple[Process, ...], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def kill_all(root: int, seconds: float, apart: frozenset[int] = NONE) -> bool:
    """Kills what lives below ``root`` until nothing does, for so long at most. False if something is left.

    It looks again and again: what is born meanwhile is found, as its parent is dead or still below ``root``.
    """
    until = time.monotonic() + seconds
    while left := living(root, apart):
        send(left, signal.SIGKILL)
        if time.monotonic() >= until:
            return False
        time.sleep(PAUSE_S)
    return True


def _all() -> Iterator[Process]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - this is done often
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:  # noqa: PTH123
                    text = file.read()
            except OSError:  # it ended meanwhile
                continue
            fields = text[text.rindex(b")") + 2 :].split()
            cpu = int(fields[11]) + int(fields[12])
            yield Process(int(name), int(fields[1]), fields[0].decode(), cpu, int(fields[3]))
