"""The commands about sweeps: plan, run, status."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    sweep = commands.add_parser("sweep", help="run many commits with many settings")
    actions = sweep.add_subparsers(required=True, metavar="COMMAND")
    _add_plan(actions)


def _add_plan(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("plan", help="show what would be run")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=_plan)


def _plan(arguments: argparse.Namespace) -> int:
    from live_code.sweep import planning, show

    plan = planning.read(arguments.spec, os.environ).plan
    print(show.plan_json(plan) if arguments.json else "\n".join(show.plan(plan)))
    return 0
