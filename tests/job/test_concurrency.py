"""Many processes and threads write at once: nothing is lost, nothing is torn, nothing goes back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ymir_exc import _lock, monitor
from ymir_exc import result_writer as rw

from live_code import job
from tests.support.platform_reader import read_progress, read_stages

from .conftest import Task

WRITER = """
import sys
from ymir_exc import monitor, settings, _lock
from ymir_exc import result_writer as rw
env_file, number, calls, flock = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
settings.DEFAULT_ENV_FILE_PATH = env_file
if flock == "no":
    import errno
    def unavailable(*_):
        raise OSError(errno.ENOLCK, "No locks available")
    _lock.fcntl.flock = unavailable
for call in range(1, calls + 1):
    monitor.write_monitor_logger(call / calls)
    rw.write_model_stage(f"worker{number}", ["a.pt"], call / calls / 2 + number / 100, timestamp=call)
"""


def start_writers(task: Task, count: int, calls: int, flock: str = "yes") -> list[subprocess.Popen[bytes]]:
    (task.models / "a.pt").write_text("")
    environ = {**os.environ, "PYTHONPATH": job.JOB_PATH}
    return [
        subprocess.Popen([sys.executable, "-c", WRITER, str(task.env_file), str(n), str(calls), flock], env=environ)
        for n in range(count)
    ]


def poll(task: Task, writers: list[subprocess.Popen[bytes]]) -> list[float]:
    """Reads both files as fast as the platform never would; returns every percent that was seen."""
    seen: list[float] = []
    while any(writer.poll() is None for writer in writers):
        if (task.out / "monitor.txt").exists():
            progress = read_progress(task.out / "monitor.txt")
            assert progress is not None, "an empty file"
            seen.append(progress.percent)
        if (task.models / "result.yaml").exists():
            read_stages(task.models)
        time.sleep(0.002)
    return seen


def check(task: Task, count: int, calls: int, flock: str) -> None:
    writers = start_writers(task, count, calls, flock)
    seen = poll(task, writers)
    assert [writer.returncode for writer in writers] == [0] * count
    assert seen == sorted(seen)
    progress = read_progress(task.out / "monitor.txt")
    assert progress is not None
    assert progress.percent == 1.0
    stages = read_stages(task.models)["model_stages"]
    assert sorted(stages) == [f"worker{n}" for n in range(count)]
    assert {stage["timestamp"] for stage in stages.values()} == {calls}
    assert {path.name for path in [*task.out.iterdir(), *task.models.iterdir()]} == {
        "models", "monitor.txt", "tensorboard", "a.pt", "result.yaml",
    }  # fmt: skip


@pytest.mark.parametrize("flock", ["yes", "no"])
def test_processes_lose_no_stage_and_progress_never_goes_back(task: Task, flock: str) -> None:
    check(task, count=4, calls=10, flock=flock)


@pytest.mark.slow
@pytest.mark.parametrize("flock", ["yes", "no"])
def test_eight_processes_with_two_hundred_calls_each(task: Task, flock: str) -> None:
    check(task, count=8, calls=200, flock=flock)


def test_threads_lose_no_stage(task: Task) -> None:
    (task.models / "a.pt").write_text("")

    def write(number: int) -> None:
        for call in range(1, 6):
            monitor.write_monitor_logger(call / 5)
            rw.write_model_stage(f"thread{number}", ["a.pt"], 0.5, timestamp=call)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stages = read_stages(task.models)["model_stages"]
    assert len(stages) == 8
    assert {stage["timestamp"] for stage in stages.values()} == {5}


def test_a_signal_handler_may_report_while_a_report_is_being_written(task: Task) -> None:
    with _lock.FolderLock(str(task.out)):
        monitor.write_monitor_logger(0.5)
    assert read_progress(task.out / "monitor.txt") is not None


def test_a_marker_that_a_dead_process_left_is_taken_over(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lock, "fcntl", None)
    marker = task.out / _lock.MARKER
    marker.write_text("")
    os.utime(marker, (time.time() - 60, time.time() - 60))
    monitor.write_monitor_logger(0.5)
    assert not marker.exists()


def test_a_job_that_forks_while_it_reports_goes_on_in_both(task: Task) -> None:
    monitor.write_monitor_logger(0.25)
    child = os.fork()
    if child == 0:
        monitor.write_monitor_logger(0.75)
        os._exit(0)
    os.waitpid(child, 0)
    monitor.write_monitor_logger(0.5)
    progress = read_progress(Path(task.out / "monitor.txt"))
    assert progress is not None
    assert progress.percent == 0.75
