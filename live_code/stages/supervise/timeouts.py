"""Decides when a job has to be ended for what it does not do. Pure: what was seen goes in, the reason comes out."""

from __future__ import annotations

from live_code.stages.supervise.contract import FALLEN, HANGING_RANKS, MAX_DURATION, STALL, Rules
from live_code.values import NamedTuple

# How long the other ranks may be silent after one has died of an exception, in seconds.
RANK_GRACE_S = 60.0
# How long a job may go on without progress when its main thread has died of an exception, in seconds.
FALLEN_GRACE_S = 30.0


class Seen(NamedTuple):
    """Moments on one clock, in seconds: when the job last printed something, made progress, used a CPU or GPU.

    ``rank_died``: when the first rank left a report; None while all are well. ``fallen``: when the first process itself
    was seen to end of an exception, though it still lives.
    """

    now: float
    started: float
    output: float
    progress: float
    busy: float
    rank_died: float | None = None
    fallen: float | None = None


def broken(rules: Rules, seen: Seen) -> str:
    """The limit that the job has broken, '' if none."""
    if rules.max_duration and seen.now - seen.started >= rules.max_duration:
        return MAX_DURATION
    if rules.stall_timeout and seen.now - max(seen.output, seen.progress, seen.busy) >= rules.stall_timeout:
        return STALL
    if seen.rank_died is not None and seen.now - max(seen.output, seen.rank_died) >= RANK_GRACE_S:
        return HANGING_RANKS
    if seen.fallen is not None and seen.now - max(seen.progress, seen.fallen) >= FALLEN_GRACE_S:
        return FALLEN
    return ""
