"""A repository with a history, a task folder and a sweep.yaml, to start from in tests of sweeps."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from live_code.authoring.demo import git_server
from live_code.experiments.sweep.task_folder import Job
from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from tests.support import repos
from tests.support.task_folder import TaskFolder

# A training that takes `sleep` seconds and whose mAP is the commit's `gain` times its `rate`.
START = """
import os, time
from ymir_exc import monitor
from ymir_exc import result_writer as rw
from ymir_exc.util import get_merged_config

cfg = get_merged_config()
gain = float(open("gain").read())
stages = int(cfg.param.get("stages", 1))
print("rate", cfg.param.rate, "gpu_id", cfg.param.gpu_id, "devices", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
for stage in range(1, stages + 1):
    time.sleep(float(cfg.param.sleep) / stages)
    name = f"epoch{stage}"
    open(os.path.join(cfg.ymir.output.models_dir, name + ".pt"), "w").write("weights of " + name)
    score = min(1.0, gain * float(cfg.param.rate) * stage / stages)
    rw.write_model_stage(stage_name=name, files=[name + ".pt"], mAP=score)
    monitor.write_monitor_logger(percent=stage / stages)
if cfg.param.get("crash"):
    raise RuntimeError("asked to crash")
"""


class Stage(NamedTuple):
    """Everything of one sweep below one folder."""

    root: Path
    repo: repos.Repo

    @property
    def spec(self) -> Path:
        return self.root / "sweep.yaml"

    def asks(self, **values: Any) -> Path:
        """Writes sweep.yaml."""
        self.spec.write_text(yaml.safe_dump({"task": "task", **values}, sort_keys=False))
        return self.spec

    def commits(self, gains: Sequence[float], requirements: str = "") -> list[str]:
        """One commit for each gain, the oldest first."""
        self.repo.write("configs/default.yaml", "rate: 0.1\nsleep: 0\n")
        return [
            self.repo.commit(f"Gain {gain}", start__py=START, gain=str(gain), requirements__txt=requirements)
            for gain in gains
        ]


def stage(root: Path) -> Stage:
    folder = TaskFolder(root / "task")
    folder.in_dir.mkdir(parents=True)
    folder.env(run_training=True)
    repo = repos.make(root / "repo")
    folder.config(git_url=str(repo.path), git_branch="main", code_config="configs/default.yaml", class_names=["a"])
    folder.text("candidate-index.tsv", "/in/assets/a.jpg\n").text("assets/a.jpg", "a picture")
    return Stage(root, repo)


def environ(root: Path, **more: str) -> dict[str, str]:
    """A store of its own, the tests' own interpreter as the image's."""
    return {**os.environ, "LIVE_CODE_STORE": str(root / "store"), "LIVE_CODE_PYTHON": sys.executable, **more}


def argv(stage: Stage, *words: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "live_code",
        "sweep",
        "run",
        str(stage.spec),
        "--out",
        str(stage.root / "out"),
        *words,
    ]


def sweep(stage: Stage, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(stage, *words), env=environ(stage.root, **more), capture_output=True, text=True, timeout=300, check=False
    )


def records(stage: Stage) -> list[Record]:
    return [reading.read(path) for path in reading.find(stage.root / "out")]


@contextmanager
def counted_fetches() -> Iterator[list[int]]:
    """Of each request for files of commits that a git server of this process gets: how many commits it wants."""
    seen: list[int] = []
    answer = git_server._GitHandler._call_git

    def note(handler: git_server._GitHandler, body: bytes) -> None:
        if b"command=fetch" in body and b"tree:0" not in body:
            seen.append(body.count(b"want "))
        answer(handler, body)

    git_server._GitHandler._call_git = note  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        git_server._GitHandler._call_git = answer  # type: ignore[method-assign]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_json(job: Job) -> str:
    return json.dumps({**job._asdict(), "data": str(job.data)})
