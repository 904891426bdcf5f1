"""From ``sweep.yaml`` to what is to be run: the spec, its task folder and its commits, read and put together."""

from __future__ import annotations

from pathlib import Path

from live_code.experiments.sweep import commits, expand, spec, task_folder
from live_code.experiments.sweep.expand import Plan
from live_code.experiments.sweep.spec import Spec
from live_code.experiments.sweep.task_folder import Base
from live_code.tools import store
from live_code.tools.settings import Settings
from live_code.values import NamedTuple


class Sweep(NamedTuple):
    """All that is known before the first run."""

    spec: Spec
    base: Base
    plan: Plan


def read(path: Path, settings: Settings) -> Sweep:
    """Asks the git server when the commits are not all given by their full ids. Raises ConfigError, SourceError."""
    parsed = spec.read(path)
    base = task_folder.read(parsed)
    resolved = commits.resolve(parsed.commits, base.git_url, store.find(settings.store), settings.git)
    return Sweep(parsed, base, expand.expand(parsed, resolved, base.fingerprint))
