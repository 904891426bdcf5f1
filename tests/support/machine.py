"""A machine that runs task folders: `live-code run` as a process of its own, with a store of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from live_code.job.ymir_exc import protocol
from tests.support import repos
from tests.support.task_folder import TaskFolder


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str
    folder: TaskFolder

    @property
    def monitor(self) -> protocol.Monitor:
        return protocol.parse_monitor((self.folder.out_dir / "monitor.txt").read_text())

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder.out_dir / "live-code" / "run.json").read_text())
        return record


class Machine(NamedTuple):
    """Where runs happen: one store for all, the interpreter of the tests as the image's."""

    root: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "LIVE_CODE_STORE": str(self.root / "store"),
            "LIVE_CODE_WORKDIR": str(self.root / "work"),
            "LIVE_CODE_PYTHON": sys.executable,
        }

    def argv(self, folder: TaskFolder) -> list[str]:
        words = [sys.executable, "-m", "live_code", "run", "--in", str(folder.in_dir), "--out", str(folder.out_dir)]
        return words

    def run(self, folder: TaskFolder, *prefix: str, **environ: str) -> Ended:
        done = subprocess.run(
            [*prefix, *self.argv(folder)],
            env={**self.environ, **environ},
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr, folder)


def task(folder: TaskFolder, repo: repos.Repo, commit: str = "", on: str = "training", **config: Any) -> TaskFolder:
    (folder.out_dir / "models").mkdir(exist_ok=True)
    folder.text("candidate-index.tsv", "/in/assets/a.jpg\n/in/assets/b.jpg\n")
    folder.env(**{f"run_{name}": True for name in on.split()})
    commit = commit or repo.git("rev-parse", "HEAD")
    return folder.config(git_url=str(repo.path), git_branch=commit, code_config="configs/default.yaml", **config)
