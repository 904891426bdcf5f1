"""The commands for who writes a repo: init, check."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from live_code.tools.settings import Inherited

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    from live_code.authoring.init import CHOICES

    init = commands.add_parser("init", help="make a live-code repository that runs, to start from")
    init.add_argument("folder", type=Path, metavar="DIR", help="an empty folder, or one that is not there yet")
    init.add_argument("--framework", choices=tuple(CHOICES), default="plain", help="default: plain (numpy)")
    init.add_argument("--name", default="", help="the repository's name (default: the folder's)")
    init.set_defaults(command=_init)

    check = commands.add_parser("check", help="say whether a repository will run, and what to change")
    check.add_argument("place", metavar="REPO", help="a folder as it stands, or a repository's address")
    check.add_argument("revision", nargs="?", default="", metavar="REF", help="commit, tag or branch")
    image = check.add_mutually_exclusive_group()
    image.add_argument("--python", type=Path, metavar="PY", help="the job's interpreter (default: the image's)")
    image.add_argument(
        "--image-inventory", type=Path, metavar="FILE", help="instead: what an image's Python printed of itself"
    )
    check.add_argument("--json", action="store_true", help="the findings as JSON")
    check.set_defaults(command=_check)


def _init(arguments: argparse.Namespace) -> int:
    from live_code.authoring import init

    made = init.make(arguments.folder, arguments.framework, Inherited(arguments.environ), arguments.name)
    print(f"{made.folder}: {len(made.files)} files; README.md says what each one does")
    if not made.commit:
        print(f"git could not commit them: {made.why}\nCommit them before you run them: only commits are run.")
        return 0
    print(f"commit {made.commit}")
    print(f"next: cd {arguments.folder} && live-code check . && bash sample/run.sh out")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from live_code.authoring import check

    image = check.Image(arguments.python, arguments.image_inventory)
    findings = check.examine(arguments.place, arguments.revision, image, arguments.settings())
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    print("\n".join(check.as_json(findings) if arguments.json else check.show(findings, width)))
    return 1 if any(finding.severity == check.WILL_FAIL for finding in findings) else 0
