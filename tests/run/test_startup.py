"""The start-up budget: what a warm start may import and which processes it may start. Counts, not times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.screen import Screen
from tests.support.task_folder import TaskFolder

# Runs `live-code run` in this process, and notes each child's argv and which modules were loaded when it started.
WATCHED = """
import json, subprocess, sys
bare = set(sys.modules)
seen = []
start = subprocess.Popen.__init__
def watched(self, argv, *rest, **named):
    seen.append([[str(word) for word in argv], sorted(set(sys.modules) - bare)])
    json.dump(seen, open(sys.argv[1], "w"))
    start(self, argv, *rest, **named)
subprocess.Popen.__init__ = watched
from live_code.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""

# Costly to import (docs/architecture.md), and not needed to start a job whose commit and environment are there.
HEAVY = {
    "_hashlib", "argcomplete", "argparse", "asyncio", "ctypes", "dataclasses", "email", "git", "http",
    "importlib.metadata", "inspect", "logging", "multiprocessing", "numpy", "platform", "pydantic", "requests", "rich",
    "shtab", "shutil", "socket", "ssl", "live_code.commands.manual", "tensorboard", "torch", "typing", "unittest",
    "urllib.request", "xml",
}  # fmt: skip


class Start(NamedTuple):
    children: list[list[str]]
    modules: set[str]


@pytest.fixture(scope="module", params=["in a container", "on a terminal"])
def warm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """The second start of a commit with requirements, up to the job's start."""
    root = tmp_path_factory.mktemp("startup")
    repo = repos.make(root / "repo")
    repo.commit(start__py=repos.CLASSIC_START, requirements__txt="easydict\n", configs___default__yaml="epochs: 7\n")
    machine = Machine(root / "machine")
    folder = TaskFolder(root / "task")
    folder.in_dir.mkdir(parents=True)
    folder.out_dir.mkdir()
    task(folder, repo)
    said = root / "seen.json"
    for _ in range(2):
        argv = [sys.executable, "-c", WATCHED, str(said), *machine.argv(folder)[3:]]
        if request.param == "on a terminal":
            screen = Screen()
            assert screen.start(argv, {**machine.environ, "TERM": "xterm"}).wait(60) == 0, screen.lines
        else:
            subprocess.run(argv, env=machine.environ, check=True, capture_output=True)
    seen = json.loads(said.read_text())
    job = next(number for number, (argv, _) in enumerate(seen) if argv[-1] == "start.py")
    return Start([argv for argv, _ in seen[: job + 1]], set(seen[job][1]))


def test_a_warm_start_runs_git_twice_and_the_job(warm: Start) -> None:
    assert [Path(argv[0]).name for argv in warm.children] == ["git", "git", "python"], warm.children


def test_nothing_heavy_is_imported_before_the_job_starts(warm: Start) -> None:
    assert {name for name in warm.modules if name in HEAVY or name.split(".")[0] in HEAVY} == set()


def test_few_modules_are_imported_before_the_job_starts(warm: Start) -> None:
    assert len(warm.modules) <= 106, sorted(warm.modules)
