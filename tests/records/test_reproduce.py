"""`live-code reproduce`: a record and the data are enough; and whatever is not the same is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from live_code.errors import RecordError
from live_code.records import reproduce
from live_code.records.reproduce import conditions, docker, folder, verify
from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from tests.support import made_records, repos
from tests.support.machine import Machine, task
from tests.support.task_folder import TaskFolder

START = repos.CLASSIC_START.replace("mAP=0.5", "mAP=float(open(os.environ.get('SCORE', 'score')).read())")


class TestAgain:
    @pytest.fixture
    def machine(self, tmp_path: Path) -> Machine:
        return Machine(tmp_path / "machine")

    @pytest.fixture
    def ran(self, machine: Machine, tmp_path: Path) -> Record:
        """A run of a commit that its branch has left behind, with a lock, on a store that is emptied afterwards."""
        repo = repos.make(tmp_path / "repo")
        files = {"configs/default.yaml": "epochs: 7\n", "requirements.txt": "colorama\n", "score": "0.5"}
        for name, text in files.items():
            repo.write(name, text)
        commit = repo.commit(start__py=START)
        task_folder = TaskFolder(tmp_path / "task")
        task_folder.in_dir.mkdir(parents=True)
        task_folder.out_dir.mkdir()
        ended = machine.run(task(task_folder, repo, "main", epochs="3", api_key="hunter2hunter2"))
        assert ended.code == 0, ended.stderr
        repo.commit("Worse", score="0.1", start__py=START + "\n")
        shutil.rmtree(machine.root / "store")
        found = reading.read(task_folder.root)
        assert found.commit == commit
        return found

    def again(
        self, machine: Machine, record: Path, out: Path, *words: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "live_code", "reproduce", record, "--out", out, "--set", "api_key=hunter2hunter2"]
        return subprocess.run(
            [*argv, *words],
            env={**machine.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @pytest.mark.slow
    def test_the_record_alone_gives_the_same_run(self, machine: Machine, ran: Record, tmp_path: Path) -> None:
        done = self.again(machine, ran.path, tmp_path / "again", "--verify")
        assert done.returncode == 0, done.stderr
        new = reading.read(tmp_path / "again")
        assert (new.commit, new.get("checkout", "tree")) == (ran.commit, ran.get("checkout", "tree"))
        assert new.get("lock", "sha256") == ran.get("lock", "sha256")
        assert new.config == ran.config
        assert new.get("config", "layers") == ran.get("config", "layers")
        assert f"the same as {ran.id}: mAP 0.5" in done.stderr
        assert "docker run --rm -v " in done.stderr

    @pytest.mark.slow
    def test_another_result_is_named_and_is_no_success(self, machine: Machine, ran: Record, tmp_path: Path) -> None:
        (tmp_path / "score").write_text("0.75")
        environ = {"SCORE": str(tmp_path / "score")}
        done = self.again(machine, ran.path, tmp_path / "again", "--verify", **environ)
        assert done.returncode == 1
        assert "not the same: results: epoch1 mAP: 0.5 became 0.75" in done.stderr
        close = self.again(machine, ran.path, tmp_path / "close", "--verify", "--tolerance", "0.3", **environ)
        assert close.returncode == 0

    @pytest.mark.slow
    def test_other_data_is_named(self, machine: Machine, ran: Record, tmp_path: Path) -> None:
        data = tmp_path / "other"
        shutil.copytree(folder.recorded_input(ran), data)
        (data / "candidate-index.tsv").write_text("/in/assets/a.jpg\n")
        done = self.again(machine, ran.path, tmp_path / "again", "--verify", "--in", str(data))
        assert done.returncode == 1
        assert "data: candidate_index_file images: 2 became 1" in done.stderr

    @pytest.mark.slow
    def test_one_byte_of_a_version_in_the_lock_is_named(self, machine: Machine, ran: Record, tmp_path: Path) -> None:
        [(name, version)] = ran.get("lock", "packages").items()
        changed = ran.path.read_text().replace(f"{name}=={version}", f"{name}=={version[:-1]}X")
        (tmp_path / "run.json").write_text(changed)
        done = self.again(machine, tmp_path / "run.json", tmp_path / "again", "--verify")
        assert done.returncode != 0
        assert f"{name}=={version[:-1]}X" in done.stderr


class TestPlan:
    def test_hidden_values_must_be_given(self, tmp_path: Path) -> None:
        layers = {"template": {}, "code_config": {}, "config.yaml": {"api_key": "***", "lr": 1}}
        record = made_records.put(tmp_path, config__layers=layers)
        with pytest.raises(RecordError, match=r"--set api_key="):
            folder.plan(record, tmp_path, tmp_path, {})
        assert folder.plan(record, tmp_path, tmp_path, {"api_key": "k"}).config == {"api_key": "k", "lr": 1}

    def test_a_value_that_is_not_hidden_is_not_replaced_silently(self, tmp_path: Path) -> None:
        layers = {"template": {}, "code_config": {}, "config.yaml": {"git_url": "https://old.test/a", "lr": 1}}
        record = made_records.put(tmp_path, config__layers=layers)
        with pytest.raises(RecordError, match="--set lr: a record is run again as it was"):
            folder.plan(record, tmp_path, tmp_path, {"lr": "2"})

    def test_a_host_that_was_renamed_can_be_given(self, tmp_path: Path) -> None:
        layers = {"template": {}, "code_config": {}, "config.yaml": {"git_url": "https://old.test/a", "lr": 1}}
        record = made_records.put(tmp_path, config__layers=layers)
        given = folder.plan(record, tmp_path, tmp_path, {"git_url": "https://new.test/a"})
        assert given.config == {"git_url": "https://new.test/a", "lr": 1}

    def test_the_folder_of_the_run_itself_is_refused(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        with pytest.raises(RecordError, match="is the folder of the run itself"):
            reproduce.reproduce(record, reproduce.Wanted(in_dir=tmp_path, out_dir=record.out), {})

    def test_a_run_that_never_started_its_job_can_not_be_run_again(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path, lock=None, state="failed", error=made_records.ERROR)
        with pytest.raises(RecordError, match="did not come to its job"):
            folder.plan(record, tmp_path, tmp_path, {})

    def test_another_patch_is_refused(self, tmp_path: Path) -> None:
        patch = {"sha256": "0" * 64, "tree": "b" * 40}
        request = {**made_records.BASE["request"], "git_patch": "/in/my.patch"}
        record = made_records.put(tmp_path, checkout__patch=patch, request=request)
        (tmp_path / "my.patch").write_text("changed")
        with pytest.raises(RecordError, match=r"my\.patch is not the patch"):
            folder.plan(record, tmp_path, tmp_path, {})

    def test_the_data_is_looked_for_where_it_was(self, tmp_path: Path) -> None:
        assert folder.recorded_input(made_records.put(tmp_path / "a")) == Path("/in")
        assert folder.recorded_input(made_records.put(tmp_path / "b", task__paths={"/in": "/data/in"})) == Path(
            "/data/in"
        )

    def test_the_line_for_docker(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path, image={"name": "reg/i@sha256:1", "manifest_sha256": ""})
        said = docker.line(record, Path("/my data"), Path("/o"))
        assert said.startswith("docker run --rm -v '/my data:/in:ro' -v /o:/out ")
        assert said.endswith("--gpus 1 --shm-size=16G reg/i@sha256:1 live-code reproduce /run.json --in /in --out /out")

    def test_the_line_for_docker_mounts_what_the_input_links_to(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path / "run")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "assets").symlink_to(tmp_path / "elsewhere")
        said = docker.line(record, tmp_path / "in", Path("/o"))
        assert f" -v {tmp_path}/elsewhere:{tmp_path}/elsewhere:ro " in said


class TestSetting:
    def lines(self, tmp_path: Path, there: dict[str, Any], here: dict[str, Any]) -> list[str]:
        return conditions.lines(
            made_records.put(tmp_path / "there", **there), made_records.put(tmp_path / "here", **here)
        )

    def test_the_gpus_come_first(self, tmp_path: Path) -> None:
        here = {"host__gpus": [], "interpreter__version": "3.12.1", "interpreter__packages": {"torch": "2.13.0"}}
        assert self.lines(tmp_path, {}, here) == [
            "GPUs: A100 there, none here",
            "python: 3.11.7 there, 3.12.1 here",
            "numpy: 2.4.6 there, none here",
        ]

    def test_many_packages_are_counted(self, tmp_path: Path) -> None:
        there, here = ({f"{place}-{number}": "1" for number in range(30)} for place in ("there", "here"))
        told = self.lines(tmp_path, {"interpreter__packages": there}, {"interpreter__packages": here})
        assert told[0] == "there-0: 1 there, none here"
        assert told[10:] == ["20 more of its packages", "30 packages are here that were not there"]

    def test_a_record_without_a_machine_is_said_to_have_none(self, tmp_path: Path) -> None:
        assert self.lines(tmp_path, {"host": None}, {}) == ["the machine, of which the record tells nothing"]


class TestVerify:
    def test_a_run_is_the_same_as_itself(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        assert verify.drift(record, record, 0.0) == ()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"source__commit": "c" * 40}, "code: commit"),
            ({"config__values": {"epochs": 4, "lr": 0.01}}, "config: epochs: 3 became 4"),
            ({"interpreter__packages": {"torch": "2.13.1", "numpy": "2.4.6"}}, "packages: torch: 2.13.0 became 2.13.1"),
            ({"lock__text": "idna==3.11 \\\n"}, "lock: idna==3.11 \\ is only in the new run"),
            ({"results__best_stage": "epoch1"}, "results: best_stage: epoch2 became epoch1"),
            ({"results__mined": 4}, "results: mined: -1 became 4"),
            ({"results__stages": []}, "results: stages: ['epoch1', 'epoch2'] became []"),
        ],
    )
    def test_what_drifts_is_named(self, tmp_path: Path, change: dict[str, Any], said: str) -> None:
        one, other = made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", **change)
        assert any(line.startswith(said) for line in verify.drift(one, other, 0.0)), verify.drift(one, other, 0.0)

    def test_another_machine_is_no_drift(self, tmp_path: Path) -> None:
        one, other = made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", host=None)
        assert verify.drift(one, other, 0.0) == ()

    @pytest.mark.parametrize(("tolerance", "same"), [(0.0, False), (0.01, True)])
    def test_metrics_may_be_off_by_the_tolerance(self, tmp_path: Path, tolerance: float, same: bool) -> None:
        stages = json.loads(json.dumps(made_records.BASE["results"]["stages"]))
        stages[1]["metrics"]["mAP"] += 0.005
        one, other = made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", results__stages=stages)
        assert (verify.drift(one, other, tolerance) == ()) is same

    def test_weights_with_other_bytes_are_mentioned_only(self, tmp_path: Path) -> None:
        other = made_records.put(tmp_path / "b", outputs={"models/b.pt": {"sha256": "e" * 64, "bytes": 5}})
        assert len(verify.other_bytes(made_records.put(tmp_path / "a"), other)) == 1


class TestChangedRecords:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("3.10 ", "3.11 "), "line 2 of its lock is idna==3.11, the run had idna 3.10"),
            (("sha256:1", "sha256:2"), "the lock is not the one"),
            (('"' + "a" * 40, '"' + "g" * 40), "its commits are"),
        ],
    )
    def test_are_refused(self, tmp_path: Path, change: tuple[str, str], said: str) -> None:
        record = made_records.put(tmp_path)
        record.path.write_text(record.path.read_text().replace(*change))
        with pytest.raises(RecordError, match=said):
            verify.check_record(reading.read(record.path))
        record.path.unlink()

    def test_one_that_was_not_changed_is_taken(self, tmp_path: Path) -> None:
        verify.check_record(made_records.put(tmp_path))
