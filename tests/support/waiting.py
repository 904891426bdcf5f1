"""Waiting for what another process does, but never for ever."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any


def until_there(path: Path, process: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Returns once the process has made the file or folder. Fails when it ended before, or took too long: it is
    killed then."""
    until = time.monotonic() + seconds
    while not path.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"{path} never came; the process ended with {process.wait()}")
        time.sleep(0.02)
