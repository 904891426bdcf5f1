"""A real file system without a byte left: what stands there stays valid, and the error says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from live_code import job
from tests.support.platform_reader import read_progress, read_scores, read_stages

from .conftest import Task

WRITERS = """
import sys, warnings
from ymir_exc import monitor, settings
from ymir_exc import result_writer as rw
settings.DEFAULT_ENV_FILE_PATH = sys.argv[1]
out = sys.argv[2]
open(f"{out}/models/a.pt", "w").close()
rw.write_model_stage("epoch1", ["a.pt"], 0.5)
rw.write_mining_result([("/a.jpg", 1.0)])
monitor.write_monitor_logger(0.5)
try:
    with open(f"{out}/ballast", "wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
except OSError:
    pass
for write in (
    lambda: rw.write_model_stage("epoch2", ["a.pt"], {"mAP": 0.5, "notes": "x" * 9000}),
    lambda: rw.write_mining_result((f"/{n}.jpg", 1.0) for n in range(70000)),
    lambda: rw.write_infer_result((f"{n}.jpg", []) for n in range(9000)),
):
    try:
        write()
    except OSError as error:
        print(error.strerror)
warnings.simplefilter("error")
try:
    monitor.write_monitor_logger(0.75)
except RuntimeWarning as warning:
    print(warning)
"""


def can_mount() -> bool:
    done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs user namespaces, to mount a small file system")
def test_the_files_stay_as_they_were_and_every_writer_says_so(task: Task, tmp_path: Path) -> None:
    (tmp_path / "writers.py").write_text(WRITERS)
    # What stands in the small file system is copied out before it goes away with its namespace.
    script = (
        'set -e; kept="$1"; shift; mount -t tmpfs -o size=128k tmpfs "$3"; mkdir "$3/models"; '
        'PYTHONPATH="$4" "$0" "$1" "$2" "$3"; rm "$3/ballast"; cp -a "$3/." "$kept"'
    )
    kept = tmp_path / "kept"
    kept.mkdir()
    arguments = [sys.executable, kept, tmp_path / "writers.py", task.env_file, task.out, job.JOB_PATH]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[:3] == ["No space left on device; the file as it was before is kept"] * 3
    assert told[3].startswith("progress not reported: [Errno 28] No space left on device; the file as it was before")
    assert list(read_stages(kept / "models")["model_stages"]) == ["epoch1"]
    assert read_scores(kept / "result.tsv") == [("/a.jpg", 1.0)]
    progress = read_progress(kept / "monitor.txt")
    assert progress is not None
    assert progress.percent == 0.5
    assert sorted(path.name for path in kept.iterdir()) == ["models", "monitor.txt", "result.tsv"]
