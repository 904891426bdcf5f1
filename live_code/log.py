"""What the bootstrapper says: one line at a time, on stderr, each with the seconds since the start."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def info(message: str) -> None:
    _say("", message)


def warning(message: str) -> None:
    _say("warning: ", message)


def error(message: str) -> None:
    _say("error: ", message)


def _say(prefix: str, message: str) -> None:
    seconds = time.monotonic() - _started
    print(f"[live-code {seconds:7.2f}s] {prefix}{message}", file=sys.stderr, flush=True)
