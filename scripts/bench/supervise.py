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
TELEMETRY_S = 5.0
# The first samples are taken after it, and all that is imported late has been.
STARTED_S = 2.5 * TELEMETRY_S
SUPERVISED = """
import os, sys
from pathlib import Path
from live_code import guard

def work():
    from live_code.launch import Entrypoint, Launch
    from live_code.supervise import Places, Rules, attend
    folder = Path(sys.argv[1])
    job = Launch((sys.executable, "-c", sys.argv[2]), folder, dict(os.environ), Entrypoint("bench", "bench", ()))
    places = Places(folder / "job.log", folder / "monitor.txt", (folder,), folder)
    return attend.run(job, places, Rules(telemetry_every=float(sys.argv[3]))).exit_code

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
        ours.append(timed(supervised(folder, code), environ))
    walls = [statistics.median(run.wall for run in runs) for runs in (bare, ours)]
    cpus = [statistics.median(run.cpu for run in runs) for runs in (bare, ours)]
    print(
        f"{name}: bare {walls[0]:.2f} s, supervised {walls[1]:.2f} s ({walls[1] / walls[0] - 1:+.1%} wall); "
        f"processor {cpus[0]:.2f} and {cpus[1]:.2f} s; medians of {rounds}"
    )


def supervised(folder: Path, code: str, telemetry: float = TELEMETRY_S) -> list[str]:
    return [sys.executable, "-c", SUPERVISED, str(folder), code, str(telemetry)]


def waiting(folder: Path, seconds: float) -> None:
    """Both processes while the job sleeps: memory, shared pages counted once (PSS), and processor time, start-up
    excluded. With telemetry and without, at the same time."""
    jobs = {
        name: subprocess.Popen(
            supervised(folder / name, WAIT.format(seconds=STARTED_S + seconds + 5), every), stdout=subprocess.DEVNULL
        )
        for name, every in (("with", TELEMETRY_S), ("without", 0.0))
        if not (folder / name).mkdir()
    }
    time.sleep(STARTED_S)
    before = {name: _ticks(job.pid) for name, job in jobs.items()}
    time.sleep(seconds)
    for name, job in jobs.items():
        used = (_ticks(job.pid) - before[name]) / os.sysconf("SC_CLK_TCK") / seconds
        guard, worker = _pss(job.pid), _pss(_child(job.pid))
        print(
            f"waiting for {seconds:.0f} s {name} telemetry: {used:.2%} of a core; "
            f"memory: guard {guard / 1024:.1f} MiB, worker {worker / 1024:.1f} MiB"
        )
    for job in jobs.values():
        job.terminate()
        job.wait()


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(guard: int) -> int:
    """Of both processes."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in (guard, _child(guard))]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--spin", type=int, default=150_000_000, help="rounds of the CPU-bound job: about 20 s")
    options.add_argument("--lines", type=int, default=200_000)
    options.add_argument("--wait", type=float, default=60.0)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare("CPU-bound", SPIN.format(rounds=asked.spin), asked.rounds, Path(name))
        compare(f"chatty, {asked.lines} lines", CHAT.format(lines=asked.lines), asked.rounds, Path(name))
        waiting(Path(name), asked.wait)


if __name__ == "__main__":
    main()
