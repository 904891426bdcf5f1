"""The files of the repo that is checked: those that a commit has, those that only stand in the folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from live_code.authoring.check.finding import MAY_FAIL, NOTE, Finding
from live_code.errors import SourceError
from live_code.tools.git import worktree
from live_code.tools.git.local import GitFailed, run
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

_LARGE = 50_000_000
_PRIVATE = re.compile(r"^\s*url\s*=\s*(?P<url>(ssh://|[^/:\s]+@[^/:\s]+:)\S+)", re.MULTILINE)


class Tree(NamedTuple):
    """``files`` are those of the commit, ``loose`` stand beside them and are not committed; names relative to ``root``.

    ``changed``: files of the commit that stand there otherwise. ``is_git``: whether there are commits at all.
    """

    root: Path
    files: frozenset[str]
    loose: frozenset[str] = frozenset()
    changed: tuple[str, ...] = ()
    is_git: bool = True

    def has(self, name: str) -> bool:
        return name in self.files or name in self.loose

    def text(self, name: str) -> str:
        """A file's text; '' when it can't be read."""
        try:
            return (self.root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def of_folder(root: Path, inherited: Inherited) -> Tree:
    """A folder as it stands."""
    try:
        env = worktree.environment_in(root, inherited)
        files = _listed(run(["ls-files", "-z"], env=env, cwd=root))
        loose = _listed(run(["ls-files", "-z", "--others"], env=env, cwd=root))
        changed = _listed(run(["diff", "--name-only", "--relative", "-z", "HEAD"], env=env, cwd=root))
    except (GitFailed, SourceError):
        return Tree(root, of_checkout(root).files, is_git=False)
    return Tree(root, files, loose, tuple(sorted(changed)))


def of_checkout(root: Path) -> Tree:
    """A clean work tree, of which all belongs to the commit."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return Tree(root, frozenset(name for name in paths if not re.match(r"\.git(/|$)", name)))


def examine(tree: Tree) -> Iterator[Finding]:
    """Findings on the files as such: commits, submodules, LFS, size."""
    if not tree.is_git:
        problem = "This folder is not the root of a git repository with a commit; only commits can be run."
        yield Finding(NOTE, "git", "", 0, problem, "git init, git add, git commit.")
    if tree.changed:
        problem = f"{', '.join(tree.changed[:5])} changed since the last commit; only commits can be run."
        yield Finding(NOTE, "git", "", 0, problem, "Commit before you run it.")
    yield from _submodules(tree)
    yield from _lfs(tree)
    for name in sorted(tree.files):
        path = tree.root / name
        size = path.stat().st_size if path.is_file() else 0
        if size >= _LARGE:
            problem = f"It has {size / 1e6:.0f} MB, which every new machine fetches with the commit."
            yield Finding(NOTE, "large-file", name, 0, problem, "Hand weights to the task as its model.")


def line_of(text: str, pattern: str) -> int:
    """The number of the first line that the pattern matches in, from 1; 0 when none does."""
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def _submodules(tree: Tree) -> Iterator[Finding]:
    if ".gitmodules" not in tree.files:
        return
    text = tree.text(".gitmodules")
    problem = "Submodules are fetched too, unless the task sets git_submodules: off; their hosts have to be reachable."
    yield Finding(NOTE, "submodules", ".gitmodules", 1, problem, "Nothing, when they are.")
    for match in _PRIVATE.finditer(text):
        line = text.count("\n", 0, match.start("url")) + 1
        problem = f"The submodule's address {match['url']} wants an SSH key."
        yield Finding(
            MAY_FAIL, "submodules", ".gitmodules", line, problem, "Use https://, or ../name for the same host."
        )


def _lfs(tree: Tree) -> Iterator[Finding]:
    for name in sorted(tree.files):
        if Path(name).name == ".gitattributes" and (line := line_of(tree.text(name), r"filter=lfs")):
            problem = "Files in LFS are fetched from the server's LFS store, unless the task sets git_lfs: off."
            yield Finding(NOTE, "lfs", name, line, problem, "Nothing, when that store is reachable.")


def _listed(output: str) -> frozenset[str]:
    return frozenset(name for name in output.split("\0") if name)
