"""The commands about commits and the store: resolve, checkout, cache."""

from __future__ import annotations

import argparse
from pathlib import Path

Commands = argparse._SubParsersAction


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds them to the command line. Each imports what it needs when it runs."""
    _add_resolve(commands)
    _add_checkout(commands)
    _add_cache(commands)


def _add_resolve(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("resolve", help="print the commit that a revision of a repository stands for")
    _add_revision(command)
    command.set_defaults(command=_resolve)


def _add_checkout(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("checkout", help="make a proved work tree; print its commit and tree")
    _add_revision(command)
    command.add_argument("dir", type=Path, metavar="DIR", help="an empty folder, or one that is not there yet")
    command.add_argument("--subdir", default="", help="write this folder only, and the files at the top")
    command.add_argument("--submodules", choices=("auto", "on", "off"), default="auto", help="auto: if there are any")
    command.add_argument("--lfs", choices=("auto", "on", "off"), default="auto", help="auto: if files are kept there")
    command.add_argument("--patch", type=Path, metavar="FILE", help="apply this change to the clean tree")
    command.set_defaults(command=_checkout)


def _add_revision(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", metavar="URL", help="a repository's address, or a page of it in the browser")
    command.add_argument("revision", metavar="REF", help="a commit id, tag or branch")


def _add_cache(commands: Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("cache", help="list, trim, prove or empty the store")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("ls", help="list the entries, the least recently used first")
    collect = actions.add_parser("gc", help="remove what was not used for longest; never what is in use")
    collect.add_argument("--max-size", required=True, metavar="SIZE", help="what may stay, like 50G")
    collect.add_argument(
        "--idle", type=float, default=600, metavar="SECONDS", help="spare what was used since (default 600)"
    )
    actions.add_parser("verify", help="read every object of every repository")
    clear = actions.add_parser("clear", help="remove all that is not in use")
    clear.add_argument("--idle", type=float, default=0, metavar="SECONDS", help="spare what was used since (default 0)")
    command.set_defaults(command=_cache)


def _resolve(arguments: argparse.Namespace) -> int:
    from live_code.run import resolve

    print(resolve.resolve(arguments.url, arguments.revision, arguments.settings()).commit)
    return 0


def _checkout(arguments: argparse.Namespace) -> int:
    from live_code.run import resolve

    choices = {"git_subdir": arguments.subdir, "git_submodules": arguments.submodules, "git_lfs": arguments.lfs}
    patch = str(arguments.patch.absolute()) if arguments.patch else ""
    made = resolve.checkout(
        arguments.url, arguments.revision, arguments.dir, arguments.settings(), git_patch=patch, **choices
    )
    print(f"commit {made.commit}\ntree {made.patch.tree if made.patch else made.tree}")
    return 0


def _cache(arguments: argparse.Namespace) -> int:
    from live_code.commands import cache
    from live_code.tools import store

    return cache.run(arguments, store.find(arguments.settings().store))
