"""Runs on this machine, side by side: as many as its cores, GPUs and memory have room for."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from live_code.errors import ConfigError
from live_code.experiments.sweep import process
from live_code.experiments.sweep.engine import HERE, Exit
from live_code.experiments.sweep.spec import Resources
from live_code.experiments.sweep.task_folder import Job
from live_code.tools.settings import Settings
from live_code.tools.telemetry import gpu
from live_code.values import NamedTuple

_POLL_S = 0.02


class Machine(NamedTuple):
    """``gpus``: their numbers or names, as CUDA_VISIBLE_DEVICES has them. ``memory`` in bytes."""

    cpus: int
    gpus: tuple[str, ...]
    memory: int


def this_machine(gpus: str | None) -> Machine:
    """``gpus``: those that may be seen, None for all."""
    devices = gpus.split(",") if gpus is not None else map(str, range(gpu.devices()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(len(os.sched_getaffinity(0)), tuple(filter(None, devices)), memory)


def slots(machine: Machine, wanted: Resources, most: int) -> tuple[str, ...]:
    """For each run that has room beside the others, its GPUs. ``most`` 0: no limit. Raises ConfigError for no room."""
    count = int(machine.cpus / (wanted.cpus or 1))
    if most:
        count = min(count, most)
    if wanted.memory:
        count = min(count, machine.memory // wanted.memory)
    given = _devices(machine.gpus, wanted.gpus, count)
    if not given:
        raise ConfigError(
            f"a run is to have {_needs(wanted)}; this machine has {machine.cpus} cores, {len(machine.gpus)} GPUs and "
            f"{machine.memory >> 30} GiB.",
            hint="Ask for less in resources, or name a cluster with --address.",
        )
    return given


class LocalEngine:
    """An Engine of child processes."""

    def __init__(self, runs: Path, free: tuple[str, ...], settings: Settings) -> None:
        self._runs = runs
        self._free = list(free)
        self._settings = settings
        self._running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def room(self) -> int:
        return len(self._free)

    def start(self, job: Job) -> None:
        devices = self._free.pop(0)
        self._running[job.id] = (process.start(self._runs / job.id, job, self._settings, devices), devices)

    def exits(self, wait_s: float) -> Iterator[Exit]:
        until = time.monotonic() + wait_s
        while not (over := [run for run, (child, _) in self._running.items() if child.poll() is not None]):
            if time.monotonic() >= until:
                return
            time.sleep(_POLL_S)
        for run in over:
            self._free.append(self._running.pop(run)[1])
            yield Exit(run, HERE)

    def node(self, run_id: str) -> str:
        return HERE if run_id in self._running else ""

    def stop(self, run_id: str) -> None:
        if run_id in self._running:
            self._running[run_id][0].terminate()

    def close(self) -> None:
        for child, _ in self._running.values():
            child.terminate()
        for child, _ in self._running.values():
            child.wait()


def _devices(gpus: tuple[str, ...], wanted: float, count: int) -> tuple[str, ...]:
    if not wanted:
        return ("",) * count
    if wanted < 1:  # several runs on one
        return tuple(device for _ in range(int(1 / wanted)) for device in gpus)[:count]
    size = int(wanted)
    return tuple(",".join(gpus[first : first + size]) for first in range(0, len(gpus) - size + 1, size))[:count]


def _needs(wanted: Resources) -> str:
    memory = f" and {wanted.memory >> 20} MiB" if wanted.memory else ""
    return f"{wanted.cpus:g} cores, {wanted.gpus:g} GPUs{memory}"
