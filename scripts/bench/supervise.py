"""Runs each job bare and supervised in turns, so that both see the same machine; compares processor and wall time."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SPIN = "import time\nuntil = {rounds}\nvalue = 0\nfor n in range(until): value = (value * 31 + n) % 1000003\n"
CHAT = "for number in range({lines}): print('epoch 1 step', number, 'loss 0.1234 lr 0.01')\n"
WAIT = "import time; time.sleep({seconds})\n"
SUPERVISED = """
import os, sys
from pathlib import Path
from live_code import guard

def work():
    from live_code.launch import Entrypoint, Launch
    from live_code.supervise import Places, Rules, attend
    folder = Path(sys.argv[1])
    job = Launch((sys.executable, "-c", sys.argv[2]), folder, dict(os.environ), Entrypoint("bench", "bench", ()))
    return attend.run(job, Places(folder / "job.log", folder / "monitor.txt", (folder,), folder), Rules()).exit_code

sys.exit(guard.run(work, lambda number: 128 + number))
"""


class Run(NamedTuple):
    wall: float
    cpu: float


def timed(argv: list[str], environ: dict[str, str]) -> Run:
    """Wall time, and processor time of the process and all its descendants. Somebody reads the output, as ever."""
    before, started = os.times(), time.perf_counter()
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE) as running, Path(os.devnull).open("wb") as nowhere:
        assert running.stdout
        while piece := os.read(running.stdout.fileno(), 1 << 16):
            nowhere.write(piece)
    assert running.returncode == 0
    wall, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall, used)


def compare(name: str, code: str, rounds: int, folder: Path) -> None:
    bare: list[Run] = []
    ours: list[Run] = []
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for _ in range(rounds):
        bare.append(timed([sys.executable, "-c", code], environ))
        ours.append(timed([sys.executable, "-c", SUPERVISED, str(folder), code], environ))
    walls = [statistics.median(run.wall for run in runs) for runs in (bare, ours)]
    cpus = [statistics.median(run.cpu for run in runs) for runs in (bare, ours)]
    print(
        f"{name}: bare {walls[0]:.2f} s, supervised {walls[1]:.2f} s ({walls[1] / walls[0] - 1:+.1%} wall); "
        f"processor {cpus[0]:.2f} and {cpus[1]:.2f} s; medians of {rounds}"
    )


def memory(folder: Path, seconds: float) -> None:
    """Of both processes while the job sleeps, shared pages counted once (PSS)."""
    argv = [sys.executable, "-c", SUPERVISED, str(folder), WAIT.format(seconds=seconds)]
    running = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    time.sleep(seconds * 0.8)
    worker = _child(running.pid)
    used = [_pss(pid) for pid in (running.pid, worker)]
    ticks = _ticks(worker) + _ticks(running.pid)
    running.wait()
    print(f"memory while waiting: guard {used[0] / 1024:.1f} MiB, worker {used[1] / 1024:.1f} MiB")
    print(f"processor time of both in the first {seconds * 0.8:.0f} s: {ticks / os.sysconf('SC_CLK_TCK'):.2f} s")


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--spin", type=int, default=150_000_000, help="rounds of the CPU-bound job: about 20 s")
    options.add_argument("--lines", type=int, default=200_000)
    options.add_argument("--wait", type=float, default=20.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare("CPU-bound", SPIN.format(rounds=asked.spin), asked.rounds, Path(name))
        compare(f"chatty, {asked.lines} lines", CHAT.format(lines=asked.lines), asked.rounds, Path(name))
        memory(Path(name), asked.wait)


if __name__ == "__main__":
    main()
