"""Loading GitPython without the `git version` that it starts meanwhile, which would have all of our variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# GitPython takes its settings from the process's own environment only.
_SETTINGS = {"GIT_PYTHON_GIT_EXECUTABLE": os.devnull, "GIT_PYTHON_REFRESH": "quiet"}


@contextmanager
def no_version_asked() -> Iterator[None]:
    """GitPython, loaded within, finds no git to ask and says nothing of it. We start git ourselves."""
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
