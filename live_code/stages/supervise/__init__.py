"""Stays with the job whatever happens to it, and reports truly how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.errors import LiveCodeError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import TaskConfig
from live_code.stages.supervise.attempts import Channel, run
from live_code.stages.supervise.exit import Exit, Places, Report, Rules
from live_code.tools.terminal import log

__all__ = ["Channel", "Exit", "Places", "Report", "Rules", "places", "require_success", "rules", "run", "show"]

MIB = 1 << 20
_NONE = Merged({}, {})


def rules(request: Request, merged: Merged, missing: Mapping[str, str]) -> Rules:
    """What the task asks of supervision. ``missing``: messages about models, by the key that names them."""
    return Rules(
        grace=request.stop_grace_s,
        max_duration=request.max_duration_s,
        stall_timeout=request.stall_timeout_s,
        log_quota=round(request.log_quota_mb * MIB),
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


def require_success(exit: Exit, monitor: protocol.Monitor | None, merged: Merged = _NONE) -> None:
    """Raises JobError when the job did not end well. ``monitor``: the last state that it reported itself."""
    if exit.ok:
        return
    from live_code.stages.supervise import verdict

    if error := verdict.of(exit, monitor, merged):
        raise error


def show(error: LiveCodeError, tensorboard: Path) -> None:
    """Puts the end of a failed run into tensorboard too, where the platform's users look first."""
    from live_code.tools.telemetry.eventfile import EventFile
    from live_code.tools.telemetry.sampler import RUN

    text = f"**{error.phase}: {error}**\n\n```\n{error.details}\n```\n"
    try:
        events = EventFile(tensorboard / RUN)
        events.text(0, "executor tail", text)
        events.close()
    except OSError as failure:
        log.warning(f"the end can't be shown in tensorboard: {failure.strerror}")
