"""The job's processes: started in a session of their own, signalled, stopped in steps, ended to the last one."""

from __future__ import annotations

import fcntl
import math
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from live_code.errors import LaunchError
from live_code.stages.launch.plan import Launch
from live_code.stages.supervise.contract import Rules
from live_code.tools.processes import guard, proctree
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import IO, Any

FORWARDED = (*guard.STOPPING, signal.SIGUSR1, signal.SIGUSR2)
# What a dead job's children may still do before they are killed, in seconds.
LAST_WORDS_S = 1.0
# How long what the job has started may take to end by itself, as helpers of Python do when their parent is gone.
ENDING_ANYWAY_S = 0.1
# How long processes may take to die of SIGKILL.
KILL_S = 2.0
PIPE_BYTES = 1 << 20
# Waits for the end of its input, which comes when nobody is left who attends to the job, and for the grace.
HEIR = 'read -r _; sleep "$1"; kill -s KILL -- "-$2"'

# Processes of Python's and of ours, which end with those that they help.
_HELPERS = re.compile(r"multiprocessing\.(?:resource_tracker|forkserver|semaphore_tracker)|_live_code_rank\.py")


class Group:
    """The job and all that it starts, also what leaves its process group: orphans come to us.

    ``others``: children of this process that were there before and are none of the job's.
    ``left``: the commands of processes that were still running when the job's first one had ended.
    """

    def __init__(self, grace: float) -> None:
        self.others = frozenset(process.pid for process in proctree.below(os.getpid()))
        self.grace = grace
        self.started = time.monotonic()
        self.stopped_by = 0
        self.ended_by = ""
        self.left: tuple[str, ...] = ()
        self._job: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._heir: subprocess.Popen[bytes] | None = None
        self._deadline = float("inf")
        self._dead_since = 0.0
        self._told_to_end = False
        self._has_strays = False

    @property
    def job(self) -> subprocess.Popen[bytes]:
        if self._job is None:
            raise ValueError("the job has not been started")
        return self._job

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        if self.job.stdout is None or self.job.stderr is None:
            raise ValueError("the job's output is not piped")
        return self.job.stdout, self.job.stderr

    @property
    def dead(self) -> bool:
        """Whether the job's first process has ended. Others of it may go on."""
        return self.job.returncode is not None

    @property
    def code(self) -> int:
        """As subprocess has it: the exit code, or the negative signal."""
        return self.job.wait()

    @property
    def ending(self) -> bool:
        """Whether it is being stopped, or its first process has ended: the rest takes seconds at most."""
        return self.dead or bool(self.stopped_by or self.ended_by)

    def find_strays(self) -> None:
        """Orphans come to us from now on; some may have been made before, in the milliseconds since the start."""
        own = frozenset(process.pid for process in proctree.below(os.getpid()))
        self._has_strays = bool(proctree.of_session(self.job.pid, own | {self.job.pid}))

    def living(self) -> tuple[proctree.Process, ...]:
        """All that lives of the job, the strays of its session too."""
        own = proctree.living(os.getpid(), self.others)
        if not self._has_strays:
            return own
        return (*own, *proctree.of_session(self.job.pid, frozenset(process.pid for process in own)))

    def kill(self) -> bool:
        """Kills all that is left of it. False if something does not even die of that."""
        if self._has_strays:
            proctree.send(proctree.of_session(self.job.pid), signal.SIGKILL)
        return proctree.kill_all(os.getpid(), KILL_S, self.others)

    def end(self, why: str) -> None:
        """Ends the job for a limit of ours, in the same steps as a stop from outside."""
        if not self.ended_by:
            self.ended_by = why
            self._stop(signal.SIGTERM)

    def poll(self) -> bool:
        """Called again and again: kills what has had its time. True when nothing of the job lives any more."""
        self.reap()
        now = time.monotonic()
        if self.dead:
            left = self.living()
            if not left:
                return True
            self._dead_since = self._dead_since or now
            if not self._stopping and not self._told_to_end and now - self._dead_since >= ENDING_ANYWAY_S:
                self._told_to_end = True  # it ended by itself and left children behind
                commands = (proctree.command(process.pid) for process in left)
                self.left = tuple(command for command in commands if command and not _HELPERS.search(command))
                self._deadline = now + LAST_WORDS_S
                proctree.send(left, signal.SIGTERM)
        if now >= self._deadline:
            return self.kill() and self.dead
        return False

    def reap(self) -> None:
        """Waits for the job and for every orphan that has come to us, as far as they have ended."""
        with suppress(ChildProcessError):
            while child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if child.si_pid == self.job.pid:
                    self.job.wait()
                elif self._heir and child.si_pid == self._heir.pid:
                    self._heir.wait()
                elif child.si_pid in self.others:
                    return
                else:
                    os.waitpid(child.si_pid, 0)

    @property
    def _stopping(self) -> bool:
        return bool(self.stopped_by or self.ended_by)

    def start(self, launch: Launch, env: Mapping[str, str]) -> None:
        """Raises LaunchError when there is nothing to start."""
        theirs, self._lifeline = os.pipe()
        try:
            job = subprocess.Popen(
                launch.argv,
                cwd=launch.cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(theirs,),
            )
            self._job = job
            proctree.adopt_orphans()
            if self.stopped_by:
                self._signal(self.stopped_by)
            _signal_at_our_death(job, theirs)
            self._heir = _heir(job, theirs, self.grace)
        except OSError as error:
            raise LaunchError(
                f"the job can't be started: {launch.argv[0]}: {error.strerror}.",
                hint=f"{launch.entrypoint.origin} names it as entrypoint.",
            ) from error
        finally:
            os.close(theirs)
        if self._heir:
            self.others |= {self._heir.pid}
        for pipe in (job.stdout, job.stderr):
            if pipe:
                _widen(pipe)

    def close(self) -> None:
        """Nothing of the job lives any more."""
        if self._job:
            self.reap()
        if self._heir:  # before it sees that the lifeline is closed
            self._heir.kill()
            self._heir.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)

    def forward(self, number: int, _: FrameType | None) -> None:
        if number not in guard.STOPPING:
            self._signal(number)
        elif self.stopped_by:
            self._deadline = 0.0  # the second signal: no more patience
        else:
            self.stopped_by = number
            reason = "the guard is gone" if number == guard.ORPHANED else f"{signal.Signals(number).name} received"
            log.info(f"{reason}: the job has {self.grace:g} s to end; a second signal ends it at once")
            self._stop(signal.SIGTERM if number == guard.ORPHANED else number)

    def _stop(self, number: int) -> None:
        self._deadline = min(self._deadline, time.monotonic() + self.grace)
        self._signal(number)

    def _signal(self, number: int) -> None:
        if self._job is None:  # it gets the signal once it has been started
            return
        if self.dead:  # its number may be another's by now
            proctree.send(self.living(), number)
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.job.pid, number)


