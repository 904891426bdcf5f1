"""Where a run's work tree goes: /app in an image, else a folder of the run's own that goes with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from live_code.tools import files
from live_code.tools.machine import container
from live_code.tools.store import Store, lease

IMAGE_WORKDIR = Path("/app")
KIND = "work"
# The job's start is safely past by then.
SWEEP_AFTER_S = 0.2


@contextmanager
def made(workdir: str, store: Store, name: str) -> Iterator[Path]:
    """The folder, while the block lasts. ``name``: one that no other run on the same store has."""
    if not workdir and container.is_image() and os.access(IMAGE_WORKDIR, os.W_OK):
        yield IMAGE_WORKDIR
        return
    place = folder(workdir, store) / name
    with store.shared():
        place.parent.mkdir(parents=True, exist_ok=True)
        lease.keep(lease.mark_of(place))  # if we are killed with our guard, a later start sees that nobody uses it
    place.mkdir()
    try:
        yield place
    finally:
        with suppress(OSError):
            remove(place)


def remove(place: Path) -> None:
    """What is left of it, if anything is. Raises OSError."""
    files.remove_tree(place)
    lease.mark_of(place).unlink(missing_ok=True)


def folder(workdir: str, store: Store) -> Path:
    """Where such folders of all runs lie."""
    return Path(workdir or store.path(KIND)).absolute()


def sweep(workdir: str, store: Store) -> None:
    """Removes those of runs that were killed with their guards, in a thread for which nobody waits."""

    def remove_unused() -> None:
        from live_code.tools.store import eviction  # not before the job has started

        with suppress(OSError):
            eviction.sweep_work(folder(workdir, store))

    thread = threading.Timer(SWEEP_AFTER_S, remove_unused)
    thread.daemon = True
    thread.start()
