"""What uv prints when it fails, in its parts: the chain of causes, what a build printed, its hints."""

from __future__ import annotations

import re

from live_code.values import NamedTuple

_ERROR = re.compile(r"^error: (?P<line>.*)$", re.MULTILINE)
_CAUSE = re.compile(r"^\s*cause: (?P<lines>.+(?:\n {9}.*|\n(?=\n* {9}))*)", re.MULTILINE)
_HINT = re.compile(r"^hint: ", re.MULTILINE)
_STREAM = re.compile(r"^\[(?P<name>stdout|stderr)\]$", re.MULTILINE)
_INDENT = " " * 9


class Report(NamedTuple):
    """``causes``: from the headline to the innermost, each on one line. ``stdout``, ``stderr``: of a build that failed.
    ``advice``: hints for people who run uv themselves, for whom alone they are meant."""

    causes: tuple[str, ...]
    stdout: str
    stderr: str
    advice: str


def read(output: str) -> Report:
    """Of an output that is none of uv's, the last line is the cause."""
    text, advice = without_advice(output), output[len(without_advice(output)) :]
    error = _ERROR.search(text)
    if not error:
        return Report(tuple(text.strip().splitlines()[-1:]), "", "", advice)
    causes, streams = [error["line"].strip()], {"stdout": "", "stderr": ""}
    for match in _CAUSE.finditer(text, error.end()):
        lines = "\n".join(line.removeprefix(_INDENT) for line in match["lines"].splitlines())
        cause, *parts = _STREAM.split(lines)
        causes.append(" ".join(cause.split()))
        for name, content in zip(parts[::2], parts[1::2], strict=True):
            streams[name] = content.strip("\n")
    return Report(tuple(causes), streams["stdout"], streams["stderr"], advice.strip())


def without_advice(output: str) -> str:
    """What uv adds for its own users (settings of a project, options of its commands) is nothing that a task has."""
    hint = _HINT.search(output)
    return output[: hint.start()].rstrip() if hint else output
