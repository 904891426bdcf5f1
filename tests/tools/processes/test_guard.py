"""Two processes of which either may be killed, with real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from live_code.tools.processes import proctree

GUARDED = """
import os, signal, subprocess, sys, time
from live_code.tools.processes import guard

def work():
    def stop(number, _):
        open("worker-heard", "a").write(f"{{signal.Signals(number).name}}\\n")
        sys.exit(7)
    for number in guard.STOPPING:
        signal.signal(number, stop)
    open("worker", "w").write(str(os.getpid()))
{work}

def lost(number):
    open("lost", "w").write(str(number))
    return 128 + number

sys.exit(guard.run(work, lost))
"""
WAITS = "    open('ready', 'w').close(); time.sleep(60)"


class Run(NamedTuple):
    guard: subprocess.Popen[bytes]
    folder: Path

    def number(self, name: str) -> int:
        return int((self.folder / name).read_text())

    def heard(self) -> list[str]:
        return (self.folder / "worker-heard").read_text().splitlines()


def start(folder: Path, work: str) -> Run:
    return Run(subprocess.Popen([sys.executable, "-c", GUARDED.format(work=work)], cwd=folder), folder)


def ready(run: Run) -> Run:
    until = time.monotonic() + 20
    while not (run.folder / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return run


def gone(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # dead; whoever has inherited it does not wait for it
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = {process.pid for process in proctree.below(os.getpid())}
    yield
    left = [process for process in proctree.living(os.getpid()) if process.pid not in before]
    proctree.send(tuple(left), signal.SIGKILL)
    assert left == []


def test_the_workers_code_is_the_code(tmp_path: Path) -> None:
    assert start(tmp_path, "    return 5").guard.wait(20) == 5
    assert not (tmp_path / "lost").exists()


def test_what_comes_through_the_worker_is_printed_and_is_a_failure(tmp_path: Path) -> None:
    assert start(tmp_path, "    raise KeyError('x')").guard.wait(20) == 70


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_worker_once(tmp_path: Path, number: signal.Signals) -> None:
    run = ready(start(tmp_path, WAITS))
    run.guard.send_signal(number)
    assert run.guard.wait(20) == 7
    assert run.heard() == [number.name]


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_signals_for_a_job_that_is_not_there_yet_end_nothing(tmp_path: Path, number: signal.Signals) -> None:
    run = ready(start(tmp_path, "    open('ready', 'w').close(); time.sleep(.5); return 5"))
    run.guard.send_signal(number)
    assert run.guard.wait(20) == 5
    assert not (tmp_path / "lost").exists()


def test_a_killed_worker_is_told_of_and_its_children_are_gone(tmp_path: Path) -> None:
    run = ready(
        start(
            tmp_path,
            "    child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
            "    open('child', 'w').write(str(child.pid))\n"
            "    time.sleep(.5)  # its guard arranges to adopt orphans meanwhile\n" + WAITS,
        )
    )
    os.kill(run.number("worker"), signal.SIGKILL)
    assert run.guard.wait(20) == 137
    assert run.number("lost") == signal.SIGKILL
    assert gone(run.number("child"), 0.1)


def test_a_killed_guard_is_told_to_the_worker(tmp_path: Path) -> None:
    run = ready(start(tmp_path, WAITS))
    run.guard.kill()
    assert run.guard.wait(20) == -9
    assert gone(run.number("worker"))
    assert run.heard() == ["SIGPWR"]


def test_daemons_of_the_worker_do_not_outlive_it(tmp_path: Path) -> None:
    start_one = "setsid sleep 60 >/dev/null 2>&1 & echo $! > daemon"
    daemon = f"    time.sleep(.5); subprocess.run(['sh', '-c', '{start_one}'])\n    return 0"
    run = start(tmp_path, daemon)
    assert run.guard.wait(20) == 0
    assert gone(run.number("daemon"), 0.1)


def test_orphans_are_waited_for_while_the_worker_works(tmp_path: Path) -> None:
    run = ready(start(tmp_path, "    time.sleep(.3); subprocess.run(['sh', '-c', 'sleep 0.1 &'])\n" + WAITS))
    time.sleep(0.5)
    zombies = [process for process in proctree.below(run.guard.pid) if process.state == "Z"]
    run.guard.terminate()
    run.guard.wait(20)
    assert zombies == []
