"""Deaths by signal of processes that are not the job's first: what an exit code or a sentence says of them. Pure."""

from __future__ import annotations

import re
import signal

# Signals by which a program dies of itself.
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

_SHELL = 128
# subprocess has a signal as a negative code; who hands that on as an exit code ends with it, modulo this.
_WRAPPED = 256
_USUAL = (*CRASHES, signal.SIGKILL, signal.SIGTERM)
_BY_NUMBER = re.compile(
    r"(?:exit(?:ed)?|return(?:ed)?|status|code|returncode|exitcode)\b[^\n\d-]{0,40}?(?P<number>-\d{1,2}|1[2-9]\d|2[0-5]\d)\b"
)
_BY_NAME = re.compile(r"(?:died with <Signals\.|terminated with signal |killed by |signal:? )(?P<name>SIG[A-Z]+)\b")
# As libc describes them: "DataLoader worker (pid 9) is killed by signal: Killed.", and a shell after "line 3:   123".
_BY_WORDS = re.compile(
    r"(?:killed by signal: |^\S+: line \d+: +\d+ )(?P<words>Killed|Terminated|Aborted|Segmentation fault|Bus error"
    r"|Illegal instruction|Floating point exception)",
    re.MULTILINE,
)
_WORDS = {
    "Killed": signal.SIGKILL,
    "Terminated": signal.SIGTERM,
    "Aborted": signal.SIGABRT,
    "Segmentation fault": signal.SIGSEGV,
    "Bus error": signal.SIGBUS,
    "Illegal instruction": signal.SIGILL,
    "Floating point exception": signal.SIGFPE,
}


def behind(code: int) -> int:
    """The signal that an exit code stands for, as a shell and Python's subprocess hand it on; 0 for none."""
    if _is_signal(code - _SHELL):
        return code - _SHELL
    return _WRAPPED - code if _WRAPPED - code in _USUAL else 0


def reported_in(text: str) -> int:
    """The signal of which a process died, as a sentence about its end has it; 0 for none."""
    if words := _BY_WORDS.search(text):
        return _WORDS[words["words"]]
    if named := _BY_NAME.search(text):
        return int(getattr(signal, named["name"], 0))
    number = _BY_NUMBER.search(text)
    if not number:
        return 0
    code = int(number["number"])
    return -code if code < 0 and _is_signal(-code) else behind(code)


def name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_signal(number: int) -> bool:
    return 0 < number < signal.NSIG
