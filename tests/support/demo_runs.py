"""Starts of the bootstrapper on what the demo left, with its store: its git server is gone by then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from live_code.job.ymir_exc import protocol


class Played(NamedTuple):
    """A demo that has ended."""

    folder: Path
    output: str
    environ: Mapping[str, str]

    def out(self, name: str) -> Path:
        return self.folder / name / "out"

    def again(self, name: str, target: Path, **config: Any) -> Start:
        """The demo's task once more, in a folder of its own, with other hyper-parameters."""
        shutil.copytree(self.folder / name / "in", target / "in")
        (target / "out").mkdir()
        file = target / "in" / "config.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **config}, sort_keys=False))
        return Start(target, self.environ)

    def weights(self) -> Path:
        return self.model()[0]

    def model(self) -> list[Path]:
        result = yaml.safe_load((self.out("training") / "models" / "result.yaml").read_text())
        stage = result["best_stage_name"]
        names = sorted(result["model_stages"][stage]["files"], key=lambda name: not name.endswith(".pt"))
        return [self.out("training") / "models" / name for name in names]


class Start(NamedTuple):
    """A task folder that is ready to be run."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def monitor(self) -> Path:
        return self.out / "monitor.txt"

    def keep_lines(self, index: str, count: int) -> Start:
        """Fewer images, for less time."""
        file = self.folder / "in" / index
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))
        return self

    def give_model(self, path: Path, key: str) -> Start:
        models = self.folder / "in" / "models"
        models.mkdir(exist_ok=True)
        shutil.copy(path, models)
        file = self.folder / "in" / "config.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), key: [f"/in/models/{path.name}"]}))
        return self

    def begin(self) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "live_code", "run", "--in", self.folder / "in", "--out", self.out]
        return subprocess.Popen(
            argv, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )

    def run(self) -> Start:
        """To its end, which must be a good one."""
        with self.begin() as process:
            output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return self

    def told(self) -> protocol.Monitor:
        return protocol.parse_monitor(self.monitor.read_text())

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.out / "models" / "result.yaml").read_text())
        return found


def environ_of(folder: Path, python: Path) -> dict[str, str]:
    return {
        **os.environ,
        "LIVE_CODE_PYTHON": str(python),
        "LIVE_CODE_STORE": str(folder / "store"),
        "LIVE_CODE_WORKDIR": str(folder / "work"),
    }
