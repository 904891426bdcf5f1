"""Small git repositories for tests, made by git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

CLASSIC_START = """
import os, sys
from ymir_exc import monitor
from ymir_exc import result_writer as rw
from ymir_exc.util import get_merged_config

cfg = get_merged_config()
print("epochs", cfg.param.epochs, flush=True)
if cfg.ymir.run_training:
    path = os.path.join(cfg.ymir.output.models_dir, "last.pt")
    open(path, "w").write("weights")
    rw.write_model_stage(stage_name="epoch1", files=["last.pt"], mAP=0.5)
lines = [line.split("\\t")[0].strip() for line in open(cfg.ymir.input.candidate_index_file)] if (
    cfg.ymir.run_mining or cfg.ymir.run_infer) else []
if cfg.ymir.run_mining:
    rw.write_mining_result([(line, 0.5) for line in lines])
if cfg.ymir.run_infer:
    rw.write_infer_result({line: [] for line in lines})
monitor.write_monitor_logger(percent=1.0)
"""


class Repo(NamedTuple):
    path: Path

    def git(self, *words: str) -> str:
        environ = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=environ, check=True, stdout=subprocess.PIPE, encoding="utf-8"
        )
        return done.stdout.strip()

    def commit(self, message: str = "Change", **files: str | None) -> str:
        """Commits files (dots in names as `__`, a slash as `___`; None removes one); returns the commit id."""
        for name, text in files.items():
            self.write(name.replace("___", "/").replace("__", "."), text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, text: str | None) -> None:
        path = self.path / name
        if text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make(path: Path) -> Repo:
    path.mkdir(parents=True)
    repo = Repo(path)
    repo.git("init", "-q", "-b", "main")
    return repo
