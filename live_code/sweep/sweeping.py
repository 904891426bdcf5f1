"""A sweep from its plan to its end: what is done already is kept, the rest is run, here or on a cluster."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from live_code import files, source, store
from live_code.errors import ConfigError
from live_code.git import fetch
from live_code.git.fetch import Wanted
from live_code.git.url import without_page
from live_code.store import lease
from live_code.sweep import local_engine, outcome, row, screen, show
from live_code.sweep.choice import Choice, Listed
from live_code.sweep.drive import Driver, Rules
from live_code.sweep.engine import Engine
from live_code.sweep.planning import Sweep
from live_code.sweep.row import RUNS, Row
from live_code.sweep.spec import Spec

PLAN = "plan.json"
# More commits than these each run fetches by itself: a node may need few of them.
_TOGETHER = 50


def run(
    sweep: Sweep, place: Path, address: str, environ: Mapping[str, str], choice: Choice | None = None
) -> tuple[Row, ...]:
    """Every run of the plan, or those that ``choice`` comes to, as it ended. ``address`` '': this machine, without
    Ray. What the folder ``place`` has already is not run again. Raises LiveCodeError.

    KeyboardInterrupt (SIGTERM too) comes through when all that was running has been stopped.
    """
    place = place.absolute()
    with lease.exclusive(place / "driver.lock", f"another start of the sweep in {place} goes on"), _stoppable():
        files.write_json(place / PLAN, json.loads(show.plan_json(sweep.plan)))
        engine = _engine(sweep, place, address, environ)
        rules = Rules(sweep.spec.resources.gpus, sweep.spec.retries)
        driver = Driver(place, sweep.base, rules, engine)
        with screen.shown(sweep.plan.size) as seen:
            driver.drive(choice or Listed(sweep.plan.runs), seen)
    return tuple(driver.rows.values())


def status(place: Path) -> tuple[Row, ...]:
    """Every run of the last plan as it stands, whoever runs it. Raises ConfigError for a folder that is no sweep's."""
    try:
        plan = json.loads((place / PLAN).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place} is no sweep's folder: {error}.", hint="Name the --out of a sweep run.") from error
    ids = [one["id"] for one in plan["runs"]]
    if plan["studies"] or not ids:
        ids += [path.name for path in sorted((place / RUNS).iterdir()) if path.name not in ids]
    found = (row.read(place / RUNS / run_id) for run_id in ids if (place / RUNS / run_id / row.ABOUT).exists())
    return tuple(_told_alive(one, place / RUNS / one.run.id) for one in found)


def planned(place: Path) -> int:
    """How many runs the last plan has."""
    plan = json.loads((place / PLAN).read_bytes())
    return len(plan["runs"]) + sum(int(study["samples"]) for study in plan["studies"])


def prepare(git_url: str, commits: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Has this node's store fetch all commits at once, where they are few. What goes wrong each run tells by itself."""
    if 1 < len(commits) <= _TOGETHER:
        url = source.read_url(without_page(git_url)[0], environ)
        fetch.ensure_all([Wanted(url, commit) for commit in commits], store.find(environ), environ)


def _engine(sweep: Sweep, place: Path, address: str, environ: Mapping[str, str]) -> Engine:
    spec: Spec = sweep.spec
    free = local_engine.slots(local_engine.this_machine(environ), spec.resources, spec.max_parallel)
    prepare(sweep.base.git_url, sweep.plan.commits, environ)
    return local_engine.LocalEngine(place / RUNS, free, environ)


def _told_alive(one: Row, folder: Path) -> Row:
    """A run that seems to go on, but nobody holds its lock, was cut off."""
    if one.outcome.state != outcome.RUNNING or outcome.alive(folder):
        return one
    return one._replace(outcome=one.outcome._replace(state=outcome.CUT))


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM is as good as Ctrl-C."""

    def stop(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
