"""One rank converts, the others wait for it."""

from __future__ import annotations

import os
import time

from .. import _rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

WAIT_S = 3600.0


def by_one_rank(convert: Callable[[], None], written: Sequence[str]) -> None:
    """Runs ``convert`` in rank 0; other ranks return when all it writes is there, each file whole when it is there.

    Raises TimeoutError when rank 0 has not written them within an hour.
    """
    if _rank.writes():
        convert()
        return
    end = time.monotonic() + WAIT_S
    while not all(os.path.exists(path) for path in written):
        if time.monotonic() > end:
            raise TimeoutError(f"rank 0 has not converted the dataset within {WAIT_S:.0f} s: no {list(written)}")
        time.sleep(0.2)
