"""Listening to git while it transfers, through GitPython: what it says, and how far it has come.

GitPython takes 0.2 s to load. This module is imported when git is already on its way, so that nobody waits for it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from live_code.tools.git.quiet_import import no_version_asked
from live_code.tools.terminal import log

with no_version_asked():
    from git import RemoteProgress
    from git.cmd import handle_process_output

_SAY_EVERY_S = 5.0


class _Progress(RemoteProgress):
    """Logs every few seconds how far a transfer is, in objects and bytes, as git counts them."""

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._subject = subject
        self._next = time.monotonic() + _SAY_EVERY_S

    def update(
        self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str | None = ""
    ) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY_S
            log.info(f"{self._subject}: {self._cur_line}")


def follow(child: subprocess.Popen[str], subject: str, clean: Callable[[str], str]) -> tuple[str, str]:
    """Reads git's output to its end, each line made ``clean``; returns stdout and stderr. Logs its progress."""
    answer: list[str] = []
    errors: list[str] = []
    show = _Progress(subject).new_message_handler()

    def listen(line: str) -> None:
        line = clean(line)
        errors.append(line)
        show(line)

    handle_process_output(child, answer.append, listen, decode_streams=False)
    child.wait()
    return "".join(answer), "".join(errors)
