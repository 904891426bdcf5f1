"""From ``sweep.yaml`` to what is to be run: the spec, its task folder and its commits, read and put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from live_code import store
from live_code.sweep import commits, expand, spec, task
from live_code.sweep.expand import Plan
from live_code.sweep.spec import Spec
from live_code.sweep.task import Base


class Sweep(NamedTuple):
    """All that is known before the first run."""

    spec: Spec
    base: Base
    plan: Plan


def read(path: Path, environ: Mapping[str, str]) -> Sweep:
    """Asks the git server when the commits are not all given by their full ids. Raises ConfigError, SourceError."""
    asked = spec.read(path)
    base = task.read(asked)
    found = commits.resolve(asked.commits, base.git_url, store.find(environ), environ)
    return Sweep(asked, base, expand.expand(asked, found, base.fingerprint))
