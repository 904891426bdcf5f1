"""A flood of progress does not keep the job waiting, and its last line is written all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ymir_exc import _progress, monitor

from live_code import job
from tests.support.platform_reader import Progress, read_progress

from .conftest import Task


def standing(task: Task) -> Progress:
    progress = read_progress(task.out / "monitor.txt")
    assert progress is not None
    return progress


@pytest.fixture
def flooded(task: Task, monkeypatch: pytest.MonkeyPatch) -> Task:
    """So much has been written just now that the next line may wait."""
    monitor.write_monitor_logger(0.1)
    monkeypatch.setattr(_progress._Budget, "debt", 10.0)
    return task


def test_calls_now_and_then_are_written_at_once(task: Task) -> None:
    for percent in (0.1, 0.2, 0.3):
        monitor.write_monitor_logger(percent)
        assert standing(task).percent == percent


def test_the_last_line_of_a_flood_is_written_a_moment_later(flooded: Task) -> None:
    for percent in (0.2, 0.3, 0.4):
        monitor.write_monitor_logger(percent)
    assert standing(flooded).percent == 0.1
    time.sleep(3 * _progress.DELAY_S)
    assert standing(flooded).percent == 0.4


def test_the_end_and_an_error_do_not_wait(flooded: Task) -> None:
    monitor.write_monitor_logger(1.0)
    assert standing(flooded).percent == 1.0
    monitor.write_monitor_logger(0.5)
    monitor.write_monitor_logger(0.6, state=4, message="broken")
    assert (standing(flooded).state, standing(flooded).message) == (4, "broken")
    time.sleep(3 * _progress.DELAY_S)
    assert standing(flooded).state == 4


def test_a_line_that_waited_does_not_replace_a_newer_one(flooded: Task) -> None:
    monitor.write_monitor_logger(0.2)
    late = _progress._Waiting.line
    monitor.write_monitor_logger(1.0)
    assert late is not None
    _progress.publish(str(flooded.out / "monitor.txt"), late, late=True)
    assert standing(flooded).timestamp > late.timestamp


FLOOD = """
import sys
from ymir_exc import monitor, settings
settings.DEFAULT_ENV_FILE_PATH = sys.argv[1]
def flood():
    for n in range(1, 20001):
        monitor.write_monitor_logger(n / 20001)
"""
ENDS = {
    "ends": "flood()",
    "fails": "flood(); raise SystemExit(3)",
    "is a worker": "import multiprocessing as m; p = m.get_context('fork').Process(target=flood); p.start(); p.join()",
    "forks": "import os; flood() if os.fork() == 0 else os.wait()",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_last_line_is_written_when_the_process_ends(task: Task, tmp_path: Path, end: str) -> None:
    environ = {**os.environ, "PYTHONPATH": job.JOB_PATH}
    source = FLOOD + ENDS[end]
    subprocess.run([sys.executable, "-c", source, str(task.env_file)], env=environ, check=False)
    assert standing(task).percent == pytest.approx(20000 / 20001, abs=1e-6)


def test_another_file_has_its_own_budget(flooded: Task, tmp_path: Path) -> None:
    flooded.describe(output={"monitor_file": str(tmp_path / "other.txt")})
    monitor.write_monitor_logger(0.2)
    assert (tmp_path / "other.txt").exists()
