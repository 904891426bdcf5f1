"""A run in tensorboard's HPARAMS view: ``tensorboard --logdir`` over runs' folders compares their commits by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from live_code.stages.record.reading import Record
from live_code.tools.telemetry.eventfile import FAILURE, SUCCESS, EventFile
from live_code.tools.telemetry.sampler import RUN

# Not the folder of the job's own runs, nor telemetry's: every scalar beside the parameters counts as a metric there.
FOLDER = f"{RUN}/hparams"


def write(record: Record, tensorboard: Path) -> None:
    """Writes what a running one trains with; of one that has ended, how it ended and its metrics. Raises OSError."""
    folder, running = tensorboard / FOLDER, record.state == "running"
    earlier = list(folder.glob("events.out.*"))
    for file in earlier if running else ():  # another start's: the view believes the first that it meets
        file.unlink()
    events = EventFile(folder)
    if running or not earlier:  # a job may empty the folder
        events.session_start(record.id, record.started, parameters(record))
    if not running:
        events.scalars(0, {f"result/{name}": value for name, value in record.metrics.items()})
        events.session_end(SUCCESS if record.state == "done" else FAILURE, record.started + record.seconds)
    events.close()


def parameters(record: Record) -> dict[str, bool | float | str]:
    """What the view can show: numbers, switches and words; a form's text of a number is the number."""
    shown = {key: _plain(value) for key, value in record.parameters.items() if isinstance(value, (str, int, float))}
    return {**shown, "commit": record.commit[:12], "ref": record.ref}


def _plain(value: Any) -> bool | float | str:
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except ValueError:
        return str(value)
    return number if math.isfinite(number) else str(value)
