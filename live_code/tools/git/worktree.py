"""Work trees cut from a repository of the store, each with a small ``.git`` of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from live_code.tools import files
from live_code.tools.git.local import GitFailed, environment, quoted, run, write_settings
from live_code.tools.git.repository import Repository
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

_HEAD = "# branch.oid "
HOME = "live-code"  # the folder in a work tree's .git that marks it as ours and is git's HOME
# Fewer files are written before as many processes have started.
PARALLEL_FROM = 2000
_PARALLEL = f"[checkout]\n\tworkers = 4\n\tthresholdForParallelism = {PARALLEL_FROM}\n"


class Tree(NamedTuple):
    """What is checked out, as git tells it. ``dirty``: the files that are not as the commit has them, and how so."""

    commit: str
    dirty: tuple[str, ...]


def is_ours(place: Path) -> bool:
    """Whether the folder is a work tree that ``cut`` made, whole or not: it was perhaps killed at its first step."""
    own = place / ".git"
    return (own / HOME).is_dir() or (own.is_dir() and not own.is_symlink() and not any(own.iterdir()))


def cut(repository: Repository, commit: str, place: Path, inherited: Inherited, url: str, *, only: str = "") -> Tree:
    """A work tree of the commit in the empty folder ``place``, with a small ``.git`` of its own that borrows the
    repository's objects. ``only``: a folder; nothing but it and the files at the top is written. Raises GitFailed,
    OSError.

    Nothing is registered in the repository, which other containers share and which may be read-only here; and code
    that asks git for HEAD gets its answer. Cheaper than ``git worktree add``, its proof included.
    """
    own = place / ".git"
    env = environment_in(place, inherited)
    write_settings(own / HOME, [place], _PARALLEL)
    _write_git_folder(own, repository, commit, url, only)
    run(["read-tree", "-m", "-u", "HEAD"], env=env, cwd=place)
    with _dated_later(own / "index"):
        return status(place, env)


def widen(place: Path, inherited: Inherited) -> None:
    """Writes what ``only`` left out of a work tree that ``cut`` made; one with all its files, or somebody's own, stays
    as it is. Raises GitFailed."""
    pattern = place / ".git" / "info" / "sparse-checkout"
    if not (is_ours(place) and pattern.exists()) or pattern.read_text(encoding="utf-8") == "/*\n":
        return
    env = environment_in(place, inherited)
    listing = run(["ls-files", "-t", "-z"], env=env, cwd=place, encoding="latin-1").split("\0")
    left_out = "".join(f"{entry[2:]}\0" for entry in listing if entry.startswith("S "))
    pattern.write_text("/*\n", encoding="utf-8")
    words = ["update-index", "--no-skip-worktree", "-z", "--stdin"]
    run(words, env=env, cwd=place, stdin=left_out, encoding="latin-1")
    run(["checkout-index", "--quiet", "-u", "-z", "--stdin"], env=env, cwd=place, stdin=left_out, encoding="latin-1")
    with _dated_later(place / ".git" / "index"):
        status(place, env)


def name(place: Path, ref: str, commit: str, inherited: Inherited) -> None:
    """Gives the commit the name that it was found by: versions of packages are made from the nearest tag."""
    with suppress(GitFailed):
        run(["update-ref", ref, commit], env=environment_in(place, inherited), cwd=place)


def environment_in(place: Path, inherited: Inherited) -> dict[str, str]:
    """All variables for git commands in the work tree. Both folders are named: git must not go looking above it."""
    own = place / ".git"
    return {**environment(inherited, own / HOME), "GIT_DIR": str(own), "GIT_WORK_TREE": str(place)}


def assume_unchanged(place: Path, paths: Iterable[str], inherited: Inherited) -> None:
    """Keeps git from telling the files as changed, as it would those whose content came from LFS. Raises GitFailed."""
    listed = "".join(os.fsencode(path).decode("latin-1") + "\0" for path in paths)
    words = ["update-index", "--assume-unchanged", "-z", "--stdin"]
    run(words, env=environment_in(place, inherited), cwd=place, stdin=listed, encoding="latin-1")


def links(place: Path, inherited: Inherited) -> list[Path]:
    """The symbolic links that git's index lists. Raises GitFailed."""
    listing = run(["ls-files", "--stage", "-z"], env=environment_in(place, inherited), cwd=place, encoding="latin-1")
    listed = [entry.partition("\t") for entry in listing.split("\0") if entry.startswith("120000 ")]
    return [place / os.fsdecode(path.encode("latin-1")) for _, _, path in listed]


