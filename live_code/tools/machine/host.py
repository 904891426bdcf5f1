"""The machine that a run has: kernel, cores, memory, the container's limits, GPUs and their driver."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from live_code.tools.processes import runner
from live_code.tools.telemetry import cgroup
from live_code.values import NamedTuple

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - its size is what PyTorch's loaders live on
_GPU_FIELDS = ("index", "name", "uuid", "memory.total", "compute_cap", "driver_version")


class Gpu(NamedTuple):
    """``memory`` in bytes; ``compute`` is the compute capability, such as '9.0'."""

    number: int
    name: str
    uuid: str
    memory: int
    compute: str


class Limits(NamedTuple):
    """What the container may use; None where nothing limits it. ``memory`` and ``shm`` in bytes, ``cpus`` in cores."""

    memory: int | None
    cpus: float | None
    shm: int | None


class Host(NamedTuple):
    """``cpus``: cores that this process may use; ``memory``: the machine's, in bytes. ``driver``: '' without GPUs."""

    kernel: str
    machine: str
    cpu: str
    cpus: int
    memory: int
    limits: Limits
    driver: str
    gpus: tuple[Gpu, ...]


def inspect() -> Host:
    """Reads files of the kernel, and asks nvidia-smi when there is one: up to a second."""
    kernel = os.uname()
    driver, gpus = _gpus()
    group = cgroup.find()
    return Host(
        kernel=f"{kernel.sysname} {kernel.release}",
        machine=kernel.machine,
        cpu=_after_colon(Path("/proc/cpuinfo"), "model name"),
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        limits=Limits(group.memory_limit, group.cpu_limit, _size_of(SHARED_MEMORY)),
        driver=driver,
        gpus=gpus,
    )


def parse_gpus(output: str) -> tuple[str, tuple[Gpu, ...]]:
    """nvidia-smi's lines, as ``_gpus`` asks for them: the driver's version and the devices."""
    rows = [[cell.strip() for cell in line.split(",")] for line in output.splitlines() if line.strip()]
    rows = [row for row in rows if len(row) == len(_GPU_FIELDS) and row[0].isdigit()]
    gpus = tuple(
        Gpu(int(index), name, uuid, int(memory) << 20 if memory.isdigit() else 0, compute)
        for index, name, uuid, memory, compute, _ in rows
    )
    return (rows[0][-1] if rows else ""), gpus


def _gpus() -> tuple[str, tuple[Gpu, ...]]:
    program = shutil.which("nvidia-smi")
    if not program:
        return "", ()
    argv = [program, f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        return parse_gpus(runner.run(argv, timeout=5).stdout)
    except (runner.ProcessError, OSError):
        return "", ()


def _after_colon(path: Path, key: str) -> str:
    return next((line.partition(":")[2].strip() for line in _text(path).splitlines() if line.startswith(key)), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _size_of(path: Path) -> int | None:
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    return status.f_frsize * status.f_blocks
