"""The commands about many runs: sweep (plan, run, status) and bisect."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from live_code.experiments.sweep.definition import Sweep
    from live_code.experiments.sweep.execution import Standing

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    sweep = commands.add_parser("sweep", help="run many commits with many settings")
    actions = sweep.add_subparsers(required=True, metavar="COMMAND")
    _add_plan(actions)
    _add_run(actions)
    _add_status(actions)
    _add_bisect(commands)


def _add_plan(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("plan", help="show what would be run")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=_plan)


def _add_run(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("run", help="run what is missing or failed")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml")
    command.add_argument("--out", type=Path, metavar="DIR", help="runs and records (default: SPEC's name and -runs)")
    where = "a Ray cluster: host:port, auto, or local for one of this machine (default: this machine, without Ray)"
    command.add_argument("--address", default="", metavar="A", help=where)
    command.set_defaults(command=_run)


def _add_status(actions: Commands[argparse.ArgumentParser]) -> None:
    command = actions.add_parser("status", help="show how a sweep stands, whoever runs it")
    command.add_argument("sweep", type=Path, metavar="DIR|SPEC", help="the --out of a sweep run, or its sweep.yaml")
    command.add_argument("--out", type=Path, metavar="DIR", help="with a sweep.yaml: what its run was given")
    command.set_defaults(command=_status)


def _add_bisect(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("bisect", help="find the first commit that lost a metric")
    command.add_argument("spec", type=Path, metavar="SPEC", help="a sweep.yaml with one setting; commits are not read")
    command.add_argument("--good", required=True, metavar="REF", help="a commit that has the metric")
    command.add_argument("--bad", required=True, metavar="REF", help="a later one that lost it")
    command.add_argument("--metric", required=True, metavar="COND", help="what holds of the good one: 'mAP>=0.5'")
    command.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="run each commit up to N times, most of them decide"
    )
    command.add_argument("--failed-is-bad", action="store_true", help="a run that fails is bad (default: says nothing)")
    command.add_argument("--out", type=Path, metavar="DIR", help="runs and records (default: SPEC's name and -bisect)")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=_bisect)


def _plan(arguments: argparse.Namespace) -> int:
    from live_code.experiments.sweep import summary

    plan = _planned(arguments).plan
    print(summary.plan_json(plan) if arguments.json else "\n".join(summary.plan(plan)))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from live_code.experiments.sweep import execution

    place = arguments.out or _place(arguments.spec)
    sweep = _planned(arguments, fetch_all=not arguments.address)
    try:
        return _report(execution.run(sweep, place, arguments.address, arguments.settings()), place)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is missing in {place}", file=sys.stderr)
        return 128 + signal.SIGINT


def _place(spec: Path) -> Path:
    """Where the runs of a sweep are by default."""
    return Path(f"{spec.stem}-runs")


def _planned(arguments: argparse.Namespace, *, fetch_all: bool = False) -> Sweep:
    """With a warning of each setting that is likely to be mistyped. ``fetch_all``: this machine is to run them."""
    from live_code.experiments.sweep import definition, unknown_keys
    from live_code.tools.terminal import log

    sweep = definition.read(arguments.spec, arguments.settings())
    for line in unknown_keys.warnings(sweep, arguments.settings(), fetch_all=fetch_all):
        log.warning(line)
    return sweep


def _status(arguments: argparse.Namespace) -> int:
    from live_code.experiments.sweep import execution

    place = arguments.out or (_place(arguments.sweep) if arguments.sweep.is_file() else arguments.sweep)
    return _report(execution.status(place), place)


def _report(now: Standing, place: Path) -> int:
    """The leaderboard, what failed and why, the counts; 1 when something failed."""
    from live_code.experiments.sweep import summary
    from live_code.tools.terminal import log

    failed = list(summary.failures(now.rows, place))
    if message := summary.without_aim(now.rows, now.aim):
        log.warning(message)
    for line in (*summary.leaderboard(now.rows, now.aim), *failed, summary.counts(now.rows, now.size)):
        print(line)
    return 1 if failed else 0


def _bisect(arguments: argparse.Namespace) -> int:
    """0 when one commit is found, 1 when not."""
    from live_code.experiments import bisect
    from live_code.experiments.bisect import choice, search
    from live_code.experiments.sweep.row import RUNS
    from live_code.tools.terminal import log

    failed = search.BAD if arguments.failed_is_bad else search.UNCLEAR
    condition, times = arguments.metric, max(1, arguments.repeat)
    request = bisect.Request(arguments.spec, arguments.good, arguments.bad, condition, times, failed)
    place = arguments.out or Path(f"{arguments.spec.stem}-bisect")
    try:
        finding = bisect.find(request, place, "", arguments.settings(), log.info if arguments.json else _print)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is missing in {place}", file=sys.stderr)
        return 128 + signal.SIGINT
    lines = [choice.as_json(finding)] if arguments.json else choice.conclusion(finding, condition, place / RUNS)
    print("\n".join(lines))
    return 0 if len(finding.suspects) == 1 else 1


def _print(line: str) -> None:
    print(line, flush=True)
