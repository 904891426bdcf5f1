"""Finds the first commit that lost a metric: a sweep whose runs are chosen one after the other. docs/sweeps.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from live_code import runs, store
from live_code.bisect import line
from live_code.bisect.bisection import Bisection, Finding, Question
from live_code.bisect.search import UNCLEAR
from live_code.errors import ConfigError
from live_code.sweep import expand, spec, sweeping, task
from live_code.sweep.expand import Plan
from live_code.sweep.planning import Sweep


class Request(NamedTuple):
    """What is asked on the command line. ``condition``: what holds of ``good`` and not of ``bad``, like mAP>=0.5."""

    spec: Path
    good: str
    bad: str
    condition: str
    times: int = 1
    failed: str = UNCLEAR


def find(
    request: Request, place: Path, address: str, environ: Mapping[str, str], say: Callable[[str], None]
) -> Finding:
    """Runs what it has to below ``place``; runs that are there already count. ``address``: see ``sweeping.run``.

    Raises LiveCodeError; KeyboardInterrupt when all that was running has been stopped.
    """
    terms = runs.parse(request.condition)
    if not terms:
        raise ConfigError("--metric is empty.", hint="Write what holds of the good commit, like --metric 'mAP>=0.5'.")
    asked = spec.read(request.spec, commits_needed=False)._replace(early_stop=None)
    base = task.read(asked)
    settings = expand.settings(asked)
    if len(settings) != 1 or asked.search:
        raise ConfigError(
            f"{request.spec} has {len(settings)} settings; a bisection is about one.",
            hint="Take matrix, include and search out, and write what is to be set under set.",
        )
    commits = line.between(base.git_url, request.good, request.bad, store.find(environ), environ)
    question = Question(commits, terms, settings[0], base.fingerprint, request.times, request.failed)
    bisection = Bisection(question, say)
    sweeping.run(Sweep(asked, base, Plan((), (), base.fingerprint)), place, address, environ, bisection)
    return bisection.finding()
