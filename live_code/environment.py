"""The virtual environment of a lock, on top of the image's interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Environment(NamedTuple):
    """A whole environment. ``python``: the interpreter in it. ``cached``: it was there before; ``why`` it was not."""

    python: Path
    root: Path
    key: str
    cached: bool
    why: str
