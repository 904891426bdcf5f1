"""A task folder as the platform makes it, seen by the SDK in this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import yaml

from live_code import job

JOB = Path(job.JOB_PATH)
VARIABLES = (
    "DEFAULT_ENV_FILE_PATH",
    "DEFAULT_CONFIG_FILE_PATH",
    "LIVE_CODE_CONFIG",
    "LIVE_CODE_PROGRESS_SHARE",
    "YMIR_VERSION",
    "RANK",
    "LOCAL_RANK",
    "PMI_RANK",
    "OMPI_COMM_WORLD_RANK",
    "SLURM_PROCID",
    "DMLC_ROLE",
    "DMLC_WORKER_ID",
    "DMLC_RANK",
    "DMLC_TASK_ID",
    "HOROVOD_RANK",
    "PREPROCESS_WEIGHT",
    "TASK_WEIGHT",
    "POSTPROCESS_WEIGHT",
)


class Task(NamedTuple):
    """``/in`` and ``/out`` of one task, under a folder of the test's."""

    root: Path

    @property
    def env_file(self) -> Path:
        return self.root / "in" / "env.yaml"

    @property
    def config_file(self) -> Path:
        return self.root / "in" / "config.yaml"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def models(self) -> Path:
        return self.out / "models"

    def describe(self, **changes: object) -> dict[str, object]:
        """Writes env.yaml; ``input`` and ``output`` given here are merged with the usual paths."""
        source, out = self.root / "in", self.out
        described: dict[str, object] = {
            "task_id": "t01",
            "protocol_version": "1.1.0",
            "run_training": True,
            "input": {
                "root_dir": str(source),
                "assets_dir": str(source / "assets"),
                "annotations_dir": str(source / "annotations"),
                "models_dir": str(source / "models"),
                "training_index_file": str(source / "train-index.tsv"),
                "val_index_file": str(source / "val-index.tsv"),
                "candidate_index_file": str(source / "candidate-index.tsv"),
                "config_file": str(self.config_file),
            },
            "output": {
                "root_dir": str(out),
                "models_dir": str(out / "models"),
                "tensorboard_dir": str(out / "tensorboard"),
                "training_result_file": str(out / "models" / "result.yaml"),
                "mining_result_file": str(out / "result.tsv"),
                "infer_result_file": str(out / "infer-result.json"),
                "monitor_file": str(out / "monitor.txt"),
                "executor_log_file": str(out / "ymir-executor-out.log"),
            },
        }
        described.update(changes)
        self.env_file.write_text(yaml.safe_dump(described))
        return described

    def configure(self, **params: object) -> None:
        self.config_file.write_text(yaml.safe_dump(params))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    made = Task(tmp_path / "task")
    for folder in ("in/assets", "in/annotations", "in/models", "out/models", "out/tensorboard"):
        (made.root / folder).mkdir(parents=True)
    made.describe()
    made.configure(class_names=["cat", "dog"])
    monkeypatch.setattr(sdk("settings"), "DEFAULT_ENV_FILE_PATH", str(made.env_file))
    return made


def sdk(name: str) -> ModuleType:
    """A module of the SDK, imported as a job does."""
    if str(JOB) not in sys.path:
        sys.path.insert(0, str(JOB))
    return importlib.import_module(f"ymir_exc.{name}")


if str(JOB) not in sys.path:
    sys.path.insert(0, str(JOB))
