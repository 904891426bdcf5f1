"""A sweep from its plan to its end: what is done already is kept, the rest is run, here or on a cluster."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from live_code.errors import ConfigError, MissingExtra
from live_code.experiments.sweep import local_engine, node, outcome, row, screen, summary
from live_code.experiments.sweep.choice import Choice, Listed
from live_code.experiments.sweep.definition import Sweep
from live_code.experiments.sweep.driver import Driver, Rules
from live_code.experiments.sweep.early_stop import Halving
from live_code.experiments.sweep.engine import Engine
from live_code.experiments.sweep.outcome import Outcome
from live_code.experiments.sweep.row import RUNS, Row
from live_code.experiments.sweep.spec import MAX, Aim
from live_code.tools import files
from live_code.tools.settings import Settings
from live_code.tools.store import lease
from live_code.values import NamedTuple

PLAN = "plan.json"
LOCK = "driver.lock"


class Standing(NamedTuple):
    """``rows``: the runs that were handed out so far, of ``size``. ``aim``: what they are compared by."""

    rows: tuple[Row, ...]
    size: int
    aim: Aim


def run(sweep: Sweep, place: Path, address: str, settings: Settings, choice: Choice | None = None) -> Standing:
    """Every run of the plan, or those that ``choice`` comes to (it reports them itself), as it ended. ``address`` '':
    this machine, without Ray. What the folder ``place`` has already is not run again. Raises LiveCodeError.

    KeyboardInterrupt (SIGTERM too) comes through when all that was running has been stopped.
    """
    place = place.absolute()
    with lease.exclusive(place / LOCK, f"another start of the sweep in {place} goes on"):
        files.write_json(place / PLAN, json.loads(summary.plan_json(sweep.plan)))
        judge = Halving(sweep.spec.early_stop) if sweep.spec.early_stop else None
        listed = choice is None
        choice = choice or _choice(sweep, place)
        engine = _engine(sweep, place, address, settings)
        rules = Rules(sweep.spec.resources.gpus, sweep.spec.retries)
        driver = Driver(place, sweep.base, rules, engine, judge)
        with _stoppable(), screen.shown(sweep.plan.size, sweep.spec.constant, lines=listed) as seen:
            driver.drive(choice, seen)
    return Standing(tuple(driver.rows.values()), sweep.plan.size, sweep.plan.aim)


def status(place: Path) -> Standing:
    """Every run of the last plan as it stands, whoever runs it. Raises ConfigError for a folder that is no sweep's."""
    try:
        plan = json.loads((place / PLAN).read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"no sweep was run in {place} yet.", hint=f"Start one: live-code sweep run SPEC --out {place}"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place} is no sweep's folder: {error}.", hint="Name the --out of a sweep run.") from error
    ids = [item["id"] for item in plan["runs"]]
    if plan["studies"] or not ids:
        ids += [path.name for path in sorted((place / RUNS).iterdir()) if path.name not in ids]
    rows = [row.read(place / RUNS / run_id) for run_id in ids if (place / RUNS / run_id / row.ABOUT).exists()]
    if not _is_driven(place):
        cut = Outcome(outcome.CUT)
        rows = [item._replace(outcome=cut) if item.outcome.state == outcome.RUNNING else item for item in rows]
    size = len(plan["runs"]) + sum(int(study["samples"]) for study in plan["studies"])
    return Standing(tuple(rows), size, Aim(plan.get("metric", ""), plan.get("goal", MAX)))


def _engine(sweep: Sweep, place: Path, address: str, settings: Settings) -> Engine:
    spec, commits = sweep.spec, sweep.plan.commits
    if not address:
        free = local_engine.slots(local_engine.this_machine(settings.gpus), spec.resources, spec.max_parallel)
        node.prepare(sweep.base.git_url, commits, settings)
        return local_engine.LocalEngine(place / RUNS, free, settings)
    try:
        from live_code.experiments.sweep import ray_engine
    except ImportError as error:
        raise MissingExtra("ray", error) from error
    ray_engine.connect(address)
    return ray_engine.RayEngine(spec, sweep.base, place, commits)


def _choice(sweep: Sweep, place: Path) -> Choice:
    if not sweep.plan.studies or sweep.spec.search is None:
        return Listed(sweep.plan.runs)
    from live_code.experiments.sweep.search import Studies

    return Studies(sweep.plan, sweep.spec.search, place)


def _is_driven(place: Path) -> bool:
    """Whether somebody, on whichever host, holds the sweep's lock: who does touches its lease all the time."""
    try:
        return time.time() - (place / f"{LOCK}.lease").lstat().st_mtime < lease.STALE_S
    except OSError:
        return False


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM is as good as Ctrl-C. Ray takes the signal for itself when it is connected to, so this comes after."""

    def stop(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
