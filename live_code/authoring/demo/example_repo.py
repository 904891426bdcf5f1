"""Turns an example folder into a git repository with a history: two commits, of which the second is the one to run."""

import os
import re
import shutil
from pathlib import Path

from live_code.tools.processes import runner
from live_code.values import NamedTuple

# Always the same, so that the same files make the same commit ids.
_IDENTITY = {
    f"GIT_{who}_{field}": value
    for who in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "demo"), ("EMAIL", "demo@localhost"), ("DATE", "2024-01-01T00:00:00Z"))
}
_OWN_SETTINGS_ONLY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


class Commits(NamedTuple):
    """Full ids. ``first`` trains for too short a time; ``second`` is the example as it stands."""

    first: str
    second: str


def make(example: Path, work_tree: Path, repository: Path) -> Commits:
    """Copies ``example`` to ``work_tree`` and commits it to the bare ``repository``. Raises OSError or ProcessError."""
    shutil.copytree(example, work_tree, ignore=shutil.ignore_patterns("__pycache__"))
    runner.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository], env=_environ())
    config = work_tree / "configs" / "default.yaml"
    final = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?m)^epochs: \d+", "epochs: 4", final), encoding="utf-8")
    first = _commit(work_tree, repository, "Add the detector")
    config.write_text(final, encoding="utf-8")
    return Commits(first, _commit(work_tree, repository, "Train until it is of use"))


def _commit(work_tree: Path, repository: Path, message: str) -> str:
    git = ["git", f"--git-dir={repository}", f"--work-tree={work_tree}"]
    runner.run([*git, "add", "--all"], env=_environ())
    runner.run([*git, "commit", "--quiet", f"--message={message}"], env=_environ())
    return runner.run([*git, "rev-parse", "HEAD"], env=_environ()).stdout.strip()


def _environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **_IDENTITY, **_OWN_SETTINGS_ONLY}
