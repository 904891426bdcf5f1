"""The commands about sweeps: plan, run, status."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from live_code.sweep.row import Row

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    sweep = commands.add_parser("sweep", help="run many commits with many settings")
    actions = sweep.add_subparsers(required=True, metavar="COMMAND")
    _add_plan(actions)
    _add_run(actions)
    _add_status(actions)


def _add_plan(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("plan", help="show what would be run")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=_plan)


def _add_run(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("run", help="run what is missing or failed")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml")
    command.add_argument("--out", type=Path, metavar="DIR", help="runs and records (default: SPEC's name and -runs)")
    command.set_defaults(command=_run)


def _add_status(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("status", help="show how a sweep stands, whoever runs it")
    command.add_argument("folder", type=Path, metavar="DIR", help="the --out of a sweep run")
    command.set_defaults(command=_status)


def _plan(arguments: argparse.Namespace) -> int:
    from live_code.sweep import planning, show

    plan = planning.read(arguments.spec, os.environ).plan
    print(show.plan_json(plan) if arguments.json else "\n".join(show.plan(plan)))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from live_code.sweep import planning, sweeping

    place = arguments.out or Path(f"{arguments.spec.stem}-runs")
    sweep = planning.read(arguments.spec, os.environ)
    try:
        rows = sweeping.run(sweep, place, "", os.environ)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is missing in {place}", file=sys.stderr)
        return 128 + signal.SIGINT
    return _tell(rows, sweep.plan.size)


def _status(arguments: argparse.Namespace) -> int:
    from live_code.sweep import sweeping

    return _tell(sweeping.status(arguments.folder), sweeping.planned(arguments.folder))


def _tell(rows: Sequence[Row], size: int) -> int:
    """The leaderboard, what failed and why, the counts; 1 when something failed."""
    from live_code.sweep import show

    failed = list(show.failures(rows))
    for line in (*show.leaderboard(rows), *failed, show.counts(rows, size)):
        print(line)
    return 1 if failed else 0
