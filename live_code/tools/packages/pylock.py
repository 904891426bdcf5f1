"""A lock in the form of PEP 751, for installers that know neither pip-tools' nor ours."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import solution, uv
from live_code.tools.packages.index import Indexes
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log

FILE = "pylock.toml"


def text(lock: str, image: Interpreter, indexes: Indexes, root: Path, store: Store, settings: PackageSettings) -> str:
    """The same packages, with the URL of each file; '' when the index's pages that were just read don't tell them.

    Projects of the repo have no entry: a comment names them. No file is in it that the lock does not have.
    """
    entries = "".join(pin.text for pin in solution.parse(lock))
    if not entries:
        return ""
    words = [
        "pip",
        "compile",
        "--no-deps",
        "--no-header",
        "--quiet",
        "--offline",
        "--format",
        FILE,
        "--prerelease",
        "allow",
    ]
    arguments = [*words, "--python", str(image.path), *indexes.arguments(), "-"]
    try:
        made = uv.run(arguments, store, settings, cwd=root, stdin=entries).stdout
    except runner.ProcessError as error:
        log.info(f"the lock is not written as {FILE}, too: {error.last_lines.strip().splitlines()[-1:]}")
        return ""
    head = "".join(line for line in lock.splitlines(keepends=True) if line.startswith("# "))
    return head + made if _files(made) <= set(re.findall(r"--hash=sha256:(\w+)", lock)) else ""


def _files(made: str) -> set[str]:
    return set(re.findall(r'sha256 = "(\w+)"', made))
