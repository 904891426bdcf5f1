"""The command that runs a record again in its image."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from live_code.record.reading import Record

_UNKNOWN = "IMAGE"


def line(record: Record, in_dir: Path, out_dir: Path, *, verify: bool = False) -> str:
    """One line for a shell. ``IMAGE`` stands in it where the record does not know the image's name."""
    shared_memory = str(record.config.get("shm_size") or "16G")
    words = ["docker", "run", "--rm", "-v", f"{in_dir}:/in:ro", "-v", f"{out_dir}:/out"]
    words += ["-v", f"{record.path}:/run.json:ro", "--user", f"{os.getuid()}:{os.getgid()}"]
    words += ["--gpus", _devices(record)] if record.get("host", "gpus") else []
    words += [f"--shm-size={shared_memory}", str(record.get("image", "name") or _UNKNOWN)]
    words += ["live-code", "reproduce", "/run.json", "--in", "/in", "--out", "/out"]
    return shlex.join([*words, "--verify"] if verify else words)


def _devices(record: Record) -> str:
    return str(len(record.get("host", "gpus")))
