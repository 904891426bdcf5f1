"""Trying again what failed for a passing reason: with growing, random waits, inside a deadline for all together."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from live_code.errors import SourceError
from live_code.tools.terminal import log

_FIRST_WAIT_S = 1.0

Result = TypeVar("Result")


def retried(
    action: Callable[[], Result],
    within_s: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Result:
    """The action's result; it is tried again while its SourceError says that it may pass and the deadline allows."""
    end = now() + within_s
    wait = _FIRST_WAIT_S
    while True:
        try:
            return action()
        except SourceError as error:
            pause = wait * random.uniform(0.5, 1.5)  # noqa: S311 - containers that failed together come back apart
            if not error.retryable or now() + pause > end:
                raise
            log.warning(f"{error.message} Trying again in {pause:.1f} s.")
        sleep(pause)
        wait *= 2
