"""The interpreter with torch that slow tests share; made once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live_code.authoring.demo import image

PROJECT = Path(__file__).parents[2]


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def interpreter() -> Path:
    """An interpreter with torch: LIVE_CODE_PYTHON's, else one that is made once and kept in `.cache/standin`."""
    cache = PROJECT / ".cache" / "standin"
    with one_at_a_time(cache.parent / "standin.lock"):
        return image.interpreter(
            cache, PROJECT / "requirements" / "standin.txt", os.environ.get("LIVE_CODE_PYTHON", "")
        )
