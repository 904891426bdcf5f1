"""What the bootstrapper says: one line at a time, on stderr, each with the seconds since the start, or as JSON."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()
as_json = False


def use_json() -> None:
    """From now on every line is a JSON object: ours here, the job's as supervision passes them on."""
    global as_json
    as_json = True


def info(message: str) -> None:
    _say("info", message)


def warning(message: str) -> None:
    _say("warning", message)


def error(message: str) -> None:
    _say("error", message)


def _say(level: str, message: str) -> None:
    if as_json:
        import json

        line = json.dumps({"time": round(time.time(), 3), "stream": "live-code", "level": level, "message": message})
    else:
        prefix = "" if level == "info" else f"{level}: "
        line = f"[live-code {time.monotonic() - _started:7.2f}s] {prefix}{message}"
    print(line, file=sys.stderr, flush=True)
