"""live-code's own curves in words that need no explanation; what never changed is a sentence, no chart. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from live_code.records.report import facts
from live_code.records.report.curves import OURS, Curve
from live_code.values import NamedTuple

_WORDS = {
    "cpu/job_cores": "CPU: cores that the job used",
    "memory/used": "memory: used",
    "memory/limit": "memory: limit",
    "disk/out_free": "disk: free below the output folder",
    "shm/free": "shared memory: free",
    "network/received": "network: received",
    "network/sent": "network: sent",
    "utilisation": "utilisation, of 1",
    "memory": "memory used",
    "memory_limit": "memory limit",
}
_UNITS = {"_bytes_per_s": "bytes per second", "_bytes": "bytes", "_w": "watts", "_c": "°C"}
_GPU = re.compile(r"gpu(\d+)/(.+)")
_UNIT = re.compile(f"({'|'.join(_UNITS)})$")


class Constant(NamedTuple):
    """What was the same at every sample of each run."""

    title: str
    values: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        distinct = {value for _, value in self.values}
        if len(distinct) == 1:
            return facts.number(distinct.pop())
        return ", ".join(f"{name} {facts.number(value)}" for name, value in self.values)


def title(tag: str) -> str:
    """A tag, or a name in ``usage``, as a person would say it, with its unit."""
    name = tag.removeprefix(OURS)
    unit = _UNIT.search(name)
    name = name[: unit.start()] if unit else name
    gpu = _GPU.fullmatch(name)
    word = gpu[2] if gpu else name
    words = _WORDS.get(word, word.replace("_", " ").replace("/", ": "))
    return (f"GPU {gpu[1]}: " if gpu else "") + words + (f", {_UNITS[unit[1]]}" if unit else "")


def split(
    groups: Mapping[str, Sequence[tuple[str, Curve]]],
) -> tuple[dict[str, Sequence[tuple[str, Curve]]], list[Constant]]:
    """Those of live-code's curves that change, and those that never did."""
    own = {tag: runs for tag, runs in groups.items() if tag.startswith(OURS)}
    still = {tag for tag, runs in own.items() if all(len(set(curve.values)) <= 1 for _, curve in runs)}
    constants = [Constant(title(tag), tuple((name, c.values[0]) for name, c in own[tag])) for tag in sorted(still)]
    return {tag: runs for tag, runs in own.items() if tag not in still}, constants
