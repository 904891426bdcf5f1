"""Runs the job in a session of its own: passes its output on, forwards signals, stops it in steps, keeps its end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, NamedTuple

from live_code import log
from live_code.errors import JobError, LaunchError
from live_code.job.ymir_exc import protocol
from live_code.launch import Launch

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
STOPPING = (signal.SIGTERM, signal.SIGINT)
# What a dead job's children may still say before they are ended, in seconds.
LAST_WORDS_S = 1.0
TICK_S = 0.2
TAIL_LINES = 30


class Exit(NamedTuple):
    """How the job ended. ``signal`` is what killed it (0: nothing did), ``stopped_by`` what we were told to pass on."""

    code: int
    signal: int
    stopped_by: int
    seconds: float
    tail: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """A job that was told to stop has not done its task, even if it ends with 0."""
        return not (self.code or self.signal or self.stopped_by)

    @property
    def exit_code(self) -> int:
        """What a shell would say: 128+n for a death by signal; the job's own code else."""
        if self.signal:
            return 128 + self.signal
        return self.code or (128 + self.stopped_by if self.stopped_by else 0)


def run(launch: Launch, log_file: Path, grace: float) -> Exit:
    """Starts the job and stays with it to its end. ``grace``: seconds between SIGTERM and SIGKILL.

    Its output goes to ours line by line, and to ``log_file``. Raises LaunchError when it can't be started.
    """
    started = time.monotonic()
    with log_file.open("ab", buffering=0) as copy:
        job = _start(launch)
        with _Stopper(job, grace).installed() as stopper:
            tail = _pass_on(job, copy, stopper)
            code = job.wait()
    return Exit(
        code=max(code, 0),
        signal=max(-code, 0),
        stopped_by=stopper.told,
        seconds=time.monotonic() - started,
        tail=tail,
    )


def require_success(ended: Exit, said: protocol.Monitor | None) -> None:
    """Raises JobError when the job did not end well. ``said``: its own last word in the monitor, which counts if it is
    an error with a code.
    """
    if ended.ok:
        return
    error = _as_error(ended)
    if said and said.state == protocol.STATE_ERROR and said.return_code and not ended.stopped_by:
        error = JobError(said.message or error.message, hint=error.message, details="\n".join(said.stack or ended.tail))
        error.return_code = said.return_code
    error.exit_code = ended.exit_code
    raise error


def _as_error(ended: Exit) -> JobError:
    details = "\n".join(ended.tail)
    after = f"after {ended.seconds:.0f} s"
    if ended.stopped_by:
        return JobError(f"the task was stopped by {signal.Signals(ended.stopped_by).name} {after}.", details=details)
    if ended.signal:
        hint = "Nobody told us to stop: the host's out-of-memory killer is the usual cause."
        name = signal.Signals(ended.signal).name
        return JobError(
            f"the job was killed by {name} {after}.", hint=hint if name == "SIGKILL" else "", details=details
        )
    hint = "Its last lines say why; the whole output is in live-code/job.log."
    return JobError(f"the job ended with exit code {ended.code} {after}.", hint=hint, details=details)


def _start(launch: Launch) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=dict(launch.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise LaunchError(
            f"the job can't be started: {launch.argv[0]}: {error.strerror}.",
            hint=f"{launch.entrypoint.origin} names it as entrypoint.",
        ) from error


class _Stopper:
    """Passes signals on to the job's process group, and ends what is left of it when its time is up."""

    def __init__(self, job: subprocess.Popen[bytes], grace: float) -> None:
        self.job = job
        self.grace = grace
        self.told = 0
        self.deadline = float("inf")

    @contextmanager
    def installed(self) -> Iterator[_Stopper]:
        """Our signal handlers, for as long as the block runs; at its end nothing of the job's group is left."""
        before: dict[int, Any] = {number: signal.signal(number, self._forward) for number in FORWARDED}
        try:
            yield self
        finally:
            self._signal_group(signal.SIGKILL)
            for number, handler in before.items():
                signal.signal(number, handler)

    def look(self) -> None:
        """Called every tick: a job that outlives its grace is killed; so are children that outlive the job."""
        now = time.monotonic()
        if self.job.poll() is not None:
            self.deadline = min(self.deadline, now + LAST_WORDS_S)
        if now >= self.deadline:
            self._signal_group(signal.SIGKILL)

    def given_up(self) -> bool:
        """Whether the job is dead and what still holds its output has left its process group: nobody waits for that."""
        return self.job.poll() is not None and time.monotonic() >= self.deadline + LAST_WORDS_S

    def _forward(self, number: int, _: FrameType | None) -> None:
        if number in STOPPING:
            if self.told:
                self.deadline = 0.0  # told twice: no more patience
            else:
                self.deadline = time.monotonic() + self.grace
                log.info(f"{signal.Signals(number).name} received, passed on; {self.grace:g} s to end")
            self.told = self.told or number
        self._signal_group(number)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.job.pid, number)


def _pass_on(job: subprocess.Popen[bytes], copy: IO[bytes], stopper: _Stopper) -> tuple[str, ...]:
    """Both of the job's streams, line by line, until they end. Returns the last lines."""
    if job.stdout is None or job.stderr is None:
        raise ValueError("the job's output is not piped")
    tail: list[bytes] = []

    def keep(lines: bytes) -> None:
        copy.write(lines)
        tail.extend(lines.splitlines()[-TAIL_LINES:])
        del tail[:-TAIL_LINES]

    with selectors.DefaultSelector() as selector:
        for pipe, ours in ((job.stdout, sys.stdout), (job.stderr, sys.stderr)):
            selector.register(pipe, selectors.EVENT_READ, _Stream(ours.fileno(), keep))
        while selector.get_map() and not stopper.given_up():
            for key, _ in selector.select(TICK_S):
                if not key.data.take(os.read(key.fd, 1 << 16)):
                    selector.unregister(key.fileobj)
            stopper.look()
    while job.poll() is None:  # it closed its output and goes on
        time.sleep(TICK_S)
        stopper.look()
    return tuple(line.decode("utf-8", "replace") for line in tail)


class _Stream:
    """Cuts one stream into whole lines, so that lines of the two never mix."""

    def __init__(self, ours: int, keep: Callable[[bytes], None]) -> None:
        self.ours = ours
        self.keep = keep
        self.rest = b""

    def take(self, piece: bytes) -> bool:
        """Passes on what is whole. False at the stream's end."""
        text = self.rest + piece
        # A progress bar ends its lines with a carriage return; a part that long is passed on as it is.
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1 if piece and len(text) < 1 << 16 else len(text)
        whole, self.rest = text[:end], text[end:]
        if whole:
            _write_all(self.ours, whole)
            self.keep(whole)
        return bool(piece)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    with suppress(BrokenPipeError):  # nobody reads our output any more: the job goes on, its log is complete
        while view:
            view = view[os.write(handle, view) :]
