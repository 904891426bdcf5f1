"""The blocks of a page that are run: one after the other in one folder, as a reader does it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import machine, repos
from tests.support.docs.blocks import ROOT, Block
from tests.support.docs.checks import shape
from tests.support.task_folder import TaskFolder


def world(folder: Path, python: str = sys.executable) -> Mapping[str, str]:
    """A reader's folder with a task (`task/in`, `task/out`) whose repository is a small one; the reader's variables.

    ``live-code`` on PATH is this checkout's, and so are the scripts. ``tools`` is what a reader installed it into: its
    Python has nothing else.
    """
    (folder / "home").mkdir(parents=True)
    venv.create(folder / "tools")
    (folder / "tools/bin/live-code").symlink_to(Path(sys.executable).with_name("live-code"))
    (folder / "scripts").symlink_to(ROOT / "scripts")
    task = TaskFolder(folder / "task")
    task.in_dir.mkdir(parents=True)
    task.out_dir.mkdir()
    repo = repos.make(folder / "repo")
    repo.commit(start__py=repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
    machine.task(task, repo)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LIVE_CODE_", "GIT_"))}
    return {
        **environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "LIVE_CODE_STORE": str(folder / "store"),
        "LIVE_CODE_PYTHON": python,
        "LIVE_CODE_GIT_DEADLINE_S": "0",
    }


def play(blocks: Sequence[Block], folder: Path, environ: Mapping[str, str], timeout: float = 300) -> list[str]:
    """Runs and writes what the page says, in order; what it exports stays. Returns what was not as it says."""
    wrong: list[str] = []
    last = ""
    for block in blocks:
        if block.mark == "write":
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.mark == "run":
            code, last = _bash(block.text, folder, environ, timeout)
            if code != int(block.argument or 0):
                return [*wrong, f"{block}: ended with {code}\n{last}"]
        elif block.mark == "output":
            wrong += [f"{block}: not said: {line}\n{last}" for line in missing(block.text, last)]
    return wrong


def missing(sample: str, said: str) -> list[str]:
    """The lines of a sample that have no counterpart in what was said; `…` stands for any lines."""
    have = {shape(line) for line in said.splitlines()}
    return [line for line in sample.splitlines() if line.strip() not in ("", "…") and shape(line) not in have]


def _bash(script: str, folder: Path, environ: Mapping[str, str], timeout: float) -> tuple[int, str]:
    exported = folder / ".exported"
    exported.touch()
    kept = f". {shlex.quote(str(exported))}; trap 'export -p >{shlex.quote(str(exported))}' EXIT"
    argv = ["bash", "-euo", "pipefail", "-c", f"{kept}\n{script}"]
    done = subprocess.run(
        argv,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout
