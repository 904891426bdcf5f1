"""Two processes for one run: a worker, and a guard that outlives it. Whichever is killed, the other ends what is left.

The guard is small and does little: it passes signals on, waits for every orphan (as process 1 of a container must),
and when the worker has been killed it ends the worker's children and has the loss told. The worker is told by a
signal when the guard has died.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from live_code.tools.processes import proctree
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# What the worker gets when its guard is gone: a signal that nothing else sends.
ORPHANED = signal.SIGPWR
# The signals that mean: come to an end.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, ORPHANED)
# The job's own; until there is one nobody hears them, and nobody dies of them.
UNHEARD = (signal.SIGUSR1, signal.SIGUSR2)
PATIENCE_S = 5.0


def new_name() -> str:
    """A name for a run that both processes know and that no other run on the same store has."""
    return f"run-{os.getpid()}-{time.time_ns():x}"


def run(work: Callable[[], int], lost: Callable[[int], int], failed: Callable[[int], int] = lambda code: code) -> int:
    """Runs ``work`` in a process of its own and returns its exit code.

    When it is killed, nothing that it started is left, and ``lost`` is called with the signal; when it ends with
    another code than 0, ``failed`` is called with that. The code that they return counts.
    """
    read_end, write_end = os.pipe()
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # until there is somebody to pass them on to
    worker = os.fork()
    if worker == 0:
        for number in UNHEARD:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        os.close(write_end)
        os.setsid()  # a key pressed on the terminal reaches the guard, which passes it on: once
        _hear_of_the_end(read_end)
        _leave(work)
    os.close(read_end)
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # started with nohup: it stays so
            signal.signal(number, lambda number, _: _pass_on(worker, number))
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # Ctrl-Z: its clocks go on, so a job is not held
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    return _attend(worker, lost, failed)


def _leave(work: Callable[[], int]) -> NoReturn:
    """Does the work and ends: the worker never returns to who called run()."""
    code = 70  # EX_SOFTWARE: an exception came through
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - nobody above would see it
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _hear_of_the_end(pipe: int) -> None:
    """Has the kernel send ORPHANED when the other end of the pipe, which only the guard holds, is closed."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, ORPHANED)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        os.read(pipe, 1)  # it has an end to read only if the guard had died before
        os.kill(os.getpid(), ORPHANED)


def _attend(worker: int, lost: Callable[[int], int], failed: Callable[[int], int]) -> int:
    proctree.adopt_orphans()  # after the fork: while the worker imports what it needs, this costs nothing
    code = os.waitstatus_to_exitcode(_wait_for(worker))
    proctree.kill_all(os.getpid(), PATIENCE_S)
    _reap_all()
    if code < 0:
        return lost(-code)
    return failed(code) if code else 0


def _pass_on(worker: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(worker, number)


def _wait_for(worker: int) -> int:
    """Waits for every child that ends, orphans of others too, until the worker has ended. Returns its status."""
    while True:
        pid, status = os.wait()
        if pid == worker:
            return status


def _reap_all() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
