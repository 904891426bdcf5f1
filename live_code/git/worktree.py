"""Work trees cut from a repository of the store, each with a small ``.git`` of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from live_code import files
from live_code.git.local import environment, quoted, run, write_settings
from live_code.git.repository import Repository

HOME = "live-code"  # the folder in a work tree's .git that marks it as ours and is git's HOME


class Tree(NamedTuple):
    """What is checked out, as git tells it. ``dirty``: the lines of ``git status`` that should not be there."""

    commit: str
    tree: str
    dirty: tuple[str, ...]


def is_ours(place: Path) -> bool:
    """Whether the folder is a work tree that ``cut`` made, whole or not: it was perhaps killed at its first step."""
    own = place / ".git"
    return (own / HOME).is_dir() or (own.is_dir() and not own.is_symlink() and not any(own.iterdir()))


def cut(repository: Repository, commit: str, place: Path, environ: Mapping[str, str], url: str) -> Tree:
    """A work tree of the commit in the empty folder ``place``, with a small ``.git`` of its own that borrows the
    repository's objects. Raises GitFailed, OSError.

    Nothing is registered in the repository, which other containers share and which may be read-only here; and code
    that asks git for HEAD gets its answer. Cheaper than ``git worktree add``, its proof included.
    """
    own = place / ".git"
    env = environment(environ, own / HOME)
    write_settings(own / HOME, [place])
    _write_git_folder(own, repository, commit, url)
    run(["read-tree", "-m", "-u", "HEAD"], env=env, cwd=place)
    _make_older(own / "index")
    return look(place, env)


def look(place: Path, env: Mapping[str, str]) -> Tree:
    """What stands in a work tree, untracked and ignored files included. Raises GitFailed."""
    commit, tree = run(["rev-parse", "HEAD^{commit}", "HEAD^{tree}"], env=env, cwd=place).split()
    status = run(["status", "--porcelain", "--untracked-files=all", "--ignored"], env=env, cwd=place)
    return Tree(commit, tree, tuple(status.splitlines()))


def _write_git_folder(own: Path, repository: Repository, commit: str, url: str) -> None:
    (own / "objects" / "info").mkdir(parents=True)
    (own / "refs").mkdir()
    (own / "objects" / "info" / "alternates").write_text(f"{repository.path}/objects\n", encoding="utf-8")
    shallow = repository.path / "shallow"
    if shallow.exists():  # else git looks for parents that were never fetched
        (own / "shallow").write_bytes(shallow.read_bytes())
    (own / "config").write_text(_own_config(commit, url), encoding="utf-8")
    (own / "HEAD").write_text(f"{commit}\n", encoding="ascii")


def _own_config(commit: str, url: str) -> str:
    sha256 = len(commit) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false", "\tfilemode = true"]
    lines += ["\tlogallrefupdates = false", "\thooksPath = /dev/null"]
    lines += ["[extensions]", "\tobjectFormat = sha256"] if sha256 else []
    lines += ['[remote "origin"]', f"\turl = {quoted(url)}"]
    return "\n".join(lines) + "\n"


def _make_older(index: Path) -> None:
    """Dates the index after the files it lists, as it is in any clone a moment later: git would otherwise read them
    all again, and take files whose line ends it converts for changed ones."""
    then = index.stat().st_mtime_ns + 20_000_000
    os.utime(index, ns=(then, then))


def empty(place: Path) -> None:
    """Makes the folder, or removes all that is in it. Raises OSError."""
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted(place.iterdir(), key=lambda path: path.name == ".git"):  # what tells that it is ours goes last
        if path.is_dir() and not path.is_symlink():
            files.remove_tree(path)
        else:
            path.unlink()
