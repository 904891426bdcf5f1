"""A job's life and end, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from live_code.errors import JobError, LaunchError
from live_code.job.ymir_exc import protocol
from live_code.stages import supervise
from live_code.stages.launch.plan import Entrypoint, Launch
from live_code.stages.supervise import Places, Rules, attempts
from live_code.stages.supervise.group import FORWARDED
from live_code.tools.processes import proctree
from tests.support.waiting import until_caught, until_there


def launch(code: str, cwd: Path) -> Launch:
    argv = (sys.executable, "-u", "-c", code)
    return Launch(argv, cwd, dict(os.environ), Entrypoint("test", "test", ("training",)))


def run(code: str, tmp_path: Path, grace: float = 5.0, **rules: Any) -> supervise.Exit:
    places = Places(tmp_path / "job.log", tmp_path / "monitor.txt", (tmp_path,))
    return attempts.run_once(launch(code, tmp_path), places, Rules(grace, **rules))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


def wait_until_gone(pid: int, seconds: float = 3.0) -> bool:
    until = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


class TestEnds:
    def test_a_good_end(self, tmp_path: Path) -> None:
        ended = run("print('hello')", tmp_path)
        assert (ended.ok, ended.exit_code, ended.tail) == (True, 0, ("hello",))
        supervise.require_success(ended, None)

    def test_the_jobs_exit_code_is_kept(self, tmp_path: Path) -> None:
        ended = run("import sys; sys.exit(3)", tmp_path)
        assert (ended.ok, ended.exit_code) == (False, 3)
        with pytest.raises(JobError, match="exit code 3") as caught:
            supervise.require_success(ended, None)
        assert (caught.value.exit_code, caught.value.return_code) == (3, 160004)

    def test_a_death_by_signal_is_told_apart_from_an_exit_code(self, tmp_path: Path) -> None:
        ended = run("import os; os.kill(os.getpid(), 9)", tmp_path)
        assert (ended.signal, ended.exit_code) == (9, 137)
        with pytest.raises(JobError, match="killed by SIGKILL") as caught:
            supervise.require_success(ended, None)
        assert caught.value.exit_code == 137

    def test_the_jobs_own_error_in_the_monitor_is_what_the_platform_is_told(self, tmp_path: Path) -> None:
        said = protocol.Monitor("t", 1.0, 0.5, protocol.STATE_ERROR, 300103, "CUDA out of memory", ("line",))
        with pytest.raises(JobError, match="CUDA out of memory") as caught:
            supervise.require_success(run("raise SystemExit(1)", tmp_path), said)
        assert (caught.value.return_code, caught.value.details) == (300103, "line")

    def test_a_command_that_is_not_there(self, tmp_path: Path) -> None:
        missing = launch("", tmp_path)._replace(argv=("/no/such/program",))
        with pytest.raises(LaunchError, match="/no/such/program"):
            attempts.run_once(missing, Places(tmp_path / "job.log", tmp_path / "monitor.txt"), Rules())


class TestOutput:
    def test_both_streams_reach_ours_and_the_log(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        run("import sys; print('out'); print('err', file=sys.stderr)", tmp_path)
        printed = capfd.readouterr()
        assert (printed.out, printed.err) == ("out\n", "err\n")
        assert sorted((tmp_path / "job.log").read_text().splitlines()) == ["err", "out"]

    def test_lines_of_the_two_streams_never_mix(self, tmp_path: Path) -> None:
        run(
            "import sys, threading\n"
            "def say(stream, text):\n"
            "    for _ in range(2000): stream.write(text[:10]); stream.flush(); stream.write(text[10:] + '\\n')\n"
            "both = [threading.Thread(target=say, args=(sys.stdout, 'o' * 40))]\n"
            "both += [threading.Thread(target=say, args=(sys.stderr, 'e' * 40))]\n"
            "[t.start() for t in both]; [t.join() for t in both]\n",
            tmp_path,
        )
        lines = (tmp_path / "job.log").read_text().splitlines()
        assert len(lines) == 4000
        assert {frozenset(line) for line in lines} == {frozenset("o"), frozenset("e")}

    def test_a_progress_bar_is_seen_while_it_moves_and_stands_once_in_the_log(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        run("import sys; sys.stdout.write('10%\\r20%\\r100%\\n')", tmp_path)
        assert capfd.readouterr().out == "10%\r20%\r100%\n"
        assert (tmp_path / "job.log").read_bytes() == b"100%\n"

    def test_bytes_that_are_no_text_survive(self, tmp_path: Path) -> None:
        run("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n')", tmp_path)
        assert (tmp_path / "job.log").read_bytes() == b"\xff\xfe\n"

    def test_a_line_without_end_does_not_fill_memory(self, tmp_path: Path) -> None:
        run("import sys\nfor _ in range(200): sys.stdout.write('x' * 10000)", tmp_path)
        assert (tmp_path / "job.log").stat().st_size == 2_000_000


class TestLeftovers:
    def test_a_report_that_was_cut_off_does_not_stay(self, tmp_path: Path) -> None:
        run("open('exceptions/exception-1.json.tmp', 'w').write('{')", tmp_path)
        assert list((tmp_path / "exceptions").iterdir()) == []

    def test_children_that_outlive_the_job_are_ended(self, tmp_path: Path) -> None:
        run(
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "open('pid', 'w').write(str(child.pid))\n",
            tmp_path,
        )
        assert wait_until_gone(int((tmp_path / "pid").read_text()))

    def test_a_daemon_that_keeps_our_pipe_open_does_not_keep_us(self, tmp_path: Path) -> None:
        started = time.monotonic()
        run(
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
            "open('pid', 'w').write(str(child.pid))\n",
            tmp_path,
        )
        assert not alive(int((tmp_path / "pid").read_text()))
        assert time.monotonic() - started < 10

    def test_a_job_that_closes_its_output_is_waited_for(self, tmp_path: Path) -> None:
        assert run("import os, time, sys\nos.close(1); os.close(2); time.sleep(0.6); os._exit(4)", tmp_path).code == 4


SUPERVISOR = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_supervise import run
ended = run({code!r}, Path({folder!r}), grace={grace})
print(ended.exit_code, ended.stopped_by, flush=True)
"""


