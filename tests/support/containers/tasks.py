"""Task folders as the platform mounts them, of the demo's shapes: few pictures, short trainings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from live_code.authoring.demo import task_folder
from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from live_code.job.ymir_exc import protocol
from tests.support.containers.engine import NOBODY


class Folder(NamedTuple):
    """`<root>/in`, `<root>/out`, and the assets, which lie elsewhere on the host: `/in/assets` is a link to them."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "out"

    def options(self, user: str = NOBODY) -> list[str]:
        """What the platform's `docker run` line says of the task."""
        assets = self.root / "assets"
        mounts = [f"-v{self.root}/in:/in:ro", f"-v{self.out}:/out", f"-v{assets}:{assets}:ro"]
        return [*mounts, "--user", user, "--shm-size=16G"]

    def set(self, **values: Any) -> Folder:
        """Adds to the hyper-parameters."""
        path = self.root / "in" / "config.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))
        return self

    def monitor(self) -> protocol.Monitor:
        return protocol.parse_monitor((self.out / "monitor.txt").read_text())

    def result(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.out / "models" / "result.yaml").read_text()))

    def best_files(self) -> list[Path]:
        """The files of the best stage."""
        result = self.result()
        name = result["best_stage_name"]
        return [self.out / "models" / file for file in result["model_stages"][name]["files"]]


def training(root: Path, data: Dataset, pin: Pin, user: str = NOBODY) -> Folder:
    task_folder.write_training(root / "in", "t0000001", data, pin)
    return _finished(root, user)


def scoring(
    root: Path, data: Dataset, pin: Pin, tasks: set[str], weights: Iterable[Path], user: str = NOBODY
) -> Folder:
    task_folder.write_scoring(root / "in", "t0000002", data, pin, tasks, weights)
    return _finished(root, user)


def plain(root: Path, pin: Pin, user: str = NOBODY) -> Folder:
    """An infer task without candidates, for repos that look at nothing."""
    task_folder._write_env(root / "in", "t0000003", {"infer"}, {"candidate_index_file": "candidate-index.tsv"})
    task_folder._write_config(root / "in", "t0000003", pin, {})
    (root / "in" / "candidate-index.tsv").touch()
    (root / "in" / "assets").mkdir()
    return _finished(root, user)


def _finished(root: Path, user: str) -> Folder:
    shutil.move(root / "in" / "assets", root / "assets")
    (root / "in" / "assets").symlink_to(root / "assets")
    (root / "out").mkdir()
    uid, gid = map(int, user.split(":"))
    os.chown(root / "out", uid, gid)
    return Folder(root)