@contextmanager
def attended(launch: Launch, env: Mapping[str, str], rules: Rules) -> Iterator[Group]:
    """Starts the job with the variables ``env``. Signals are passed on for as long as the block runs, those that come
    while it is being started too; at the block's end nothing of the job is left.

    Raises LaunchError when there is nothing to start.
    """
    group = Group(rules.grace)
    before: dict[int, Any] = {number: signal.getsignal(number) for number in FORWARDED}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, group.forward)
        group.start(launch, env)
        group.find_strays()
        yield group
    finally:
        if not group.kill():
            log.warning("some of the job's processes do not even die of SIGKILL: the kernel holds them")
        group.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_at_our_death(job: subprocess.Popen[bytes], pipe: int) -> None:
    """Has the kernel send SIGTERM to the job's process group when we are killed together with our guard."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -job.pid)
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGTERM)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def _heir(job: subprocess.Popen[bytes], pipe: int, grace: float) -> subprocess.Popen[bytes] | None:
    """Outlives us for as long as the job has to end, then kills its process group. None where there is no shell.

    It gets none of our variables, as credentials may be among them.
    """
    words = ("/bin/sh", "-c", HEIR, "live-code-heir", str(math.ceil(grace)), str(job.pid))
    try:
        return subprocess.Popen(
            words,
            env={"PATH": os.defpath},
            stdin=pipe,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None


def _widen(pipe: IO[bytes]) -> None:
    """So that the job does not wait for us; a user whose pipes take much memory already keeps the usual 64 KiB."""
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
