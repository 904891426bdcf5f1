"""The lines with which a job's output ended: what they prove, and which of them is worth showing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from live_code.stages.supervise.contract import Report

# What comes after the words that matter: frames of a native stack, helpers that tidy up, a shell's report of a death.
_NOISE = re.compile(
    r"^\s*(?:frame #\d+|\[bt\]|#\d+ |Stack trace:?$|C\+\+ CapturedTraceback|\*\*\* |[\^~ ]+$|warnings\.warn\()"
    r"|resource_tracker: |leaked semaphore|\(core dumped\)|^(?:Aborted|Killed|Terminated|Segmentation fault|Bus error)$"
    r"|^wandb: |^\s*\d+%\|"
)
# Says that something failed, and no more.
_EMPTY = re.compile(
    r"^\W*(?:[\w.:]+\W+){0,4}(?:failed|failure|fail|abort(?:ed|ing)?|exit(?:ed|ing)?|stopp(?:ed|ing)|terminat(?:ed|ing)"
    r"|crash(?:ed)?|giving up|bye|error)\W*(?:with )?(?:(?:exit )?(?:code|status)|error|rc)?\W*-?\d*\W*$",
    re.IGNORECASE,
)
# Something was met and got over.
_GOT_OVER = re.compile(
    r"\b(?:warn(?:ing)?|retry(?:ing)?|retries|ignor(?:ed|ing)|skipp(?:ed|ing)|fall(?:ing)? ?back|fallback"
    r"|continu(?:e|ing)|using|instead|recovered|resum(?:ed|ing)|trying again|offline mode|reduc(?:ed|ing))\b",
    re.IGNORECASE,
)
_WARNING = re.compile(r":\d+: \w*Warning: ")
# An exception as its printer has it, or an address that could not be reached.
_OF_EXCEPTION = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Timeout|Interrupt)\b")
_ADDRESS = re.compile(r"\w+://|\bhost\b|\b(?:\w[\w-]*\.)+[a-z]{2,}\b|\b\d+\.\d+\.\d+\.\d+\b", re.IGNORECASE)
# A crash prints its reason, then what it can of its stack.
_OF_CRASH = 30


def statement(tail: Sequence[str]) -> tuple[str, ...]:
    """The last line that says something, and those before it that it follows up on ("training failed")."""
    lines: list[str] = []
    for line in reversed(_without_warnings(tail)):
        if not line.strip() or _NOISE.search(line):
            continue
        lines.insert(0, line)
        if not _EMPTY.match(line) or len(lines) == 4:
            break
    return tuple(lines)


def _without_warnings(tail: Sequence[str]) -> list[str]:
    """Without what Python's warnings say, and the line of code that it prints behind each: nothing ends of those."""
    pairs = zip(["", *tail], tail, strict=False)
    return [
        line
        for before, line in pairs
        if not _WARNING.search(line) and not (line.startswith("  ") and _WARNING.search(before))
    ]


def shown(tail: Sequence[str]) -> str:
    """The last line that says something, in one piece; '' for none."""
    lines = statement(tail)
    return " ".join(lines[0].split()) if lines else ""


def without_empty(tail: Sequence[str]) -> tuple[str, ...]:
    """The lines up to the last one that says something."""
    said = statement(tail)
    if not said:
        return ()
    last = max(number for number, line in enumerate(tail) if line == said[0])
    return tuple(tail[: last + 1])


def before_tracebacks(tail: Sequence[str], of_others: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """The last statement before the last traceback, and before those in front of it whose text is ``of_others``."""
    begins = [number for number, line in enumerate(tail) if line.startswith("Traceback (most recent call last)")]
    said: tuple[str, ...] = ()
    for begin in reversed(begins):
        said = statement(tail[:begin])
        if not of_others(said):
            return said
    return ()


def of_a_crash(tail: Sequence[str]) -> tuple[str, ...]:
    """Why a program ended itself: from C++'s own word on, else the last statement."""
    begins = [number for number, line in enumerate(tail[-_OF_CRASH:]) if "terminate called" in line]
    return tuple(tail[-_OF_CRASH:][begins[-1] :]) if begins else statement(tail)


def proves(line: str, starts_again: bool) -> bool:
    """Whether a last line that shows a known cause is proof of it. ``starts_again``: the cause may be one for which
    the job is started again, which takes more: an exception, or an address."""
    if _GOT_OVER.search(line) and not _OF_EXCEPTION.match(line):
        return False
    return not starts_again or bool(_OF_EXCEPTION.match(line.strip()) or _ADDRESS.search(line))


def after(report: Report) -> tuple[str, ...]:
    """What the job said after a process of it had died, its traceback and empty words apart."""
    lines = [line for line in report.later if line.strip() and not _NOISE.search(line)]
    text = report.text.strip().splitlines()[-1].strip() if report.text.strip() else ""
    ends = [number for number, line in enumerate(lines) if text and line.strip().endswith(text[-200:])]
    rest = lines[ends[-1] + 1 :] if ends else lines
    return tuple(line for line in rest if not _EMPTY.match(line))
