"""Finds the first commit that lost a metric: a sweep whose runs are chosen one after the other. docs/bisect.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from live_code.errors import ConfigError
from live_code.experiments.bisect import ancestry
from live_code.experiments.bisect.choice import Bisection, Finding, Question
from live_code.experiments.bisect.search import UNCLEAR
from live_code.experiments.sweep import execution, expand, spec, task_folder
from live_code.experiments.sweep.definition import Sweep
from live_code.experiments.sweep.expand import Plan
from live_code.records import listing
from live_code.tools import store
from live_code.tools.settings import Settings
from live_code.values import NamedTuple


class Request(NamedTuple):
    """What is asked on the command line. ``condition``: what holds of ``good`` and not of ``bad``, like mAP>=0.5."""

    spec: Path
    good: str
    bad: str
    condition: str
    times: int = 1
    failed: str = UNCLEAR


def find(request: Request, place: Path, address: str, settings: Settings, report: Callable[[str], None]) -> Finding:
    """Runs what it has to below ``place``; runs that are there already count. ``address``: see ``execution.run``.

    Raises LiveCodeError; KeyboardInterrupt when all that was running has been stopped.
    """
    terms = listing.parse(request.condition)
    if not terms:
        raise ConfigError("--metric is empty.", hint="Write what holds of the good commit, like --metric 'mAP>=0.5'.")
    parsed = spec.read(request.spec, commits_needed=False)._replace(early_stop=None)
    base = task_folder.read(parsed)
    rows = expand.settings(parsed)
    if len(rows) != 1 or parsed.search:
        raise ConfigError(
            f"{request.spec} has {len(rows)} settings; a bisection is about one.",
            hint="Take matrix, include and search out, and write what is to be set under set.",
        )
    commits = ancestry.between(base.git_url, request.good, request.bad, store.find(settings.store), settings.git)
    question = Question(commits, terms, rows[0], base.fingerprint, request.times, request.failed)
    bisection = Bisection(question, report)
    execution.run(Sweep(parsed, base, Plan((), (), base.fingerprint)), place, address, settings, bisection)
    return bisection.finding()