def status(place: Path, env: Mapping[str, str]) -> Tree:
    """What stands in a work tree, untracked and ignored files included. Raises GitFailed."""
    words = ["status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored"]
    lines = run(words, env=env, cwd=place).splitlines()
    commit = next(line.removeprefix(_HEAD) for line in lines if line.startswith(_HEAD))
    return Tree(commit, tuple(_short(line) for line in lines if not line.startswith("#")))


def _short(line: str) -> str:
    """A line of ``git status`` without modes and ids: how the file differs, and its path."""
    fields = line.split(" ", {"1": 8, "2": 9, "u": 10}.get(line[0], 1))
    return f"{fields[1] if len(fields) > 2 else fields[0]} {fields[-1]}"


def uncommitted(place: Path, commit: str, env: Mapping[str, str]) -> int:
    """How many files of somebody's own work tree differ from the commit that it has checked out, new ones counted;
    0 where another commit is, or none."""
    try:
        if run(["rev-parse", "HEAD"], env=env, cwd=place).strip() != commit:
            return 0
        words = ["-c", "core.fsmonitor=false", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"]
        return run(words, env=env, cwd=place, encoding="latin-1").count("\0")
    except GitFailed:  # a bare repository
        return 0


def _write_git_folder(own: Path, repository: Repository, commit: str, url: str, only: str) -> None:
    (own / "objects" / "info").mkdir(parents=True)
    (own / "refs").mkdir()
    (own / "objects" / "info" / "alternates").write_text(f"{repository.path}/objects\n", encoding="utf-8")
    shallow = repository.path / "shallow"
    if shallow.exists():  # else git looks for parents that were never fetched
        (own / "shallow").write_bytes(shallow.read_bytes())
    if only:
        (own / "info").mkdir()
        (own / "info" / "sparse-checkout").write_text(f"/*\n!/*/\n/{_literally(only)}/\n", encoding="utf-8")
    (own / "config").write_text(_own_config(commit, url, sparse=bool(only)), encoding="utf-8")
    (own / "HEAD").write_text(f"{commit}\n", encoding="utf-8")


def _literally(path: str) -> str:
    """A path as git's patterns take it when nothing in it is to stand for anything else."""
    return "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path)


def _own_config(commit: str, url: str, *, sparse: bool) -> str:
    sha256 = len(commit) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false", "\tfilemode = true"]
    lines += ["\tlogallrefupdates = false", "\thooksPath = /dev/null"]
    lines += ["\tsparseCheckout = true"] if sparse else []
    lines += ["[extensions]", "\tobjectFormat = sha256"] if sha256 else []
    lines += ['[remote "origin"]', f"\turl = {quoted(url)}"]
    return "\n".join(lines) + "\n"


@contextmanager
def _dated_later(index: Path) -> Iterator[None]:
    """Dates the index after the files it lists, as it is in any clone a moment later: git would otherwise read them
    all again, and take files whose line ends it converts for changed ones.

    Many builds of git compare whole seconds. After the block it is dated so little later that these look into the
    files again: a job may change one in this very second.
    """
    then = index.stat().st_mtime_ns
    os.utime(index, ns=(then, then + 1_000_000_000))
    yield
    rest_of_second = 999_999_999 - then % 1_000_000_000
    os.utime(index, ns=(then, then + min(20_000_000, rest_of_second)))


def empty(place: Path) -> None:
    """Makes the folder, or removes all that is in it. Raises OSError."""
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted(place.iterdir(), key=lambda path: path.name == ".git"):  # what tells that it is ours goes last
        if path.is_dir() and not path.is_symlink():
            files.remove_tree(path)
        else:
            path.unlink()
