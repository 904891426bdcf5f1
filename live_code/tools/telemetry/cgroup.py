"""The container's own limits and events, as control groups of version 1 and 2 show them."""

from __future__ import annotations

from pathlib import Path

from live_code.values import NamedTuple

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
VMSTAT = Path("/proc/vmstat")
# Version 1 writes "no limit" as a number near 2^63.
NO_LIMIT = 1 << 60


class Group(NamedTuple):
    """The folders of the control group that we are in. ``version`` is 0 where there are none to be seen."""

    version: int
    memory: Path
    cpu: Path

    @property
    def memory_used(self) -> int | None:
        return _number(self.memory / ("memory.current" if self.version == 2 else "memory.usage_in_bytes"))

    @property
    def memory_limit(self) -> int | None:
        """In bytes; None: no limit."""
        limit = _number(self.memory / ("memory.max" if self.version == 2 else "memory.limit_in_bytes"))
        return limit if limit is not None and limit < NO_LIMIT else None

    @property
    def cpu_limit(self) -> float | None:
        """In processors; None: no limit."""
        if self.version == 2:
            words = _text(self.cpu / "cpu.max").split() or ["max"]
        else:
            words = [_text(self.cpu / f"cpu.cfs_{name}_us").strip() or "-1" for name in ("quota", "period")]
        if words[0] in ("max", "-1"):
            return None
        return int(words[0]) / int(words[1])

    @property
    def oom_kills(self) -> int | None:
        """How many of the group's processes the kernel has killed for memory; None: it does not say."""
        return _field(self.memory / ("memory.events" if self.version == 2 else "memory.oom_control"), "oom_kill")


def find(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> Group:
    paths = _paths(_text(membership))
    if (mount / "cgroup.controllers").exists():
        folder = _folder(mount, paths.get("", "/"))
        return Group(2, folder, folder)
    memory = _folder(mount / "memory", paths.get("memory", "/"))
    return Group(1 if memory.exists() else 0, memory, _folder(mount / "cpu", paths.get("cpu", "/")))


def oom_kills(mount: Path = MOUNT, membership: Path = MEMBERSHIP, vmstat: Path = VMSTAT) -> int:
    """Grows when the kernel kills something of ours for memory. The machine's counter where ours is not shown."""
    counted = find(mount, membership).oom_kills
    return counted if counted is not None else _field(vmstat, "oom_kill") or 0


def _paths(text: str) -> dict[str, str]:
    """Controller → path; the one of version 2 stands under ''. Lines are ``number:controllers:path``."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _folder(mount: Path, path: str) -> Path:
    """In a container the path may be the host's, which can't be seen: the mount itself is then our group."""
    inner = mount / path.lstrip("/")
    return inner if inner.exists() else mount


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _field(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None
