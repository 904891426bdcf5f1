import pytest

from live_code.errors import AuthError, NetworkError
from live_code.tools.git import retry


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.seconds = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock():
    return Clock()


def retried(clock, outcomes, within_s):
    left = list(outcomes)

    def action():
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return retry.retried(action, within_s, sleep=clock.sleep, now=lambda: clock.seconds)


def test_a_passing_failure_is_tried_again_with_growing_waits(clock):
    assert retried(clock, [NetworkError("no")] * 3 + ["there"], within_s=60) == "there"
    assert [0.5 * 2**n <= wait <= 1.5 * 2**n for n, wait in enumerate(clock.slept)] == [True] * 3


def test_waits_differ_so_that_containers_do_not_come_back_together(clock):
    retried(clock, [NetworkError("no")] * 5 + ["there"], within_s=600)
    assert len({wait / 2**n for n, wait in enumerate(clock.slept)}) == 5


def test_no_try_begins_after_the_deadline(clock):
    with pytest.raises(NetworkError):
        retried(clock, [NetworkError("no")] * 20, within_s=10)
    assert clock.seconds <= 10


def test_a_lasting_failure_is_told_at_once(clock):
    with pytest.raises(AuthError):
        retried(clock, [AuthError("no"), "there"], within_s=60)
    assert clock.slept == []
