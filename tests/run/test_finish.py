"""What a run comes to, by what it raised."""

from __future__ import annotations

import signal

from live_code.errors import Stopped
from live_code.run import finish
from live_code.stages.record.journal import Journal


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
