"""Running git: its whole environment, its settings, and one way to start it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from live_code.tools.processes import runner
from live_code.tools.settings import Inherited

_SETTINGS = """\
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tprotectNTFS = true
\tprotectHFS = true
\tsymlinks = true
\tpreloadIndex = true
[gc]
\tauto = 0
[maintenance]
\tauto = false
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
[submodule]
\trecurse = false
[transfer]
\tcredentialsInUrl = die
\tbundleURI = false
"""


# nss-wrapper names a user without a passwd entry, which ssh insists on.
PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")


class GitFailed(Exception):
    """A local git command failed; ``str()`` is its last line of output."""


def environment(inherited: Inherited, home: Path) -> dict[str, str]:
    """All variables that git gets. No system's or user's configuration; ``home`` holds ours (``write_settings``)."""
    return {
        **inherited.only(PASSED_ON),
        "HOME": str(home),  # git before 2.32 reads its settings from there only
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def write_settings(home: Path, safe: Iterable[Path], more: str = "") -> None:
    """Git's settings for ``environment``. ``safe``: repositories that may belong to another user; never ``*``.

    They stand in a file since ``-c`` does not reach the programs that git itself starts.
    """
    home.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"\tdirectory = {quoted(str(path))}\n" for path in safe)
    (home / ".gitconfig").write_text(f"{_SETTINGS}[safe]\n{lines}{more}", encoding="utf-8")


def quoted(value: str) -> str:
    """A value as a git configuration file takes it, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def run(
    words: Iterable[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str | None = None,
    encoding: str = "utf-8",
) -> str:
    """A git command's output. Raises GitFailed."""
    try:
        return runner.run(["git", *words], env=env, cwd=cwd, stdin=stdin, encoding=encoding).stdout
    except runner.ProcessError as error:
        raise GitFailed(error.last_lines or str(error)) from error
