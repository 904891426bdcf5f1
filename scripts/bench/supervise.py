"""What it costs a job to be supervised: a CPU-bound and a chatty job, bare and supervised, in short turns.

    scripts/bench/supervise [--rounds N] [--turn SECONDS] [--turns N] [--lines N] [--wait SECONDS] [--write]
    scripts/bench/supervise --counts [--lines N] [--write]

A machine's speed may change for minutes, so turns are short, in the order bare, ours, ours, bare; each turn is compared
with the one beside it, and the median of these ratios counts. `--counts` counts instructions and context switches
instead, which need no quiet machine. `--write` puts the tables into docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import startup_tables as tables
import supervise_counts

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"

SPIN = "import time\nvalue = 0\nfor n in range({steps}): value = (value * 31 + n) % 1000003\n"
CHAT = "for number in range({lines}): print('epoch 1 step', number, 'loss 0.1234 lr 0.01')\n"
NOTHING = "pass\n"
WAIT = "import time; time.sleep({seconds})\n"
TELEMETRY_S = 5.0
# The first samples are taken after it, and all that is imported late has been.
STARTED_S = 2.5 * TELEMETRY_S
MIB = 1 << 20
SUPERVISED = """
import os, sys
from pathlib import Path
from live_code.tools.processes import guard

def work():
    from live_code.stages.launch.plan import Entrypoint, Launch
    from live_code.stages.supervise import Places, Rules, attempts
    folder = Path(sys.argv[1])
    job = Launch((sys.executable, "-c", sys.argv[2]), folder, dict(os.environ), Entrypoint("bench", "bench", ()))
    places = Places(folder / "job.log", folder / "monitor.txt", (folder,), folder)
    return attempts.run_once(job, places, Rules(telemetry_every=float(sys.argv[3]))).exit_code

