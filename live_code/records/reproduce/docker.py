"""The command that runs a record again in its image."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from live_code.stages.record.reading import Record

_UNKNOWN = "IMAGE"


def line(record: Record, in_dir: Path, out_dir: Path, *, verify: bool = False) -> str:
    """One line for a shell. ``IMAGE`` stands in it where the record does not know the image's name."""
    shared_memory = str(record.config.get("shm_size") or "16G")
    words = ["docker", "run", "--rm", "-v", f"{in_dir}:/in:ro", "-v", f"{out_dir}:/out"]
    words += [word for place in _linked(in_dir) for word in ("-v", f"{place}:{place}:ro")]
    words += ["-v", f"{record.path}:/run.json:ro", "--user", f"{os.getuid()}:{os.getgid()}"]
    words += ["--gpus", _devices(record)] if record.get("host", "gpus") else []
    words += [f"--shm-size={shared_memory}", str(record.get("image", "name") or _UNKNOWN)]
    words += ["live-code", "reproduce", "/run.json", "--in", "/in", "--out", "/out"]
    return shlex.join([*words, "--verify"] if verify else words)


def _linked(in_dir: Path) -> list[Path]:
    """The folders elsewhere that the input folder links to: a container must have them at the same path."""
    links = sorted(path.readlink() for path in in_dir.glob("*") if path.is_symlink() and path.is_dir())
    return [place for place in links if place.is_absolute()]


def _devices(record: Record) -> str:
    return str(len(record.get("host", "gpus")))
