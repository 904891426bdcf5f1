"""What a run comes to, by what it raised."""

from __future__ import annotations

import os
import signal

from live_code.errors import Stopped
from live_code.job.ymir_exc import protocol
from live_code.run import finish
from live_code.stages.record.journal import Journal
from live_code.stages.request.task_config import Folders


def wrapped(error: Exception) -> ImportError:
    """As GitPython does with whatever is raised while it is imported."""
    made = ImportError(f"Failed to initialize: {error}")
    made.__cause__ = error
    return made


def test_a_stop_is_told_as_one_when_a_library_has_wrapped_it(tmp_path):
    stop = wrapped(Stopped("SIGTERM", signal.SIGTERM))
    assert finish.of(stop, Journal(), tmp_path).exit_code == 128 + signal.SIGTERM


def test_what_was_raised_by_a_mistake_of_ours_is_a_bug(tmp_path):
    assert finish.of(KeyError("x"), Journal(), tmp_path).exit_code == 70


def test_a_killed_worker_is_reported_though_a_variable_is_wrong(tmp_path):
    (tmp_path / "live-code").mkdir()
    (tmp_path / "monitor.txt").write_text("t1\t1700000000.000000\t0.200000\t2\t0\ttraining\n")
    folders = Folders(tmp_path / "in", tmp_path)
    code = finish.lost(folders, {**os.environ, "LIVE_CODE_MAX_CHECKOUT_GB": "20G"}, "run-1", signal.SIGKILL)
    monitor = protocol.parse_monitor((tmp_path / "monitor.txt").read_text())
    assert (code, monitor.state) == (128 + signal.SIGKILL, protocol.STATE_ERROR)
