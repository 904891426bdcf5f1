"""Starts the job, and again when it failed for a cause that may pass by itself, as often as the task allows."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path

from live_code.errors import JobError
from live_code.job.ymir_exc import protocol
from live_code.stages.launch.plan import Launch
from live_code.stages.request.repo_settings import NO_PARAMETERS, Merged
from live_code.stages.supervise import group
from live_code.stages.supervise.contract import Exit, Places, Rules
from live_code.tools import files
from live_code.tools.terminal import log
from live_code.values import NamedTuple

# Seconds before the second attempt; twice as long before each further one, up to a limit.
PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0


class Channel(NamedTuple):
    """To the platform: ``current`` reads the state that stands there, ``running`` reports that the task goes on."""

    current: Callable[[], protocol.Monitor | None]
    running: Callable[[str], None]


def run(
    launch: Launch,
    places: Places,
    rules: Rules,
    channel: Channel,
    merged: Merged = NO_PARAMETERS,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Exit, ...]:
    """One Exit for each attempt; only the last may be a good one. ``rules.retries`` says how many may follow.

    ``merged``: the hyper-parameters.
    """
    exits: list[Exit] = []
    while True:
        last = run_once(launch, places, rules)
        error = _verdict(last, channel.current(), merged)
        exits.append(last._replace(verdict=error.kind if error else ""))
        if not error or not error.retry or error.retry not in rules.retry_on or len(exits) > rules.retries:
            return tuple(exits)
        seconds = min(PAUSE_S * 2 ** (len(exits) - 1), LONGEST_PAUSE_S)
        summary = f"attempt {len(exits)} of {rules.retries + 1} failed ({error.kind}): {error.message}"
        log.warning(f"{summary} The next one begins in {seconds:g} s.")
        channel.running(f"{summary} Starting again.")
        pause(seconds)


def run_once(launch: Launch, places: Places, rules: Rules) -> Exit:
    """Runs the job once. Raises LaunchError when it can't be started."""
    _make_empty(places.reports)
    with group.attended(launch, {**launch.environ, protocol.REPORT_VARIABLE: str(places.reports)}, rules) as job:
        gc.enable()
        from live_code.stages.supervise import watch  # the job is on its way: from here on an import costs it nothing

        end = watch.to_the_end(job, places, rules, _title(launch))
    return end._replace(root=os.path.realpath(launch.cwd), missing_model=rules.missing_model)


def _make_empty(folder: Path) -> None:
    """Whatever an earlier job made of it. Raises OSError."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir() and any(folder.iterdir()):
        files.remove_tree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _title(launch: Launch) -> str:
    return f"{launch.entrypoint.command} for {' and '.join(launch.entrypoint.tasks)}"


def _verdict(exit: Exit, monitor: protocol.Monitor | None, merged: Merged) -> JobError | None:
    if exit.ok:
        return None
    from live_code.stages.supervise import verdict  # a table of patterns: a good end does not pay for it

    return verdict.of(exit, monitor, merged)
