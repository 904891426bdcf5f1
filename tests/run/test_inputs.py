"""What of a task's inputs its job will fall over, found before and named after."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from live_code.run import inputs
from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.task_folder import TaskFolder

LABELS = {"0.txt": "0, 1, 1, 5, 5\n", "1.txt": "1, 1, 1, 5, 5\n\n2, 1, 1, 4, 4\n"}
FALLS = "import time; time.sleep(.6)\n[1, 2][2]\n"


def labelled(folder: TaskFolder, repo: repos.Repo, **config: Any) -> TaskFolder:
    task(folder, repo, class_names=["a", "b"], export_format="ark:raw", **config)
    for name, text in LABELS.items():
        folder.text(f"annotations/{name}", text)
    folder.text("train.tsv", "".join(f"/in/assets/{name}.jpg\t/in/annotations/{name}\n" for name in LABELS))
    folder.env(run_training=True, input={"root_dir": "/in", "training_index_file": "/in/train.tsv"})
    return folder


def test_a_label_that_class_names_has_no_name_for_is_warned_of_and_is_the_cause(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    made = repos.make(tmp_path / "repo")
    made.commit(start__py=FALLS, configs___default__yaml="epochs: 7\n")
    ended = machine.run(labelled(folder, made))
    says = "1.txt:3 has the class id 2, but class_names names 2 classes (0 to 1)"
    assert f"warning: {folder.in_dir}/annotations/{says}" in ended.stderr
    assert says in ended.monitor.message
    assert ended.monitor.return_code == 300002


def test_another_exception_has_nothing_to_do_with_labels(machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
    made = repos.make(tmp_path / "repo")
    made.commit(start__py="raise KeyError('boxes')", configs___default__yaml="epochs: 7\n")
    assert "class_names" not in machine.run(labelled(folder, made)).monitor.message


@pytest.mark.parametrize(
    ("lines", "on", "says"),
    [
        ("/in/a.jpg\n/in/a.jpg\n", "mining", "names /in/a.jpg twice"),
        ("/in/x/a.jpg\n/in/y/a.jpg\n", "infer", "/in/x/a.jpg and /in/y/a.jpg have one name"),
        ("/in/x/a.jpg\n/in/y/a.jpg\n", "mining", ""),
        ("/in/a.jpg\n/in/b.jpg\n", "mining infer", ""),
    ],
)
def test_candidates_that_stand_there_twice(folder: TaskFolder, lines: str, on: str, says: str) -> None:
    from live_code.stages.request import task_config

    folder.text("candidate-index.tsv", lines)
    folder.env(**{f"run_{name}": True for name in on.split()})
    folder.config(git_url="/x", git_branch="0" * 40)
    loaded = task_config.load(task_config.Folders(folder.in_dir, folder.out_dir))
    index = {**loaded.input, "candidate_index_file": str(folder.in_dir / "candidate-index.tsv")}
    message = inputs.candidate_twice(loaded._replace(input=index))
    assert says in message
    assert bool(says) == bool(message)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("best.pt", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "pointer of Git LFS"),
        ("best.pt", b"", "is empty"),
        ("best.pth", b"<!DOCTYPE html><html>", "is a web page"),
        ("best.onnx", b"epochs: 3\n", "is a text"),
        ("best.pt", b"PK\x03\x04" + bytes(60), ""),
        ("best.pt", b"\x80\x02}q\x00.", ""),
        ("config.yaml", b"epochs: 3\n", ""),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = inputs.wrong_model(tmp_path / name)
    assert says in found
    assert bool(says) == bool(found)


def test_a_pointer_of_lfs_as_a_model_is_warned_of_and_is_the_cause(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    made = repos.make(tmp_path / "repo")
    made.commit(start__py="raise ValueError('bad magic')", configs___default__yaml="epochs: 7\n")
    folder.text("models/best.pt", "version https://git-lfs.github.com/spec/v1\n")
    ended = machine.run(task(folder, made, on="infer", model_params_path=["best.pt"]))
    assert "best.pt, which is a pointer of Git LFS" in ended.monitor.message
    assert ended.monitor.return_code == 300004


def test_code_outside_of_git_subdir_is_said_to_be_there(machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
    made = repos.make(tmp_path / "repo")
    made.commit(
        projects___det___start__py="import common\n", libs___common___a__py="", configs___default__yaml="a: 1\n"
    )
    task(folder, made, git_subdir="./projects/det/")
    folder.config(git_url=str(made.path), git_branch=made.git("rev-parse", "HEAD"), git_subdir="./projects/det/")
    message = machine.run(folder).monitor.message
    assert "libs/common is in this commit, outside of git_subdir projects/det" in message
    assert "requirements" not in message


def test_a_second_run_into_the_same_folder_is_refused_and_the_first_is_left_alone(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    from tests.support.waiting import until_there

    made = repos.make(tmp_path / "repo")
    start = "import os, time\nopen('ready', 'w').close()\nwhile not os.path.exists('/proc/self/x'): time.sleep(.05)\n"
    made.commit(start__py=start, configs___default__yaml="epochs: 7\n")
    task(folder, made)
    first = subprocess.Popen(machine.argv(folder), env=machine.environ, stderr=subprocess.DEVNULL)
    try:
        until_there(folder.out_dir / "live-code" / "run.json", first)
        second = subprocess.run(machine.argv(folder), env=machine.environ, capture_output=True, text=True, check=False)
    finally:
        first.terminate()
        first.wait(30)
    assert second.returncode == 1
    assert f"another run is writing to {folder.out_dir}" in second.stderr


def test_the_record_of_a_good_run_is_kept_when_another_begins_in_its_folder(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    made = repos.make(tmp_path / "repo")
    made.commit(start__py=repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
    good = machine.run(task(folder, made)).record["id"]
    made.commit(start__py="1/0")
    machine.run(task(folder, made))
    machine.run(task(folder, made))
    before = folder.out_dir / "live-code" / "run-before.json"
    assert good in before.read_text()
    verify = machine.argv(folder)
    verify[3] = "verify"
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert f"another run ended well here before, and results may be its own: {before}" in verified.stdout
