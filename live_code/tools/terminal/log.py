"""The bootstrapper's messages: one line at a time, on stderr, each with the seconds since the start, or as JSON."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from live_code.tools.terminal.footer import Terminal

_started = time.monotonic()
as_json = False
# Where a person looks on: messages go above what stands at its foot.
terminal: Terminal | None = None
# What the stage that is shown there is at, '' when it does not report it.
doing = ""


def use_json() -> None:
    """From now on every line is a JSON object: ours here, the job's as supervision passes them on."""
    global as_json
    as_json = True


def use_terminal(opened: Terminal) -> None:
    global terminal
    terminal = opened


def info(message: str) -> None:
    _say("info", message)


def warning(message: str) -> None:
    _say("warning", message)


def error(message: str) -> None:
    _say("error", message)


@contextmanager
def still(activity: str, every_s: float = 5.0) -> Iterator[None]:
    """Reports every few seconds, while the block lasts, that ``activity`` goes on and for how long it has."""

    if terminal:  # there it is to be seen at the foot
        yield
        return
    done, started = threading.Event(), time.monotonic()

    def report() -> None:
        while not done.wait(every_s):
            info(f"{activity}: {time.monotonic() - started:.0f} s so far")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _say(level: str, message: str) -> None:
    if as_json:
        import json

        line = json.dumps({"time": round(time.time(), 3), "stream": "live-code", "level": level, "message": message})
    else:
        prefix = "" if level == "info" else f"{level}: "
        line = f"[live-code {time.monotonic() - _started:7.2f}s] {prefix}{message}"
    if terminal:
        terminal.say(f"{line}\n".encode(errors="backslashreplace"))
        return
    with suppress(OSError):  # nobody reads it any more, or the terminal is gone: the run is not
        print(line, file=sys.stderr, flush=True)