class TestStop:
    def stopped(self, code: str, folder: Path, grace: float, *signals: int) -> tuple[str, float]:
        """Runs `code` under a supervisor of its own, sends it the signals once the job is ready."""
        script = SUPERVISOR.format(tests=str(Path(__file__).parent), code=code, folder=str(folder), grace=grace)
        supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        until_there(folder / "ready", supervisor)
        until_caught(FORWARDED, supervisor)
        started = time.monotonic()
        for number in signals:
            supervisor.send_signal(number)
            time.sleep(0.3)
        said, _ = supervisor.communicate(timeout=30)
        return said.splitlines()[-1], time.monotonic() - started

    def test_sigterm_is_passed_on_and_the_job_may_finish_its_work(self, tmp_path: Path) -> None:
        code = (
            "import signal, sys, time\n"
            "def stop(*_): open('saved', 'w').close(); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop); open('ready', 'w').close(); time.sleep(60)\n"
        )
        said, _ = self.stopped(code, tmp_path, 10, signal.SIGTERM)
        assert (tmp_path / "saved").exists()
        assert said == "143 15", "a stopped job is no success, even if it ends with 0"

    STUBBORN = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('ready', 'w').close()\n"
        "while True: time.sleep(1)\n"
    )

    def test_a_job_that_ignores_sigterm_is_killed_after_its_grace(self, tmp_path: Path) -> None:
        said, seconds = self.stopped(self.STUBBORN, tmp_path, 1.0, signal.SIGTERM)
        assert said == "137 15"
        assert 1.0 <= seconds < 4

    def test_a_second_signal_ends_the_patience(self, tmp_path: Path) -> None:
        said, seconds = self.stopped(self.STUBBORN, tmp_path, 60.0, signal.SIGTERM, signal.SIGTERM)
        assert said == "137 15"
        assert seconds < 5


STUBBORN_FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for n in range({count}):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(1); os.close(2)
            while True: time.sleep(10)
        os._exit(0)
while len([p for p in os.listdir('/proc') if p.isdigit()]) < {count}: time.sleep(.01)
open('ready', 'w').close()
while True: time.sleep(10)
"""


def test_two_hundred_children_that_ignore_sigterm_and_fork_twice_are_gone_within_their_grace(tmp_path: Path) -> None:
    script = SUPERVISOR.format(
        tests=str(Path(__file__).parent), code=STUBBORN_FAMILY.format(count=200), folder=str(tmp_path), grace=1.0
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    until_there(tmp_path / "ready", supervisor)
    until_caught(FORWARDED, supervisor)
    time.sleep(0.5)
    family = [process.pid for process in proctree.living(supervisor.pid)]
    assert len(family) == 202, "the job, its children, and the process that would end them after our death"
    started = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    said, _ = supervisor.communicate(timeout=30)
    assert time.monotonic() - started < 1.0 + 1.0
    assert said.splitlines()[-1] == "137 15"
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == [], "no process, no zombie"