sys.exit(guard.run(work, lambda number: 128 + number))
"""


class Pair(NamedTuple):
    """Wall seconds of two turns, one after the other."""

    bare: float
    ours: float


class Waiting(NamedTuple):
    """Of both processes while the job sleeps: share of a core, and memory with shared pages counted once (PSS)."""

    share: float
    guard: float
    worker: float


def timed(argv: list[str]) -> float:
    """Wall seconds. Somebody reads the output, as ever."""
    started = time.perf_counter()
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE) as running:
        assert running.stdout
        while os.read(running.stdout.fileno(), 1 << 16):
            pass
    assert running.returncode == 0
    return time.perf_counter() - started


def turns(code: str, count: int, folder: Path) -> list[Pair]:
    bare, ours = [sys.executable, "-c", code], supervised(folder, code)
    found = []
    for number in range(count):
        if number % 2:
            second = timed(ours)
            found.append(Pair(timed(bare), second))
        else:
            found.append(Pair(timed(bare), timed(ours)))
    return found


def together(pairs: list[Pair], starts: list[Pair], count: int, times: int) -> list[Pair]:
    """Of each pair what a job with the work of ``count`` such turns takes that starts and ends so many ``times``."""
    bare, ours = (statistics.median(side) for side in zip(*starts, strict=True))
    spare = count - times
    return [Pair(count * one.bare - spare * bare, count * one.ours - spare * ours) for one in pairs]


def supervised(folder: Path, code: str, telemetry: float = TELEMETRY_S) -> list[str]:
    return [sys.executable, "-c", SUPERVISED, str(folder), code, str(telemetry)]


def steps_in(seconds: float) -> int:
    """How many steps of the CPU-bound job take so long here; told by its own clock, as others may be at work too."""
    trial = 5_000_000
    code = SPIN.format(steps=trial) + "print(time.process_time())\n"
    took = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    return round(trial * seconds / took)


def waiting(folder: Path, seconds: float) -> dict[str, Waiting]:
    """With telemetry and without, at the same time; start-up excluded."""
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
    found = {}
    for name, job in jobs.items():
        used = (_ticks(job.pid) - before[name]) / os.sysconf("SC_CLK_TCK") / seconds
        found[name] = Waiting(used, _pss(job.pid), _pss(_child(job.pid)))
    for job in jobs.values():
        job.terminate()
        job.wait()
    return found


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _pss(pid: int) -> float:
    """In bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _ticks(guard: int) -> int:
    """Of both processes."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in (guard, _child(guard))]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats)


def told(pairs: dict[str, list[Pair]], idle: dict[str, Waiting], options: argparse.Namespace, machine: str) -> str:
    starts, chat = pairs["nothing"], pairs["chat"]
    spins = together(pairs["spin"], starts, options.turns, 1)
    jobs = [
        _row(f"CPU-bound, {options.turn * options.turns:.0f} s, of {options.turns} turns", spins, 0.01),
        _row(f"{options.lines:,} lines", chat, 0.10),
        _row(f"{options.lines:,} lines, start and end apart", together(chat, starts, 1, 0), 0.10),
        _row("nothing: start and end", starts, None),
    ]
    parts = [
        f"{options.rounds} rounds of {options.turns} turns each way; {machine}.",
        tables.table(
            (
                "job",
                "bare, min",
                "supervised, min",
                "slower: by the minima",
                "median of pairs",
                "quartiles",
                "goal",
                "",
            ),
            jobs,
        ),
        tables.table(
            ("while the job waits", "of a core", "goal", "guard", "worker", "goal", ""),
            [_waits(f"{name} telemetry", one) for name, one in idle.items()],
        ),
    ]
    return "\n\n".join(parts)


def _row(name: str, pairs: list[Pair], goal: float | None) -> tuple[str, ...]:
    bare, ours = (min(side) for side in zip(*pairs, strict=True))
    if goal is None:
        low, middle, high = statistics.quantiles([one.ours - one.bare for one in pairs], n=4)
        shown = [f"{value * 1e3:+.0f} ms" for value in (ours - bare, middle, low, high)]
        verdict = ("", "")
    else:
        low, middle, high = statistics.quantiles([one.ours / one.bare - 1 for one in pairs], n=4)
        shown = [f"{value:+.1%}" for value in (ours / bare - 1, middle, low, high)]
        verdict = (f"≤ {goal:.0%}", tables.word(middle <= goal))
    return (name, f"{bare:.2f} s", f"{ours:.2f} s", *shown[:2], f"{shown[2]} to {shown[3]}", *verdict)


def _waits(name: str, cost: Waiting) -> tuple[str, ...]:
    memory = (cost.guard + cost.worker) / MIB
    held = tables.word(memory <= 40 and (cost.share <= 0.005 or "without" in name))
    return (
        name,
        f"{cost.share:.2%}",
        "< 0.5 %",
        f"{cost.guard / MIB:.1f} MiB",
        f"{cost.worker / MIB:.1f} MiB",
        "≤ 40 MiB",
        held,
    )


def counts(options: argparse.Namespace) -> str:
    """The job of all turns of a round, and that of lines."""
    seconds = options.turn * options.turns
    steps = steps_in(seconds)
    jobs = {
        "nothing": NOTHING,
        "spin": SPIN.format(steps=steps),
        "chat": CHAT.format(lines=options.lines),
        "wait": WAIT,
    }
    codes = {name: f"'{supervise_counts.MARK}'\n{code}" for name, code in jobs.items()}
    with tempfile.TemporaryDirectory() as folder:
        text = supervise_counts.measure(
            lambda code: [sys.executable, "-c", code],
            lambda code: supervised(Path(folder), code),
            codes,
            SPIN.format(steps=supervise_counts.STEPS),
            steps,
            seconds,
        )
    machine = f"{date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} cores"
    return f"{options.lines:,} lines; {machine}.\n\n{text}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--turn", type=float, default=2.5, help="seconds of one turn of the CPU-bound job")
    options.add_argument("--turns", type=int, default=8, help="turns of each side in a round; even")
    options.add_argument("--lines", type=int, default=200_000)
    options.add_argument("--wait", type=float, default=60.0)
    options.add_argument("--counts", action="store_true", help="instructions and context switches, not seconds")
    options.add_argument("--write", action="store_true", help=f"the tables into {PAGE.relative_to(ROOT)}")
    asked = options.parse_args()
    if asked.counts:
        text = counts(asked)
        print(text)
        if asked.write:
            PAGE.write_text(tables.replaced(PAGE.read_text(), "supervision counts", text, "supervise --counts"))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spin = SPIN.format(steps=steps_in(asked.turn))
        codes = {"nothing": NOTHING, "spin": spin, "chat": CHAT.format(lines=asked.lines)}
        found: dict[str, list[Pair]] = {job: [] for job in codes}
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr, flush=True)
            for job, code in codes.items():
                found[job] += turns(code, asked.turns, folder)
        idle = waiting(folder, asked.wait)
    machine = (
        f"{date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f} at the start,"
        f" {os.getloadavg()[0]:.1f} at the end"
    )
    text = told(found, idle, asked, machine)
    print(text)
    if asked.write:
        PAGE.write_text(tables.replaced(PAGE.read_text(), "supervision", text, "supervise"))


if __name__ == "__main__":
    main()
