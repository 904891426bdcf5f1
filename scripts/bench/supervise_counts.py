"""What supervision costs in instructions and context switches: these a busy machine doesn't change.

Instructions are those of user space, of all processes of a tree: by `perf stat` where the machine has such counters,
else by valgrind's callgrind, which runs everything some fifty times slower. So a long job is not run whole: what start
and end take, what a second of waiting takes and what a step of the job takes are counted apart and put together. And
where we are counted the job runs at its own speed: slowed down too, it would have each piece of a line read by itself,
1.2 million reads for 200,000 lines instead of 140.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import startup_tables as tables

# Seconds of two waiting jobs; what the longer one costs more is what the seconds between them cost.
SHORT_S, LONG_S = 10.0, 50.0
STEPS = 1_000_000
# It stands in the job's code, so that valgrind knows whom to leave alone.
MARK = "bench-job"
ENVIRON = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}


class Switches(NamedTuple):
    """Of a tree of processes: context switches, and seconds of a processor."""

    voluntary: int
    forced: int
    seconds: float


class Cost(NamedTuple):
    """Instructions of a job, and of those who supervise it."""

    job: float
    ours: float

    @property
    def share(self) -> float:
        return self.ours / self.job


class Counter(NamedTuple):
    """``job``: the instructions of a command. ``ours``: of a command that supervises a job, the job's own left out."""

    tool: str
    job: Callable[[list[str]], float]
    ours: Callable[[list[str], list[str]], float]


def counter() -> Counter:
    if shutil.which("perf"):
        try:
            by_perf(["true"])
            return Counter("perf stat -e instructions:u", by_perf, lambda argv, job: by_perf(argv) - by_perf(job))
        except ValueError:
            pass
    if shutil.which("valgrind"):
        skip = f"--trace-children-skip-by-arg=*{MARK}*"
        return Counter("valgrind --tool=callgrind", by_callgrind, lambda argv, job: by_callgrind(argv, skip))
    sys.exit("neither perf with hardware counters nor valgrind is here: apt-get install linux-perf valgrind")


def by_perf(argv: list[str]) -> float:
    """Raises ValueError where the machine has no such counter."""
    with tempfile.NamedTemporaryFile("r") as file:
        run(["perf", "stat", "-x,", "-e", "instructions:u", "-o", file.name, *argv])
        line = next(line for line in file if "instructions" in line)
    return float(line.split(",")[0])


def by_callgrind(argv: list[str], *more: str) -> float:
    """What a process did between its fork and its exec is not in it."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--tool=callgrind", "--trace-children=yes", *more, "-q", f"--callgrind-out-file={folder}/%p"]
        run(["valgrind", *options, *argv])
        texts = [path.read_text(errors="replace") for path in Path(folder).iterdir()]
    totals = [re.findall(r"^(?:totals|summary): (\d+)", text, re.MULTILINE) for text in texts]
    return float(sum(max(map(int, found)) for found in totals if found))


def run(argv: list[str]) -> None:
    """Somebody reads the output, as ever."""
    with subprocess.Popen(argv, env=ENVIRON, stdout=subprocess.PIPE) as running:
        assert running.stdout
        while os.read(running.stdout.fileno(), 1 << 16):
            pass
    assert running.returncode == 0, argv


def switches(argv: list[str]) -> Switches:
    """In a process of its own, which has no other children."""
    code = (
        "import os, resource, subprocess, sys; r = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "while os.read(r.stdout.fileno(), 1 << 16): pass\n"
        "assert r.wait() == 0; u = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(u.ru_nvcsw, u.ru_nivcsw, u.ru_utime + u.ru_stime)"
    )
    output = subprocess.check_output([sys.executable, "-c", code, *argv], env=ENVIRON, text=True)
    voluntary, forced, seconds = output.split()
    return Switches(int(voluntary), int(forced), float(seconds))


def measure(
    bare: Callable[[str], list[str]],
    supervised: Callable[[str], list[str]],
    codes: dict[str, str],
    spin_step: str,
    steps: int,
    seconds: float,
) -> str:
    """Both tables. ``codes``: nothing, spin, chat, wait; the last with ``{seconds}`` to be filled in."""
    tool, of_job, of_ours = counter()

    def ours(code: str) -> float:
        return of_ours(supervised(code), bare(code))

    def both(code: str) -> Cost:
        return Cost(of_job(bare(code)), ours(code))

    nothing = both(codes["nothing"])
    chat = both(codes["chat"])
    short, long = (ours(codes["wait"].format(seconds=seconds)) for seconds in (SHORT_S, LONG_S))
    a_second = (long - short) / (LONG_S - SHORT_S)
    a_step = (of_job(bare(spin_step)) - nothing.job) / STEPS
    spin = Cost(nothing.job + steps * a_step, nothing.ours + seconds * a_second)
    rows = [
        instructions(f"CPU-bound, {seconds:.0f} s", spin, 0.01),
        instructions("lines", chat, 0.10),
        instructions("lines, start and end apart", Cost(chat.job - nothing.job, chat.ours - nothing.ours), 0.10),
        ("nothing: start and end", f"{nothing.job / 1e6:,.0f}", f"{nothing.ours / 1e6:,.0f}", "", "", ""),
        ("a second of waiting", "", f"{a_second / 1e6:.2f}", "", "", ""),
    ]
    moved = [switched(name, switches(bare(codes[key])), switches(supervised(codes[key]))) for name, key in SWITCHED]
    return "\n\n".join(
        (
            f"Millions of instructions in user space, counted by `{tool}`.",
            tables.table(("job", "the job's", "ours", "share", "goal", ""), rows),
            "Context switches and seconds of a processor, natively, of the whole tree (`getrusage`).",
            tables.table(
                ("job", "bare: waits", "forced", "seconds", "supervised: waits", "forced", "seconds"),
                moved,
            ),
        )
    )


SWITCHED = (("CPU-bound", "spin"), ("lines", "chat"), ("nothing: start and end", "nothing"))


def instructions(name: str, cost: Cost, goal: float) -> tuple[str, ...]:
    held = tables.word(cost.share <= goal)
    return name, f"{cost.job / 1e6:,.0f}", f"{cost.ours / 1e6:,.0f}", f"{cost.share:.2%}", f"≤ {goal:.0%}", held


def switched(name: str, bare: Switches, supervised: Switches) -> tuple[str, ...]:
    sides = [(f"{side.voluntary:,}", f"{side.forced:,}", f"{side.seconds:.2f}") for side in (bare, supervised)]
    return (name, *sides[0], *sides[1])
