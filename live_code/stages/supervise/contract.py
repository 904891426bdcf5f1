"""What a supervised job is given, its rules and places, and all that is known of its end: values only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import TaskConfig
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

# Who or what ended the job when it did not end by itself.
MAX_DURATION = "max_duration"
STALL = "stall"
HANGING_RANKS = "hanging_ranks"
FALLEN = "fallen"


class Rules(NamedTuple):
    """Times in seconds; 0: no limit. ``grace`` lies between SIGTERM and SIGKILL; ``log_quota`` is in bytes.

    ``retries``: how many attempts may follow the first, after failures of the classes in ``retry_on``.
    ``missing_model``: the message about a model that mining or infer was to take and that is not there.
    """

    grace: float = 10.0
    max_duration: float = 0.0
    stall_timeout: float = 0.0
    log_quota: int = 1 << 30
    telemetry_every: float = 5.0
    retries: int = 0
    retry_on: tuple[str, ...] = ()
    gpu_wanted: bool = False
    missing_model: str = ""


class Places(NamedTuple):
    """What is written and watched: the log, the monitor of the job's progress, folders whose disk may run full, the
    folder that the job writes to.
    """

    log_file: Path
    monitor_file: Path
    disks: tuple[Path, ...] = ()
    output: Path | None = None
    tensorboard: Path | None = None

    @property
    def reports(self) -> Path:
        return self.log_file.parent / "exceptions"


class Frame(NamedTuple):
    file: str
    line: int
    function: str
    code: str


class Report(NamedTuple):
    """An exception that ended a process of the job, as its start-up hook left it. ``rank`` is '' outside of a group.

    ``cause``: what it was raised from; ``context``: what the handler that raised it had caught. ``over``: the process
    was seen to end of it, for which it may have waited for ``threads``. ``script``: the name of its program.
    ``later``: lines that the job has printed after it.
    """

    type: str
    message: str
    cause: str
    frames: tuple[Frame, ...]
    rank: str
    pid: int
    time: float
    parent: int = 0
    context: str = ""
    over: bool = False
    threads: tuple[str, ...] = ()
    script: str = ""
    later: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The last line of its traceback."""
        return f"{self.type}: {self.message}" if self.message else self.type


class Exit(NamedTuple):
    """How the job ended. ``signal`` is what killed it (0: nothing did), ``stopped_by`` the signal that we passed on,
    ``ended_by`` the limit for which we ended it, ``oom_kills`` how many processes the kernel killed for memory here;
    ``output`` is the folder that it wrote to, ``root`` the one that its code lies in. ``pid``: of its first process;
    ``ended``: when, in Unix seconds, 0 for not known. ``left``: the commands that were still running then.
    ``memory_counted``: the kernel counts the kills for memory here, so that 0 of them means none.
    """

    code: int
    signal: int
    stopped_by: int
    seconds: float
    tail: tuple[str, ...]
    ended_by: str = ""
    reports: tuple[Report, ...] = ()
    oom_kills: int = 0
    full: tuple[str, ...] = ()
    no_gpu: bool = False
    missing_model: str = ""
    output: str = ""
    root: str = ""
    usage: Mapping[str, Any] | None = None
    pid: int = 0
    ended: float = 0.0
    left: tuple[str, ...] = ()
    memory_counted: bool = False
    # What became of it, for the record: the kind of the failure.
    verdict: str = ""

    @property
    def ok(self) -> bool:
        """A job that was sent a stop signal has not done its task, even if it ends with 0."""
        return not (self.code or self.signal or self.stopped_by or self.ended_by)

    @property
    def exit_code(self) -> int:
        """What a shell would say: 128+n for a death by signal; the job's own code else; 124 for one out of time."""
        if self.ended_by == FALLEN:  # as it would have ended by itself
            return 1
        if self.ended_by:
            return 124
        if self.signal:
            return 128 + self.signal
        return self.code or (128 + self.stopped_by if self.stopped_by else 0)


def rules(request: Request, merged: Merged, missing: Mapping[str, str]) -> Rules:
    """What the task asks of supervision. ``missing``: messages about models, by the key that names them."""
    return Rules(
        grace=request.stop_grace_s,
        max_duration=request.max_duration_s,
        stall_timeout=request.stall_timeout_s,
        log_quota=round(request.log_quota_mb * (1 << 20)),
        retries=request.retries,
        retry_on=request.retry_on,
        gpu_wanted=bool(str(merged.values.get("gpu_id") or "").strip()),
        missing_model=missing.get("model_params_path", ""),
    )


def places(task: TaskConfig, record_dir: Path, *disks: Path) -> Places:
    """Where the job is to be seen. ``record_dir``: our own folder in /out; ``disks``: what else it needs room on."""
    return Places(
        log_file=record_dir / "job.log",
        monitor_file=Path(task.output["monitor_file"]),
        disks=(record_dir, *disks),
        output=Path(task.output["root_dir"]),
        tensorboard=Path(task.output["tensorboard_dir"]),
    )
