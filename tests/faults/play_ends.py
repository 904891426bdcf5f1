"""Plays a share of the ends, one after the other, and prints what supervision reports of each as JSON.

    python -m tests.faults.play_ends FOLDER PYTHON FIRST STEP

FOLDER: where their repositories go; PYTHON: the job's interpreter; every STEP-th end, from the FIRST on, is played.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from live_code import job
from live_code.job.ymir_exc import protocol
from live_code.stages.launch.plan import Entrypoint, Launch
from live_code.stages.supervise import Places, Rules, attempts, verdict
from tests.faults import ends


def play(end: ends.End, folder: Path, python: Path) -> dict[str, object]:
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name, text in ends.source(end).items():
        (tree / name).write_text(text)
    is_script = (tree / "train.sh").exists()
    argv = ("bash", "train.sh") if is_script else (str(python), "start.py")
    environ = {
        **os.environ,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        protocol.JOB_VARIABLE: job.JOB_PATH,
    }
    launch = Launch(argv, tree, environ, Entrypoint(argv[1], "test", ("training",)))
    places = Places(folder / "job.log", folder / "monitor.txt", output=Path("/out"))
    exit = attempts.run_once(launch, places, Rules(5.0, telemetry_every=60.0, max_duration=60.0))
    error = verdict.of(exit, None)
    if error is None:
        return {"kind": "", "message": "", "retry": ""}
    return {"kind": error.kind, "message": error.message, "retry": error.retry}


def main(folder: str, python: str, first: str, step: str) -> None:
    share = list(ends.ends())[int(first) :: int(step)]
    with Path(folder, f"seen-{first}.log").open("w") as log:
        os.dup2(log.fileno(), 2)
        stdout = os.dup(1)
        os.dup2(log.fileno(), 1)
        seen = {}
        for number, end in enumerate(share):
            with contextlib.suppress(FileExistsError):
                seen[end.name] = play(end, Path(folder, f"{first}-{number}"), Path(python))
        os.write(stdout, json.dumps(seen).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
