"""What of a task's inputs its job will fall over, looked for while the job runs: labels, candidates, model files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import TaskConfig

# Whoever has millions of files waits no longer than this for a warning, in seconds.
LOOK_S = 3.0
_ARK = ("ark:raw", "det-ark:raw")
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html")
_BINARY = (".pt", ".pth", ".onnx", ".params", ".weights", ".ckpt")
_HEAD = 512


def warnings(task: TaskConfig, merged: Merged) -> Iterator[str]:
    """A message for each kind of trouble."""
    if "training" in task.tasks and (message := unnamed_label(task, merged)):
        yield message
    if {"mining", "infer"} & set(task.tasks) and (message := candidate_twice(task)):
        yield message


def unnamed_label(task: TaskConfig, merged: Merged) -> str:
    """The message about the first label that class_names has no name for, '' when there is none to be found."""
    names = merged.values.get("class_names")
    if not isinstance(names, list) or not names or merged.values.get("export_format") not in _ARK:
        return ""
    for path in _annotations(task):
        for number, class_id in _class_ids(path):
            if not 0 <= class_id < len(names):
                classes = f"{len(names)} class{'es' * (len(names) > 1)} (0 to {len(names) - 1})"
                return f"{path}:{number} has the class id {class_id}, but class_names names {classes}."
    return ""


def candidate_twice(task: TaskConfig) -> str:
    """The message about candidates that stand in the index twice, or whose results would have one name."""
    index = task.input.get("candidate_index_file") or ""
    seen: set[str] = set()
    by_name: dict[str, str] = {}
    until = time.monotonic() + LOOK_S
    try:
        for line in protocol.read_index(index) if index else ():
            if time.monotonic() > until:
                return ""
            if line.image in seen:
                return f"{index} names {line.image} twice: the platform takes every image once"
            seen.add(line.image)
            other = by_name.setdefault(Path(line.image).name, line.image)
            if "infer" in task.tasks and other != line.image:
                return f"{other} and {line.image} have one name, by which the platform knows the results of infer"
    except OSError:  # another message tells of that
        return ""
    return ""


def wrong_model(path: Path) -> str:
    """What a model's file is instead of one, '' for one that may be a model."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        return f"can't be read ({error.strerror})"
    if not head:
        return "is empty"
    if head.startswith(_POINTER):
        return "is a pointer of Git LFS: the model itself was not fetched"
    if head.lstrip().lower().startswith(_PAGES):
        return "is a web page, as a download gives that needs a login"
    if path.suffix in _BINARY and _is_text(head):
        return "is a text, and no model"
    return ""


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\n\r\f" for byte in head) and b"\x7f" not in head and head.isascii()


def _annotations(task: TaskConfig) -> Iterator[Path]:
    until = time.monotonic() + LOOK_S
    for key in ("training_index_file", "val_index_file"):
        index = task.input.get(key) or ""
        try:
            for line in protocol.read_index(index) if index else ():
                if time.monotonic() > until:
                    return
                if line.annotation:
                    yield Path(task.paths(line.annotation))
        except OSError:
            continue


def _class_ids(path: Path) -> Iterator[tuple[int, int]]:
    """Line numbers and class ids of an ark file, as far as it is one."""
    try:
        lines: Sequence[str] = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        word = line.partition(",")[0].strip()
        if word.lstrip("-").isdecimal():
            yield number, int(word)
