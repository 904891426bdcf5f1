"""`live-code run` as a user runs it: a real process, a real repository, files of the platform before and after."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from live_code.job.ymir_exc import protocol
from live_code.tools.processes import proctree
from live_code.tools.store import Store, eviction, lease
from tests.support import platform, repos
from tests.support.machine import Ended, Machine, task
from tests.support.task_folder import TaskFolder
from tests.support.waiting import until_there


class TestGoodRuns:
    def test_a_pinned_commit_runs_from_config_to_results(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo
    ) -> None:
        ended = machine.run(task(folder, repo))
        assert ended.code == 0, ended.stderr
        assert ended.stdout == "epochs 7\n"
        assert ended.monitor[2:5] == (1.0, protocol.STATE_DONE, 0)
        result = yaml.safe_load((folder.out_dir / "models/result.yaml").read_text())
        assert result["model_stages"]["epoch1"]["files"] == ["last.pt"]

    def test_the_record_tells_what_ran(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        record = machine.run(task(folder, repo, epochs="3")).record
        head = repo.git("rev-parse", "HEAD")
        assert (record["source"]["commit"], record["checkout"]["commit"]) == (head, head)
        assert record["checkout"]["tree"] == repo.git("rev-parse", "HEAD^{tree}")
        assert record["config"]["values"]["epochs"] == "3"
        assert record["config"]["origins"]["epochs"] == "config.yaml"
        assert record["results"]["best_stage"] == "epoch1"
        assert (record["state"], record["exit_code"], record["job"][0]["code"]) == ("done", 0, 0)
        assert [phase["name"] for phase in record["phases"]][-3:] == ["launch", "job", "results"]

    def test_the_record_tells_what_it_ran_on_and_what_it_left(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo
    ) -> None:
        record = machine.run(task(folder, repo, seed=4)).record
        weights = record["outputs"]["models/last.pt"]
        assert weights == {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7}
        assert record["dataset"]["candidate_index_file"]["images"] == 2
        assert record["task"]["input"]["candidate_index_file"] == "/in/candidate-index.tsv"
        assert record["host"]["cpus"] >= 1
        assert record["seeds"]["seed"] == 4
        assert record["code"]["changed"] == []

    def test_code_that_the_job_changes_is_noticed(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        made = repos.make(tmp_path / "changing")
        change = "open('train.py', 'a').write('more'); open('new.txt', 'w')\n"
        made.commit(start__py=change + repos.CLASSIC_START, train__py="", configs___default__yaml="epochs: 7\n")
        record = machine.run(task(folder, made)).record
        assert record["code"] == {"changed": [" M train.py"], "added": 1, "some_added": ["new.txt"]}

    def test_a_model_that_is_left_in_the_work_tree_is_told_of(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "careless")
        made.commit(start__py="open('model.pt', 'w').write('weights')\n", configs___default__yaml="epochs: 7\n")
        done = machine.run(task(folder, made))
        assert "The job left model.pt (7 bytes) in its work tree, kept in live-code/work." in done.monitor.message
        assert (folder.out_dir / "live-code" / "work" / "model.pt").read_text() == "weights"
        assert "the code has to call ymir_exc.result_writer.write_model_stage" in done.stderr

    @pytest.mark.parametrize("end", ["", "raise RuntimeError('in the third epoch')\n"], ids=["well", "failed"])
    def test_a_name_whose_file_never_came_costs_its_stage_alone(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path, end: str
    ) -> None:
        """Also of a job that failed: the platform collects what that has left."""
        made = repos.make(tmp_path / "hasty")
        hasty = "rw.write_model_stage(stage_name='best', files=['best.onnx'], mAP=0.75)\n"
        made.commit(start__py=repos.CLASSIC_START + hasty + end, configs___default__yaml="epochs: 7\n")
        ended = machine.run(task(folder, made))
        assert (ended.code == 0) is (not end)
        assert platform.take_training(folder.out_dir / "models", "2.4") == {"epoch1": ["last.pt"]}
        assert "stage best is left out of the results: best.onnx was named" in ended.stderr
        assert "best.onnx is not in" in (folder.out_dir / "live-code" / "job.log").read_text()

    def test_a_work_tree_whose_processes_were_all_killed_is_taken_by_the_next_gc(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "killed")
        made.commit(start__py="import time; time.sleep(60)\n", configs___default__yaml="epochs: 7\n")
        environ = {key: value for key, value in machine.environ.items() if key != "LIVE_CODE_WORKDIR"}
        environ["LIVE_CODE_STORE"] = str(tmp_path / "store")
        cache, work = Store(tmp_path / "store"), tmp_path / "store" / "work"
        running = subprocess.Popen(machine.argv(task(folder, made)), env=environ, stderr=subprocess.DEVNULL)
        until_there(folder.out_dir / "live-code" / "job.log", running)
        time.sleep(0.5)
        eviction.sweep(cache, 0.0)
        assert len(list(work.glob("run-*"))) == 1, "it is in use"
        family = proctree.below(running.pid)
        running.kill()
        proctree.send(family, signal.SIGKILL)
        running.wait()
        time.sleep(0.5)
        assert len(list(work.glob("run-*"))) == 1
        eviction.sweep(cache, 0.0)
        assert list(work.iterdir()) == []
        assert not list((tmp_path / "store").rglob("run-*"))

    def test_a_later_start_sweeps_the_work_trees_of_killed_runs_from_a_folder_of_ones_own(
        self, folder: TaskFolder, tmp_path: Path
    ) -> None:
        machine = Machine(tmp_path)
        work = machine.root / "work"
        made = repos.make(tmp_path / "slow")
        made.commit(start__py="import time; time.sleep(3)\n", configs___default__yaml="epochs: 7\n")
        for name in ("run-dead", "run-from-elsewhere", "of-nobody"):
            (work / name).mkdir(parents=True)
        for name, seconds in (("run-dead", eviction.IDLE_S), ("run-from-elsewhere", 5.0)):
            mark = lease.mark_of(work / name)
            mark.touch()
            os.utime(mark, (time.time() - seconds, time.time() - seconds))
        machine.run(task(folder, made))
        left = sorted(path.name for path in work.iterdir())
        assert left == [lease.mark_of(work / "run-from-elsewhere").name, "of-nobody", "run-from-elsewhere"]

    @pytest.mark.parametrize("stubborn", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=["", "stubborn"])
    def test_a_job_does_not_outlive_the_two_that_attend_to_it(
        self, folder: TaskFolder, tmp_path: Path, stubborn: str
    ) -> None:
        machine = Machine(tmp_path)  # its work tree stays
        made = repos.make(tmp_path / "orphaned")
        children = f"{stubborn}\nos.fork()\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(60)\n"
        made.commit(start__py=f"import os, signal, time\n{children}", configs___default__yaml="epochs: 7\n")
        running = subprocess.Popen(
            machine.argv(task(folder, made, stop_grace_s=2)),
            env=machine.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert running.stdout
        job = [int(running.stdout.readline()) for _ in range(2)]
        worker = next(one.pid for one in proctree.below(running.pid) if one.parent == running.pid)
        running.send_signal(signal.SIGSTOP)  # it must not see that the worker is dead
        os.kill(worker, signal.SIGKILL)
        running.kill()
        running.wait()
        until = time.monotonic() + 10
        while any(one.pid in job for one in proctree.living(1)):
            assert time.monotonic() < until
            time.sleep(0.02)

    def test_as_json_every_line_is_an_object_whatever_bytes_the_job_writes(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "bytes")
        says = (
            "import os\nos.write(1, b'caf\\xe9 \\xff\\x00 \\xe8\\xae\\xad\\n10%\\r20%\\r\\n')\nos.write(2, b'no end')\n"
        )
        made.commit(start__py=says + repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
        argv = [*machine.argv(task(folder, made)), "--log-format", "json"]
        done = subprocess.run(argv, env=machine.environ, capture_output=True, check=True)
        out, err = ([json.loads(line) for line in text.splitlines()] for text in (done.stdout, done.stderr))
        assert [(line["stream"], line["message"]) for line in out] == [
            ("stdout", "caf\\xe9 \\xff\x00 训"),
            ("stdout", "20%"),
            ("stdout", "epochs 7"),
        ]
        assert {(line["stream"], line.get("level")) for line in err} == {("live-code", "info"), ("stderr", None)}
        assert "no end" in [line["message"] for line in err]
        for line in (*out, *err):
            line["message"].encode()  # no half of a surrogate pair: strict readers take it
        assert b"caf\xe9 \xff\x00" in (folder.out_dir / "live-code/job.log").read_bytes()

    def test_a_record_stands_there_while_the_job_runs(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "slow")
        made.commit(start__py="import time; time.sleep(60)\n", configs___default__yaml="epochs: 7\n")
        running = subprocess.Popen(machine.argv(task(folder, made)), env=machine.environ, stderr=subprocess.DEVNULL)
        file = folder.out_dir / "live-code" / "run.json"
        until_there(file, running)
        running.terminate()
        early = json.loads(file.read_text())
        running.wait(timeout=20)
        assert (early["state"], early["source"]["commit"]) == ("running", made.git("rev-parse", "HEAD"))
        assert json.loads(file.read_text())["state"] == "failed"
        assert json.loads(file.read_text())["id"] == early["id"]

    def test_mining_and_infer_run_in_one_start(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        ended = machine.run(task(folder, repo, on="mining infer"))
        assert ended.code == 0, ended.stderr
        assert ended.record["results"]["mined"] == ended.record["results"]["inferred"] == 2

    def test_the_job_may_start_a_python_of_its_own(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        made = repos.make(tmp_path / "parent")
        made.commit(
            start__py="import subprocess, sys\nsys.exit(subprocess.call(['python3', 'train.py']))\n",
            train__py=repos.CLASSIC_START,
            configs___default__yaml="epochs: 7\n",
        )
        ended = machine.run(task(folder, made))
        assert (ended.code, ended.stdout) == (0, "epochs 7\n"), ended.stderr

    def test_entrypoints_of_their_own_share_the_progress_bar(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "two")
        show = "import os; print('at', os.environ['DEFAULT_ENV_FILE_PATH'][-10:], flush=True)\n"
        seen = "print('bar', open(cfg.ymir.output.monitor_file).read().split('\\t')[2], flush=True)\n"
        made.write("live-code.yaml", "entrypoint: {mining: mine.py, infer: infer.py}\n")
        made.commit(
            mine__py=show + repos.CLASSIC_START + seen,
            infer__py=show + repos.CLASSIC_START + seen,
            configs___default__yaml="epochs: 7\n",
        )
        ended = machine.run(task(folder, made, on="mining infer"))
        assert ended.code == 0, ended.stderr
        bars = [float(line.split()[1]) for line in ended.stdout.splitlines() if line.startswith("bar")]
        assert bars == [0.5, 1.0]

    def test_the_second_run_is_the_first_again(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        first = machine.run(task(folder, repo)).record
        second = machine.run(folder).record
        for phase in ("source", "config"):
            assert first[phase] == second[phase]
        assert first["lock"]["text"] == second["lock"]["text"]
        assert first["checkout"]["tree"] == second["checkout"]["tree"]
        assert second["checkout"]["cached"]
        assert second["lock"]["cached"]
        assert second["environment"]["cached"]

    def test_nothing_is_left_in_the_work_folder(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        machine.run(task(folder, repo))
        assert list((machine.root / "work").iterdir()) == []

    def test_in_is_never_written(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        task(folder, repo, on="mining")
        before = {path: path.stat().st_mtime_ns for path in folder.in_dir.rglob("*")}
        assert machine.run(folder).code == 0
        assert {path: path.stat().st_mtime_ns for path in folder.in_dir.rglob("*")} == before


def test_a_limit_that_is_misspelt_is_told_of(machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
    ended = machine.run(task(folder, repo), LIVE_CODE_ALLOWED_REPO="git.example.com/*")
    assert "nobody reads the variable LIVE_CODE_ALLOWED_REPO; is LIVE_CODE_ALLOWED_REPOS meant?" in ended.stderr


def test_a_hyper_parameter_that_is_nearly_one_of_the_repos_is_told_of(
    machine: Machine, folder: TaskFolder, repo: repos.Repo
) -> None:
    ended = machine.run(task(folder, repo, epoch=3, gpu_id="", decay=0.1))
    assert "epoch in the task's config.yaml may be mistyped: epochs is what code_config has" in ended.stderr
    assert ended.stderr.count("mistyped") == 1


def test_a_model_that_is_not_there_is_told_of_before_and_after(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    made = repos.make(tmp_path / "taking")
    take = "from ymir_exc import util\nutil.get_weight_files(util.get_merged_config())[0]\n"
    made.commit(start__py=take, configs___default__yaml="epochs: 7\n")
    ended = machine.run(task(folder, made, on="infer", model_params_path=["best.pt"]))
    told = f"model_params_path names best.pt: not found in {folder.in_dir}/models"
    assert f"warning: {told}\n" in ended.stderr
    assert ended.monitor.return_code == 300004
    assert f"IndexError: list index out of range (start.py:2). {told}. Check" in ended.monitor.message


@pytest.mark.skipif(os.getuid() != 0, reason="taking the network away needs root")
def test_a_known_commit_and_a_known_lock_need_no_network(machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
    made = repos.make(tmp_path / "offline")
    made.commit(start__py=repos.CLASSIC_START, requirements__txt="easydict\n", configs___default__yaml="epochs: 7\n")
    assert machine.run(task(folder, made)).code == 0
    made.path.rename(tmp_path / "gone")
    ended = machine.run(folder, "unshare", "--net")
    assert ended.code == 0, ended.stderr
    assert ended.record["lock"]["cached"]


class TestJobsThatFail:
    def made(self, tmp_path: Path, start: str) -> repos.Repo:
        made = repos.make(tmp_path / "failing")
        made.commit(start__py=start, configs___default__yaml="epochs: 7\n")
        return made

    def test_an_exit_code_is_kept(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        ended = machine.run(task(folder, self.made(tmp_path, "print('why'); raise SystemExit(3)")))
        assert ended.code == 3
        assert (ended.monitor.state, ended.monitor.return_code) == (protocol.STATE_ERROR, 160004)
        assert "exit code 3" in ended.monitor.message
        assert ended.monitor.stack == ("why",)
        assert ended.record["job"][0]["code"] == 3

    def test_a_death_by_sigkill(self, machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
        ended = machine.run(task(folder, self.made(tmp_path, "import os; os.kill(os.getpid(), 9)")))
        assert ended.code == 137
        assert "killed by SIGKILL" in ended.monitor.message

    def test_a_good_end_without_results_is_a_failure(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        ended = machine.run(task(folder, self.made(tmp_path, "pass")))
        assert ended.code == 1
        assert "training: no results" in ended.monitor.message
        assert ended.record["error"]["phase"] == "results"

    def test_a_job_that_is_told_to_stop_may_end_its_work(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        start = (
            "import signal, sys, time\n"
            "def stop(*_): print('saved', flush=True); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop); print('ready', flush=True); time.sleep(60)\n"
        )
        task(folder, self.made(tmp_path, start))
        running = subprocess.Popen(machine.argv(folder), env=machine.environ, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == "saved\n"
        assert running.wait(timeout=20) == 143
        monitor = Ended(143, "", "", folder).monitor
        assert monitor.state == protocol.STATE_ERROR
        assert "stopped by SIGTERM" in monitor.message

    def test_a_stop_before_the_job_is_told_too(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
        task(folder, repo)
        (folder.in_dir / "config.yaml").unlink()
        os.mkfifo(folder.in_dir / "config.yaml")  # reading it waits for ever
        running = subprocess.Popen(machine.argv(folder), env=machine.environ, stderr=subprocess.DEVNULL)
        until_there(folder.out_dir / "live-code", running)
        time.sleep(0.3)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 143
        assert Ended(143, "", "", folder).monitor.message.startswith("the task was stopped by SIGTERM. ")


def test_verify_reads_outputs_as_the_platform_does(machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
    machine.run(task(folder, repo))
    verify = [*machine.argv(folder)]
    verify[3] = "verify"
    good = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "training: 1 stage, best epoch1: mAP 0.5\n")
    (folder.out_dir / "models" / "last.pt").unlink()
    bad = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "file last.pt is missing" in bad.stdout


def test_verify_tells_first_that_the_run_failed(machine: Machine, folder: TaskFolder, tmp_path: Path) -> None:
    made = repos.make(tmp_path / "failing")
    made.commit(start__py="raise KeyError('red')\n", configs___default__yaml="a: 1\n")
    machine.run(task(folder, made))
    verify = [*machine.argv(folder)]
    verify[3] = "verify"
    told = subprocess.run(verify, capture_output=True, text=True, check=False)
    first, *_, last = told.stdout.splitlines()
    assert first == "the run failed in job: the job failed: KeyError: 'red' (start.py:1)."
    assert last == "1 problem: the platform can't use these results"
