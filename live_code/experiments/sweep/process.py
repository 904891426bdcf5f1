"""One run of a sweep: a process that does what ``live-code run`` does, and ends when who started it ends.

``start`` is all that others need. The process holds the run's lock, so a run that is started again on whichever
machine waits for an earlier start that is still coming to its end, and takes it as it is if that ended well.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from live_code.experiments.sweep import task_folder
from live_code.experiments.sweep.task_folder import Job
from live_code.tools.settings import Settings
from live_code.tools.store import find

# live-code's log of the run, beside its folders.
LOG = "live-code.log"
WORKDIR_VARIABLE = "LIVE_CODE_WORKDIR"
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
# What Ray tells its workers; a job that uses Ray itself shall not find the sweep's cluster by accident.
_WITHHELD = "RAY_"
_PR_SET_PDEATHSIG = 1


def start(folder: Path, job: Job, settings: Settings, gpus: str | None = None) -> subprocess.Popen[bytes]:
    """Starts the run in ``folder`` (``in``, ``out`` and ``live-code.log`` come below it). SIGTERM stops it with its
    grace. To be called by a thread that lives as long as the run: the kernel stops the run when that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", __name__, str(os.getpid()), str(folder)]
    with (folder / LOG).open("ab") as log_file:
        child = subprocess.Popen(
            argv,
            env=variables(settings, gpus),
            stdin=subprocess.PIPE,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )
    assert child.stdin is not None
    with child.stdin:
        child.stdin.write(json.dumps({**job._asdict(), "data": str(job.data)}).encode())
    return child


def variables(settings: Settings, gpus: str | None = None) -> dict[str, str]:
    """The run's variables. Runs share a machine, so none may take an image's /app for itself. ``gpus``: those that it
    may see, None for those that this process may."""
    workdir = {WORKDIR_VARIABLE: str(find(settings.store).path("work"))}
    visible = {} if gpus is None else {DEVICES_VARIABLE: gpus}
    return {**workdir, **settings.inherited.without(prefixes=(_WITHHELD,)), **visible}


def main(parent: int, folder: Path, job: Job) -> int:
    """In the process that ``start`` starts: the exit code of the run."""
    from live_code.experiments.sweep import outcome
    from live_code.run import guarded
    from live_code.run.guarded import Options
    from live_code.tools.store import lease

    _end_with(parent)
    with lease.exclusive(folder / outcome.LOCK, "an earlier start of this run is coming to its end"):
        if outcome.of(folder).state in outcome.FINISHED:
            return 0
        task_folder.write(folder, job)
        return guarded.run(Options(folder / "in", folder / "out"), os.environ)


def _end_with(parent: int) -> None:
    """Has the kernel send us SIGTERM when the process that started us is gone, and looks whether it already is."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    given = json.load(sys.stdin)
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), Job(**{**given, "data": Path(given["data"])})))
