"""The demo's task folders, read back with the readers of the real thing."""

from pathlib import Path

import pytest
import yaml

from live_code.authoring.demo import dataset, task_folder
from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from live_code.job.ymir_exc import protocol
from live_code.stages.request import hyperparameters, task_config
from live_code.stages.request.task_config import Folders

PIN = Pin("http://127.0.0.1:1/detector.git", "a" * 40, "configs/default.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset.make(tmp_path_factory.mktemp("dataset"), seed=3, sizes={"training": 3, "val": 2, "candidate": 2})


@pytest.fixture
def training(made: Dataset, tmp_path: Path) -> Path:
    task_folder.write_training(tmp_path / "in", "t1", made, PIN)
    return tmp_path


@pytest.fixture
def scoring(made: Dataset, tmp_path: Path) -> Path:
    weights = tmp_path / "epoch1.pt"
    weights.write_bytes(b"weights")
    task_folder.write_scoring(tmp_path / "in", "t2", made, PIN, {"mining", "infer"}, [weights])
    return tmp_path


def test_the_bootstrapper_reads_the_task(training: Path) -> None:
    task = task_config.load(Folders(training / "in", training / "out"))
    assert (task.task_id, task.tasks) == ("t1", ("training",))
    request = hyperparameters.read(task)
    assert (request.git_url, request.revision, request.revision_key) == (PIN.git_url, PIN.commit, "git_branch")


def test_mining_and_infer_are_asked_for_in_one_start(scoring: Path) -> None:
    assert task_config.load(Folders(scoring / "in", scoring / "out")).tasks == ("mining", "infer")


def test_index_lines_are_paths_below_in_to_files_that_are_there(training: Path) -> None:
    for index, count in (("train-index.tsv", 3), ("val-index.tsv", 2)):
        lines = list(protocol.read_index(training / "in" / index))
        assert len(lines) == count
        for line in lines:
            assert line.image.startswith("/in/assets/")
            assert str(line.annotation).startswith("/in/annotations/")
            assert (training / line.image[1:]).is_file()
            assert (training / str(line.annotation)[1:]).is_file()


def test_candidates_come_without_annotations(scoring: Path) -> None:
    assert all(line.annotation is None for line in protocol.read_index(scoring / "in" / "candidate-index.tsv"))
    assert not (scoring / "in" / "annotations").exists()


def test_the_model_is_handed_over_below_in(scoring: Path) -> None:
    values = yaml.safe_load((scoring / "in" / "config.yaml").read_text())
    assert values["model_params_path"] == ["/in/models/epoch1.pt"]
    assert (scoring / "in" / "models" / "epoch1.pt").read_bytes() == b"weights"


def test_values_come_as_a_web_form_sends_them(training: Path) -> None:
    values = yaml.safe_load((training / "in" / "config.yaml").read_text())
    assert values["class_names"] == ["circle", "square", "triangle"]
    assert (values["gpu_id"], values["gpu_count"]) == ("", "0")
