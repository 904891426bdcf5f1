"""Each image, started as the platform starts it, does all tasks of its example repo, which a private server keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from tests.containers.conftest import GitHost
from tests.support.containers import tasks
from tests.support.containers.engine import Container
from tests.support.containers.tasks import Folder

pytestmark = pytest.mark.slow
# Enough to see that it learns; strings, as the platform's form sends them.
SHORT = {
    "torch": {"epochs": "4", "evaluate_every": "2", "export_onnx": "False"},
    "mxnet": {"epochs": "3", "evaluate_every": "2"},
}


@pytest.fixture(scope="module")
def container(image: Container, git_host: GitHost, warm: str) -> Container:
    return image.with_options(*git_host.options, f"-v{warm}:/cache")


def carried_out(container: Container, folder: Folder) -> Folder:
    """Runs the task, and has its outputs checked as the platform will read them."""
    ended = container.with_options(*folder.options()).run()
    assert ended.code == 0, ended.stderr
    verify = ("live-code", "verify")
    checked = container.with_options(*folder.options()).run(*verify)
    assert checked.code == 0, checked.stdout
    assert (folder.monitor().state, folder.monitor().percent) == (3, 1.0)
    return folder


@pytest.fixture(scope="module")
def pin(framework: str, example: Callable[[str], Pin]) -> Pin:
    return example(framework)


@pytest.fixture(scope="module")
def trained(
    container: Container, framework: str, data: Dataset, pin: Pin, tmp_path_factory: pytest.TempPathFactory
) -> Folder:
    folder = tasks.training(tmp_path_factory.mktemp("training"), data, pin)
    return carried_out(container, folder.set(**SHORT[framework]))


def test_training_leaves_stages_with_their_files(trained: Folder) -> None:
    result = trained.result()
    assert 0 <= result["mAP"] <= 1
    assert len(result["model_stages"]) == 2
    assert all(path.stat().st_size > 0 for path in trained.best_files())


def test_mining_scores_every_candidate(
    container: Container, trained: Folder, data: Dataset, pin: Pin, tmp_path: Path
) -> None:
    folder = tasks.scoring(tmp_path, data, pin, {"mining"}, trained.best_files())
    carried_out(container, folder)
    assert len((folder.out / "result.tsv").read_text().splitlines()) == len(data.candidate)


def test_infer_answers_for_every_candidate(
    container: Container, trained: Folder, data: Dataset, pin: Pin, tmp_path: Path
) -> None:
    folder = tasks.scoring(tmp_path, data, pin, {"infer"}, trained.best_files())
    carried_out(container, folder)
    found = yaml.safe_load((folder.out / "infer-result.json").read_text())
    assert len(found["detection"]) == len(data.candidate)


def test_mining_and_infer_share_one_start_without_a_network(
    container: Container, trained: Folder, data: Dataset, pin: Pin, tmp_path: Path
) -> None:
    folder = tasks.scoring(tmp_path, data, pin, {"mining", "infer"}, trained.best_files())
    carried_out(container.with_options("--network=none"), folder)
    assert (folder.out / "result.tsv").exists()
    assert (folder.out / "infer-result.json").exists()


def test_training_goes_on_from_an_earlier_model(
    container: Container, framework: str, trained: Folder, data: Dataset, pin: Pin, tmp_path: Path
) -> None:
    folder = tasks.training(tmp_path, data, pin)
    for path in trained.best_files():
        (tmp_path / "in" / "models").mkdir(exist_ok=True)
        (tmp_path / "in" / "models" / path.name).write_bytes(path.read_bytes())
    models = [f"/in/models/{path.name}" for path in trained.best_files()]
    folder.set(**SHORT[framework], pretrained_model_params=models)
    folder.set(epochs="1")
    carried_out(container.with_options("--network=none"), folder)
    assert "finetuning /in/models/" in (folder.out / "live-code" / "job.log").read_text()


def test_the_secret_of_the_git_server_stands_nowhere_in_the_outputs(trained: Folder, git_host: GitHost) -> None:
    from tests.support.servers import https

    for path in trained.out.rglob("*"):
        assert path.is_dir() or https.TOKEN.encode() not in path.read_bytes(), path
