"""Processors, memory, shared memory, disk and network, read from /proc: values of one moment, and rates between two."""

from __future__ import annotations

import os
import time
from pathlib import Path

from live_code.tools.processes import proctree
from live_code.tools.telemetry import cgroup, space

KIB = 1024
SHM = Path("/dev/shm")  # noqa: S108 - it is looked at, not written


class Machine:
    """Rates are counted from one sample to the next. ``root``: the process below which the job's processes are."""

    def __init__(self, root: int, disk: Path) -> None:
        self.root = root
        self.disk = disk
        self.group = cgroup.find()
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._clock = time.monotonic()
        self._cpu = self._job_ticks()
        self._net = _network()

    def sample(self) -> dict[str, float]:
        """Cores used by the job, bytes, bytes per second."""
        now = time.monotonic()
        seconds = max(now - self._clock, 1e-3)
        self._clock = now
        return {**self._cpu_used(seconds), **self._memory(), **self._disks(), **self._network_rates(seconds)}

    def _cpu_used(self, seconds: float) -> dict[str, float]:
        before, self._cpu = self._cpu, self._job_ticks()
        ticks = sum(used - before.get(pid, 0) for pid, used in self._cpu.items())
        return {"cpu/job_cores": max(ticks, 0) / self._ticks_per_s / seconds}

    def _job_ticks(self) -> dict[int, int]:
        return {process.pid: process.cpu for process in proctree.below(self.root)}

    def _memory(self) -> dict[str, float]:
        used, limit = self.group.memory_used, self.group.memory_limit
        if used is None or limit is None:
            info = _meminfo()
            limit = info.get("MemTotal", 0)
            used = limit - info.get("MemAvailable", 0)
        return {"memory/used_bytes": used, "memory/limit_bytes": limit}

    def _disks(self) -> dict[str, float]:
        free = space.free(self.disk)
        shm = space.free(SHM)
        values = {"disk/out_free_bytes": free, "shm/free_bytes": shm}
        return {name: float(value) for name, value in values.items() if value is not None}

    def _network_rates(self, seconds: float) -> dict[str, float]:
        before, self._net = self._net, _network()
        names = ("network/received_bytes_per_s", "network/sent_bytes_per_s")
        # An interface that came or went, or begins to count anew, has sent nothing in between, as far as is known.
        both = [(self._net[name], before[name]) for name in self._net.keys() & before.keys()]
        sums = (sum(max(new[place] - old[place], 0) for new, old in both) for place in range(2))
        return {name: count / seconds for name, count in zip(names, sums, strict=True)}


def _meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) * KIB for line in lines}


def _network() -> dict[str, tuple[int, int]]:
    """Bytes received and sent by each interface but the loopback."""
    counts = {}
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, values = line.partition(":")
        if name.strip() != "lo":
            fields = values.split()
            counts[name.strip()] = (int(fields[0]), int(fields[8]))
    return counts
