"""Stays with the job whatever happens to it, and reports truly how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from live_code.errors import LiveCodeError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import NO_PARAMETERS, Merged
from live_code.stages.supervise.attempts import Channel, run
from live_code.stages.supervise.contract import Exit, Places, Report, Rules, places, rules
from live_code.tools.terminal import log

__all__ = [
    "Channel",
    "Exit",
    "Places",
    "Report",
    "Rules",
    "explained",
    "places",
    "require_success",
    "rules",
    "run",
    "show",
]


def require_success(
    exit: Exit,
    monitor: protocol.Monitor | None,
    merged: Merged = NO_PARAMETERS,
    labels: Callable[[], str] = lambda: "",
) -> None:
    """Raises JobError when the job did not end well. ``monitor``: the last state that it reported itself; ``labels``:
    looks for labels that class_names has no name for, and returns the message about them."""
    if exit.ok and not (monitor and monitor.state == protocol.STATE_ERROR):
        return
    from live_code.stages.supervise import verdict

    if error := verdict.of(exit, monitor, merged, labels):
        raise error


def explained(error: LiveCodeError, exit: Exit, merged: Merged = NO_PARAMETERS) -> LiveCodeError:
    """The error of results that can't be used, with what was seen of the job's end, which may be the reason."""
    from live_code.stages.supervise import unusable

    return unusable.explained(error, exit, merged)


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
