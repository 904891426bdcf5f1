"""The commands about environments: lock, doctor, bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from live_code.stages.request import hyperparameters

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    lock = commands.add_parser("lock", help="print the lock of a repo or folder for the image's interpreter")
    lock.add_argument("place", metavar="URL|PATH", help="a git repository, or a folder as it stands")
    lock.add_argument("revision", nargs="?", default="", metavar="REF", help="commit, tag or branch of a URL")
    lock.add_argument("--requirements", default="", metavar="FILE", help="which requirements, as the hyper-parameter")
    lock.add_argument("--as-of", default="", metavar="DATE|commit", help="resolve to what the index had then")
    _add_choices(lock)
    lock.set_defaults(command=_lock)

    doctor = commands.add_parser("doctor", help="show interpreter, framework, store and indexes, and what is wrong")
    doctor.add_argument("--python", type=Path, metavar="PY", help="the job's interpreter (default: the image's)")
    doctor.set_defaults(command=_doctor)

    bundle = commands.add_parser("bundle", help="put a commit, its lock and its packages into one file")
    bundle.add_argument("place", metavar="URL", help="a git repository")
    bundle.add_argument("revision", metavar="COMMIT", help="commit, tag or branch of it")
    bundle.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="for run --bundle FILE")
    bundle.add_argument("--requirements", default="", metavar="FILE", help="which requirements, as the hyper-parameter")
    _add_choices(bundle)
    bundle.set_defaults(command=_bundle, as_of="")


def _add_choices(command: argparse.ArgumentParser) -> None:
    command.add_argument("--python", type=Path, metavar="PY", help="the job's interpreter (default: the image's)")
    command.add_argument("--resolver", choices=("uv", "pip-tools"), default="uv", help="default: uv")


def _request(arguments: argparse.Namespace) -> hyperparameters.Request:
    from live_code.stages.request import hyperparameters

    return hyperparameters.Request(
        git_url=arguments.place,
        revision=arguments.revision,
        revision_key="REF",
        requirements=arguments.requirements,
        resolver=arguments.resolver,
        resolve_as_of=arguments.as_of,
    )


def _lock(arguments: argparse.Namespace) -> int:
    from live_code.run import lock

    sys.stdout.write(lock.text(_request(arguments), arguments.python, arguments.settings()))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from live_code.commands import doctor

    findings = doctor.examine(arguments.python, arguments.environ)
    print("\n".join(doctor.show(findings)))
    return 1 if findings.problems else 0


def _bundle(arguments: argparse.Namespace) -> int:
    from live_code.run import bundle

    size = bundle.write(_request(arguments), arguments.python, arguments.output, arguments.settings())
    print(f"{arguments.output}: {size / 1e6:.1f} MB")
    return 0
