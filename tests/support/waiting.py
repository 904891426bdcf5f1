"""Waiting for what another process does, but never for ever."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def until_there(path: Path, process: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Returns once the process has made the file or folder. Fails when it ended before, or took too long: it is
    killed then."""
    _until(path.exists, f"{path} never came", process, seconds)


def until_caught(numbers: Iterable[int], process: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Returns once the process has handlers for these signals. Fails as above."""
    wanted = sum(1 << (number - 1) for number in numbers)

    def caught() -> bool:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
        return mask & wanted == wanted

    _until(caught, "not all signals are caught", process, seconds)


def _until(is_so: Callable[[], bool], otherwise: str, process: subprocess.Popen[Any], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"{otherwise}; the process ended with {process.wait()}")
        time.sleep(0.02)
