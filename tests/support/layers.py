"""A store of two layers, and the proof that the lower one was left as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from live_code.tools.store import Store

TROUBLE = "the lower layer is read-only"


class Layers(NamedTuple):
    """``below``: the lower layer as it was when it could be written. ``store``: both, as a run has them."""

    below: Store
    store: Store

    @property
    def made(self) -> set[str]:
        """The files that the upper layer has, but for locks and marks of use."""
        root = self.store.root
        found = {path.relative_to(root) for path in root.rglob("*") if not path.is_dir()}
        return {str(path) for path in found if path.parts[0] not in ("locks", "used")}


def two(root: Path) -> Layers:
    below, top = Store(root / "below"), root / "top"
    return Layers(below, Store(top, (below.root,), f"{TROUBLE}: {top}"))


@contextmanager
def unwritten(store: Store) -> Iterator[None]:
    """Root may write what is read-only for others, so what is there is compared."""
    before = _snapshot(store.root)
    yield
    assert _snapshot(store.root) == before


def _snapshot(root: Path) -> dict[str, int]:
    """Marks of use count without their times: the process that made them still renews them."""
    times = {str(path.relative_to(root)): os.lstat(path).st_mtime_ns for path in root.rglob("*")}
    return {name: 0 if name.startswith("used/") else time for name, time in times.items()}
