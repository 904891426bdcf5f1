"""Starts the job and has it attended to its end."""

from __future__ import annotations

import gc
import os

from live_code.job.ymir_exc import protocol
from live_code.stages.launch.plan import Launch
from live_code.stages.supervise import group
from live_code.stages.supervise.exit import Exit, Places, Rules


def _title(launch: Launch) -> str:
    return f"{launch.entrypoint.command} for {' and '.join(launch.entrypoint.tasks)}"


def run(launch: Launch, places: Places, rules: Rules) -> Exit:
    """Runs the job once. Raises LaunchError when it can't be started."""
    places.reports.mkdir(parents=True, exist_ok=True)
    for old in places.reports.iterdir():
        old.unlink()
    job = group.start(launch, {**launch.environ, protocol.REPORT_VARIABLE: str(places.reports)}, rules.grace)
    with job.attended():
        gc.enable()
        from live_code.stages.supervise import watch  # the job is on its way: from here on an import costs it nothing

        ended = watch.to_the_end(job, places, rules, _title(launch))
    return ended._replace(root=os.path.realpath(launch.cwd), missing_model=rules.missing_model)
