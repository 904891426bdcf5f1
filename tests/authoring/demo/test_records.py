"""What can be done with the records that the demo leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.stages.record import reading
from tests.support.demo_runs import Played


def live_code(played: Played, *words: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "live_code", *map(str, words)]
    return subprocess.run(argv, env={**played.environ, **environ}, capture_output=True, text=True, timeout=600)


def with_own_source(played: Played, start: Path) -> Path:
    """The demo's git server is gone: the task names the repository's folder."""
    config = start / "in" / "config.yaml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("git_url:")]
    config.write_text("\n".join([*lines, f"git_url: {played.folder / 'served' / 'torch-detector.git'}"]) + "\n")
    return start


@pytest.mark.slow
def test_a_training_is_the_same_again_from_its_record_alone(played: Played, tmp_path: Path) -> None:
    short = {"epochs": "2", "evaluate_every": "1", "export_onnx": "False"}
    start = played.again("training", tmp_path / "first", **short).keep_lines("train-index.tsv", 32)
    with_own_source(played, start.folder)
    first = reading.read(start.run().folder)
    again = live_code(
        played,
        "reproduce",
        first.path,
        "--out",
        tmp_path / "again",
        "--verify",
        LIVE_CODE_STORE=str(tmp_path / "store"),
    )
    assert again.returncode == 0, again.stderr
    second = reading.read(tmp_path / "again")
    assert second.get("lock", "sha256") == first.get("lock", "sha256")
    assert (second.commit, second.config, second.metrics) == (first.commit, first.config, first.metrics)


@pytest.mark.slow
def test_two_commits_differ_in_a_file_and_in_what_came_of_it(played: Played, tmp_path: Path) -> None:
    served = played.folder / "served" / "torch-detector.git"
    argv = ["git", "--git-dir", served, "rev-list", "--reverse", "main"]
    old, new = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    for name, commit in (("old", old), ("new", new)):
        start = played.again("training", tmp_path / name, git_branch=commit, export_onnx="False")
        with_own_source(played, start.keep_lines("train-index.tsv", 16).folder)
        start.run()
    told = json.loads(live_code(played, "compare", tmp_path / "old", tmp_path / "new", "--json").stdout)
    assert [file["path"] for file in told["history"][0]["files"]] == ["configs/default.yaml"]
    assert [entry["subject"] for entry in told["history"][0]["log"]] == ["Train until it is of use"]
    assert ("config", "epochs") in {(one["section"], one["name"]) for one in told["differences"]}
    before, after = next(one["values"] for one in told["metrics"] if one["name"] == "mAP")
    assert before != after
