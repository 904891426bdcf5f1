"""What a container's record knows of its image, and that it is enough to run the same again in that image."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from live_code.stages.record import reading
from tests.containers.conftest import GitHost
from tests.support.containers import tasks
from tests.support.containers.engine import Container
from tests.support.containers.tasks import Folder

pytestmark = pytest.mark.slow
SHORT = {"epochs": "2", "evaluate_every": "1", "export_onnx": "False"}


@pytest.fixture(scope="module")
def trained(
    torch: Container,
    git_host: GitHost,
    example: Callable[[str], Pin],
    data: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Folder:
    folder = tasks.training(tmp_path_factory.mktemp("training"), data, example("torch")).set(**SHORT)
    ended = torch.with_options(*git_host.options, *folder.options()).run()
    assert ended.code == 0, ended.stderr
    return folder


def test_the_record_has_the_labels_that_the_engine_shows(torch: Container, trained: Folder) -> None:
    told = torch.engine("image", "inspect", "--format", "{{json .Config.Labels}}", torch.image).stdout
    shown = {name: value for name, value in json.loads(told).items() if name.startswith("org.opencontainers.image.")}
    assert reading.read(trained.out).get("image", "labels") == shown
    assert {"revision", "version", "base.name"} <= {name.removeprefix("org.opencontainers.image.") for name in shown}


def test_the_printed_line_gives_the_same_results(
    torch: Container, git_host: GitHost, trained: Folder, tmp_path: Path
) -> None:
    argv = [sys.executable, "-m", "live_code", "reproduce", trained.out, "--in", trained.root / "in"]
    argv += ["--out", tmp_path / "again", "--verify"]
    # This machine itself can't reach the repository: the line is told all the same.
    around = {**os.environ, "LIVE_CODE_STORE": str(tmp_path / "store")}
    said = subprocess.run(argv, env=around, capture_output=True, text=True, check=False)
    [line] = [text[text.index("docker run") :] for text in said.stderr.splitlines() if "docker run" in text]
    # What no record knows, and docs/images.md tells to add: how to read a private repository.
    line = line.replace("docker run", f"/usr/bin/docker run {shlex.join(git_host.options)}", 1)
    again = subprocess.run(
        line, shell=True, env={**os.environ, "DOCKER_HOST": torch.engine.address}, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    first, second = reading.read(trained.out), reading.read(tmp_path / "again")
    assert f"the same as {first.id}" in again.stderr
    assert (second.commit, second.metrics) == (first.commit, first.metrics)
    assert second.get("image") == first.get("image")
