"""How a run ends, whatever its job does to be misread: each is played whole, from the task folder to the monitor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from live_code.job.ymir_exc import protocol
from tests.support import repos, schema
from tests.support.machine import Ended, Machine, task
from tests.support.task_folder import TaskFolder
from tests.support.waiting import until_there


class Player:
    """Runs jobs whose start.py, or other files, are given."""

    def __init__(self, machine: Machine, folder: TaskFolder, root: Path) -> None:
        self.machine, self.folder, self.root = machine, folder, root

    def repo(self, start: str = "", **files: str) -> repos.Repo:
        path = self.root / "repo"
        made = repos.Repo(path) if path.exists() else repos.make(path)
        named = {"start__py": start, **files} if start else files
        made.commit(configs___default__yaml="epochs: 7\n", **named)
        return made

    def play(self, start: str = "", files: dict[str, str] | None = None, **config: Any) -> Ended:
        ended = self.machine.run(task(self.folder, self.repo(start, **(files or {})), **config))
        assert schema.breaches(ended.record) == []
        return ended

    def message(self, start: str = "", files: dict[str, str] | None = None, **config: Any) -> str:
        ended = self.play(start, files, **config)
        assert ended.monitor.state == protocol.STATE_ERROR, ended.stderr
        return ended.monitor.message


@pytest.fixture
def player(machine: Machine, folder: TaskFolder, tmp_path: Path) -> Player:
    return Player(machine, folder, tmp_path)


NAMES = "import os\nos.mkdir('d'); open(b'd/\\xe9.jpg', 'w').close()\n"


class TestTheLastState:
    def test_f1_a_byte_of_a_files_name_stands_as_its_escape(self, player: Player) -> None:
        ended = player.play(NAMES + "raise ValueError(f\"can't read {os.listdir('d')[0]}\")")
        assert (ended.code, ended.monitor.state, ended.record["state"]) == (1, protocol.STATE_ERROR, "failed")
        assert r"ValueError: can't read \xe9.jpg (start.py:3)" in ended.monitor.message

    @pytest.mark.parametrize(
        "start",
        [
            "raise ValueError('\\ud800')",
            "import sys; sys.exit('\\udce9')",
            "import os; os.write(1, bytes(range(256)) * 3); os._exit(1)",
            "class Odd(Exception):\n    def __str__(self): raise KeyError('x')\nraise Odd",
            "raise ValueError('x' * 8_000_000)",
            "Odd = type('O' * 90_000, (Exception,), {}); raise Odd('\\0')",
        ],
    )
    def test_any_text_of_an_exception_comes_through(self, player: Player, start: str) -> None:
        ended = player.play(start)
        assert (ended.code, ended.monitor.state, ended.record["state"]) == (1, protocol.STATE_ERROR, "failed")

    def test_a_variable_that_is_no_text_ends_nothing(self, player: Player) -> None:
        task(player.folder, player.repo("raise KeyError('x')"))
        argv = player.machine.argv(player.folder)
        environ = {**{os.fsencode(k): os.fsencode(v) for k, v in player.machine.environ.items()}, b"N\xe9": b"\xff"}
        done = subprocess.run(argv, env=environ, capture_output=True, check=False)
        assert done.returncode == 1
        assert "KeyError" in Ended(1, "", "", player.folder).monitor.message

    def test_names_in_out_that_are_no_text_end_nothing(self, player: Player) -> None:
        out = "import os\nfrom ymir_exc.env import get_current_env\nroot = get_current_env().output.root_dir\n"
        ended = player.play(out + "open(os.fsencode(root) + b'/\\xe9', 'w').close()\n" + repos.CLASSIC_START)
        assert ended.code == 0, ended.stderr

    def test_a_commit_whose_message_is_no_text_runs(self, player: Player) -> None:
        made = player.repo(repos.CLASSIC_START)
        environ = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b"}
        words = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "i18n.commitEncoding=utf-8"]
        subprocess.run([*words, "commit", "-q", "--amend", "-m", b"\xff\xe9"], cwd=made.path, env=environ, check=True)
        assert player.machine.run(task(player.folder, made)).code == 0

    def test_a_record_that_the_job_has_written_over_ends_nothing(self, player: Player) -> None:
        ended = player.play(
            "import os\nfrom ymir_exc.env import get_current_env\n"
            "open(os.path.join(get_current_env().output.root_dir, 'live-code', 'run.json'), 'w').write('[1')\n"
            "os.kill(os.getppid(), 9)\nimport time; time.sleep(9)"
        )
        assert (ended.code, ended.monitor.state, ended.record["state"]) == (137, protocol.STATE_ERROR, "failed")

    def test_a_folder_of_reports_that_the_job_removed_or_filled_ends_nothing(self, player: Player) -> None:
        start = (
            "import os, shutil, time\nfolder = os.environ['LIVE_CODE_REPORTS']\n"
            "shutil.rmtree(folder); time.sleep(1.5)\n"
            "os.makedirs(folder + '/exception-0.json'); os.mkfifo(folder + '/exception-1.json')\n"
            "for n in range(2, 3000): open(f'{folder}/exception-{n}.json', 'w').write('[[[{')\n"
            "os.remove(os.path.join(folder, '..', 'job.log'))\ntime.sleep(1.5)\nraise KeyError('boxes')"
        )
        assert "KeyError: 'boxes'" in player.message(start)

    def test_a_worker_that_ends_without_a_word_is_reported_by_its_guard(self, player: Player) -> None:
        task(player.folder, player.repo(repos.CLASSIC_START))
        broken = (
            "import sys\nfrom live_code.run import finish, story\n"
            "def close(*_): raise RecursionError('again')\nfinish.close = close\n"
            "from live_code.commands.cli import main\nsys.exit(main(sys.argv[1:]))"
        )
        words = player.machine.argv(player.folder)[3:]
        done = subprocess.run([sys.executable, "-c", broken, *words], env=player.machine.environ, check=False)
        ended = Ended(done.returncode, "", "", player.folder)
        assert (ended.code, ended.monitor.state, ended.record["state"]) == (70, protocol.STATE_ERROR, "failed")
        assert "live-code itself ended with exit code 70 and did not report why" in ended.monitor.message


class TestTheCause:
    def test_f2_a_lost_process_is_no_network_and_not_started_again(self, player: Player) -> None:
        start = (
            "import multiprocessing as mp, os, time\nm = mp.Manager(); d = m.dict()\n"
            "os.kill(m._process.pid, 9); time.sleep(.3); d['a'] = 1"
        )
        ended = player.play(start, retries=2)
        assert "a process that the job had started died without a word" in ended.monitor.message
        assert (ended.monitor.return_code, len(ended.record["job"])) == (160004, 1)

    def test_f4_what_was_printed_and_got_over_is_not_the_cause(self, player: Player) -> None:
        start = (
            "import sys\nprint('batch 64 does not fit: CUDA out of memory. Tried to allocate 2.00 GiB')\n"
            "print('using batch 16')\nsys.exit('train: the split is empty')"
        )
        assert "exit code 1 after 0 s; its last line: train: the split is empty." in player.message(start)

    def test_f5_an_exception_behind_a_pipe_is_the_cause_of_missing_results(self, player: Player) -> None:
        files = {"train__sh": "python3 bad.py 2>&1 | tee log.txt\n", "bad__py": "raise KeyError('boxes')\n"}
        said = player.message(files=files, entrypoint="train.sh")
        assert "KeyError: 'boxes' (bad.py:1)" in said
        assert "set -o pipefail" in said

    def test_m1_an_interrupt_that_the_code_raises_is_neither_memory_nor_from_outside(self, player: Player) -> None:
        ended = player.play("raise KeyboardInterrupt", retries=2)
        assert ended.record["error"]["kind"] == "INTERRUPTED"
        assert "memory" not in ended.monitor.message
        assert len(ended.record["job"]) == 1

    def test_m2_missing_results_show_the_jobs_last_line(self, player: Player) -> None:
        start = "import traceback\ntry: 1/0\nexcept Exception: traceback.print_exc()"
        ended = player.play(start)
        assert "The job's last line: ZeroDivisionError: division by zero" in ended.monitor.message
        assert ended.monitor.stack[-1] == "ZeroDivisionError: division by zero"

    def test_m3_a_process_that_still_ran_is_named(self, player: Player) -> None:
        files = {"train__sh": "nohup python3 slow.py >log 2>&1 &\n", "slow__py": "import time; time.sleep(60)\n"}
        said = player.message(files=files, entrypoint="train.sh")
        assert "Still running when its first process had ended, and then ended: python3 slow.py" in said

    def test_m4_a_child_that_was_killed_behind_a_shell_is_named_by_its_signal(self, player: Player) -> None:
        files = {"train__sh": "python3 bad.py\n", "bad__py": "import os; os.kill(os.getpid(), 9)\n"}
        ended = player.play(files=files, entrypoint="train.sh", retries=1)
        assert "exit code 137 after 0 s, as when a process of it died of SIGKILL" in ended.monitor.message
        assert len(ended.record["job"]) == 1

    def test_f14_an_error_that_the_job_reports_stays_though_it_ends_with_0(self, player: Player) -> None:
        start = (
            repos.CLASSIC_START + "\nfrom ymir_exc import monitor\nfrom ymir_exc.code import ExecutorState\n"
            "monitor.write_monitor_logger(1.0, state=ExecutorState.ES_ERROR, return_code=300002)\n"
        )
        ended = player.play(start)
        assert (ended.code, ended.monitor.state, ended.monitor.return_code) == (1, protocol.STATE_ERROR, 300002)

    def test_a_torch_without_cuda_is_not_sent_to_gpus(self, player: Player) -> None:
        start = "assert False, 'Torch not compiled with CUDA enabled'"
        assert "--gpus alone does not help" in player.message(start, gpu_id="0")
        said = player.message(start, gpu_id="")
        assert "gpu_id is empty), but the code asks for one" in said


@pytest.mark.slow
def test_f6_an_exception_while_a_thread_lives_is_reported_at_once_and_ends_the_job(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    start = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='loader').start()\n"
        "raise ValueError('bad')"
    )
    ended = Player(machine, folder, tmp_path).play(start, retries=2, stall_timeout_s=300)
    assert "ValueError: bad (start.py:3)" in ended.monitor.message
    assert "ValueError: bad, but loader of its threads keeps the process alive" in ended.stderr
    assert (ended.code, len(ended.record["job"])) == (1, 1)


class TestTheWorkTree:
    START = "import os\nos.makedirs('runs/exp')\nopen('runs/exp/best.pt', 'wb').write(bytes({size}))\n"

    def test_what_a_job_left_in_ignored_folders_is_named_and_kept(self, player: Player) -> None:
        files = {"__gitignore": "runs/\n"}
        ended = player.play(self.START.format(size=12_000_000), files)
        assert "left runs/exp/best.pt (12.0 MB) in its work tree, kept in live-code/work." in ended.monitor.message
        assert (player.folder.out_dir / "live-code/work/runs/exp/best.pt").stat().st_size == 12_000_000
        assert ended.record["left_in_work"]["kept"] == 1

    def test_more_than_the_quota_is_named_and_not_kept(self, player: Player) -> None:
        said = player.message(self.START.format(size=3_000_000), keep_work=1)
        assert "best.pt (3.0 MB) in its work tree, and nothing of it is kept." in said
        assert not (player.folder.out_dir / "live-code" / "work").exists()

    def test_of_a_good_run_the_files_are_named(self, player: Player) -> None:
        ended = player.play(repos.CLASSIC_START + "\nopen('notes.txt', 'w').write('x')\n")
        assert ended.code == 0
        assert ended.record["left_in_work"]["some"] == [{"name": "notes.txt", "bytes": 1}]
        assert "notes.txt" in ended.stderr


def test_a_signal_while_the_job_is_being_started_is_passed_on(
    machine: Machine, folder: TaskFolder, tmp_path: Path
) -> None:
    """The signal comes after the job's process is there and before anybody has attended to it."""
    made = repos.make(tmp_path / "repo")
    made.commit(start__py="import time; time.sleep(60)\n", configs___default__yaml="epochs: 7\n")
    task(folder, made, stop_grace_s=5)
    slow = (
        "import subprocess, sys, time\nbefore = subprocess.Popen.__init__\n"
        "def started(self, argv, *rest, **named):\n    before(self, argv, *rest, **named)\n"
        "    if argv[-1] == 'start.py':\n        open(sys.argv.pop(1), 'w').close(); time.sleep(1)\n"
        "subprocess.Popen.__init__ = started\n"
        "from live_code.commands.cli import main\nsys.exit(main(sys.argv[2:] if len(sys.argv) > 6 else sys.argv[1:]))"
    )
    ready = tmp_path / "ready"
    running = subprocess.Popen([sys.executable, "-c", slow, str(ready), *machine.argv(folder)[3:]], env=machine.environ)
    until_there(ready, running)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 143
    assert "stopped by SIGTERM" in Ended(143, "", "", folder).monitor.message
