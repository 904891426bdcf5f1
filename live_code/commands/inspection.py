"""What the platform makes of an image's forms when the image is added to it, generation by generation.

Before 2.4 an image is of one object type, and its templates lie at the top of /img-man. From 2.4 on a list of types is
read, too: then the templates are looked for in a folder of each type, and at the top no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from live_code.job.ymir_exc import protocol
from live_code.values import NamedTuple

KINDS = {2: "detection", 3: "semantic segmentation", 4: "instance segmentation"}
FOLDERS = {2: "det", 3: "semantic-seg", 4: "instance-seg"}
GENERATIONS = ("before 2.4", "from 2.4 on")

# Reads a YAML mapping below /img-man; None for a file that is missing or holds none.
Read = Callable[[str], "Mapping[str, Any] | None"]


class Offer(NamedTuple):
    """What one generation does with the image: the tasks of each object type, or why it refuses it."""

    tasks: Mapping[int, tuple[str, ...]]
    refusal: str = ""

    def __str__(self) -> str:
        if self.refusal:
            return f"refuse it: {self.refusal}"
        kinds = (f"{name(kind)} ({', '.join(tasks) or 'no task'})" for kind, tasks in self.tasks.items())
        return f"take it for {', '.join(kinds)}"


def offers(read: Read) -> dict[str, Offer]:
    """By generation."""
    object_type = (read("manifest.yaml") or {}).get("object_type", 2)
    return {"before 2.4": _of_one_type(object_type, read), "from 2.4 on": _of_one_or_more(object_type, read)}


def name(kind: int) -> str:
    return KINDS.get(kind, f"object type {kind}")


def _of_one_type(object_type: Any, read: Read) -> Offer:
    try:
        kind = int(object_type)
    except (TypeError, ValueError):
        return Offer({}, f"object_type {object_type!r} is no number")
    return _offer({kind: ""}, read)


def _of_one_or_more(object_type: Any, read: Read) -> Offer:
    if isinstance(object_type, int):
        return _offer({object_type: ""}, read)
    if not isinstance(object_type, list):
        return Offer({}, f"object_type {object_type!r} is neither a number nor a list of them")
    for kind in object_type:
        if not isinstance(kind, int) or kind not in FOLDERS:
            return Offer({}, f"object_type {kind!r} is none of {', '.join(map(str, FOLDERS))}")
    return _offer({kind: f"{FOLDERS[kind]}/" for kind in object_type}, read)


def _offer(folders: Mapping[int, str], read: Read) -> Offer:
    tasks = {
        kind: tuple(task for task in protocol.TASKS if read(f"{folder}{task}-template.yaml"))
        for kind, folder in folders.items()
    }
    if any(tasks.values()):
        return Offer(tasks)
    places = " or ".join(f"/img-man/{folder}" for folder in folders.values()) or "any folder"
    return Offer({}, f"there is no template in {places} (its error 130401)")
