"""A run's record after the platform has cleaned up behind a task that went well."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from live_code.records import compare, listing
from live_code.records.reproduce import folder as again
from live_code.stages.record import reading
from live_code.tools import files
from tests.support import made_records, platform, repos
from tests.support.machine import Machine, task
from tests.support.task_folder import TaskFolder

LIVE_CODE = [sys.executable, "-m", "live_code"]


@pytest.fixture
def ran(machine: Machine, folder: TaskFolder, repo: repos.Repo) -> TaskFolder:
    """Its tensorboard folder is a link to a mount, as on the platform."""
    mount = folder.root.parent / "boards" / "t01"
    mount.mkdir(parents=True)
    folder.out_dir.mkdir(exist_ok=True)
    (folder.out_dir / "tensorboard").symlink_to(mount)
    ended = machine.run(task(folder, repo, epochs="3", api_key="hunter2hunter2"))
    assert ended.code == 0, ended.stderr
    return folder


def test_what_makes_the_run_repeatable_survives(ran: TaskFolder) -> None:
    before = reading.read(ran.out_dir)
    platform.clean_up(ran.root)
    assert not (ran.out_dir / "live-code").exists()
    after = reading.read(ran.out_dir)
    assert after.document == before.document
    assert after.out == before.out
    kept = ran.out_dir / reading.KEPT
    assert sorted(path.name for path in kept.iterdir()) == ["config.yaml", "requirements.lock", "run.json"]
    assert (kept / "requirements.lock").read_text() == before.document["lock"]["text"]
    assert yaml.safe_load((kept / "config.yaml").read_text()) == {**before.config, "api_key": "***"}
    assert "hunter2" not in "".join(path.read_text() for path in kept.iterdir())


def test_commands_find_it_by_folder_by_id_and_below_the_mount(ran: TaskFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record = reading.read(ran.out_dir)
    platform.clean_up(ran.root)
    monkeypatch.chdir(ran.root.parent)
    for place in (ran.root, ran.out_dir, ran.out_dir / "tensorboard", ran.root.parent / "boards"):
        assert [found.id for found in listing.find(place)] == [record.id], place
        assert listing.given(place)[0].id == record.id
    assert listing.find(ran.root)[0].out == ran.out_dir
    assert listing.named(Path(record.id)).id == record.id
    assert not compare.between([record, listing.named(ran.out_dir)])
    done = subprocess.run([*LIVE_CODE, "verify", "--in", "in", "--out", ran.out_dir], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr


def test_a_run_that_was_not_cleaned_up_is_found_once(ran: TaskFolder) -> None:
    assert [record.path.parent for record in listing.find(ran.root)] == [ran.out_dir / "live-code"]


def test_a_new_start_in_the_folder_forgets_the_earlier_record(machine: Machine, ran: TaskFolder) -> None:
    platform.clean_up(ran.root)
    earlier = reading.read(ran.out_dir).id
    assert machine.run(ran.env(run_training=True).config()).code != 0
    shutil.rmtree(ran.out_dir / "live-code")
    assert reading.read(ran.out_dir).id != earlier


def test_the_patch_of_a_run_is_found_beside_its_record(tmp_path: Path) -> None:
    (tmp_path / "my.patch").write_text("--- a\n+++ b\n")
    request = {**made_records.BASE["request"], "git_patch": "/in/my.patch"}
    digest = files.sha256_file(tmp_path / "my.patch")
    put = made_records.put(tmp_path / "out", checkout__patch={"sha256": digest, "tree": "b" * 40}, request=request)
    kept = tmp_path / "out" / reading.KEPT
    kept.mkdir(parents=True)
    shutil.move(tmp_path / "my.patch", kept / "git.patch")
    shutil.move(put.path, kept / "run.json")
    record = reading.read(tmp_path / "out")
    assert again.plan(record, tmp_path / "in", tmp_path / "again", {}).patch == str(kept / "git.patch")


@pytest.mark.slow
def test_it_can_be_run_again_on_data_that_is_given_anew(machine: Machine, ran: TaskFolder, tmp_path: Path) -> None:
    shutil.copytree(ran.in_dir, tmp_path / "data")
    platform.clean_up(ran.root)
    argv = [*LIVE_CODE, "reproduce", ran.out_dir, "--out", tmp_path / "again", "--in", tmp_path / "data", "--verify"]
    done = subprocess.run(
        [*argv, "--set", "api_key=hunter2hunter2"], env=machine.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "again/live-code/run.json").read_text())["state"] == "done"
