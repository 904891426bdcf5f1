"""Which report explains the end: the job's processes as a tree, from the first one down to the one that fell.

Pure. A process that got over the fall of its child ends by something else: its own exception counts, not the child's.
Only what says no more than that a child has failed, or nothing at all, is explained by those below.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from live_code.stages.supervise import exceptions, ranks, symptoms
from live_code.stages.supervise.contract import Exit, Report

# Exceptions that say no more than that a process has failed, whatever their text. Workers of multiprocessing, which
# the second ones are about, print their exceptions and leave no report.
_OF_PARENTS = (ranks.LAUNCHER, "CalledProcessError", "ProcessRaisedException")
_OF_WORKERS = ("BrokenProcessPool", "ProcessExitedException")
_OF_CONNECTIONS = (
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionAbortedError",
    "BrokenPipeError",
    "EOFError",
    "FileNotFoundError",
)
# Words for a process and its end, in the text of an exception that the code itself raises.
_PROCESS = re.compile(
    r"\b(?:sub-?process(?:es)?|child(?:ren)?|workers?|command|exit(?:ed)?|return ?codes?|status|ranks?)\b|\bprocess\b",
    re.IGNORECASE,
)


def first(exit: Exit) -> Report | None:
    """The report of the job's first process."""
    return next((report for report in exit.reports if exit.pid and report.pid == exit.pid), None)


def explaining(exit: Exit) -> Report | None:
    """The report of the process whose end brought the job's; None when nothing was reported that could."""
    top = first(exit)
    below = tuple(report for report in exit.reports if report is not top)
    if top is None:
        return _fallen(_near(below, exit.ended))
    if is_of_a_worker(top) or not is_about_a_process(top, below):
        return top
    found = _fallen(_near(below, top.time))
    # Of a rank that ended without a word its launcher knows; the others only lost it.
    return top if found is None or shows_lost_peers([found.text]) else found


def got_over(exit: Exit, cause: Report | None) -> tuple[Report, ...]:
    """Reports of processes that fell and are not why the job ended."""
    return tuple(report for report in exit.reports if report is not cause and not is_echo(report))


def is_about_a_process(report: Report, below: Iterable[Report]) -> bool:
    """Whether an exception says that another process failed, one of those ``below`` maybe."""
    if is_echo(report):
        return True
    scripts = {os.path.splitext(other.script)[0] for other in below if other.pid != report.pid} - {""}  # noqa: PTH122
    if scripts and _PROCESS.search(report.message):
        return True
    return any(re.search(rf"\b{re.escape(script)}\b", report.message) for script in scripts if len(script) > 2)


def is_echo(report: Report) -> bool:
    """Whether it tells of another's fall alone."""
    return report.type in _OF_PARENTS or shows_lost_peers([report.text]) or is_of_a_worker(report)


def is_of_a_worker(report: Report) -> bool:
    """Whether a process of multiprocessing's died, which never leaves a report."""
    return report.type in _OF_WORKERS or is_lost_process(report)


def is_lost_process(report: Report) -> bool:
    """A connection to a process of the job's own, which is not there any more: no network is needed for it."""
    return (
        report.type in _OF_CONNECTIONS
        and bool(report.frames)
        and any(f"/{package}/" in report.frames[-1].file for package in ("multiprocessing", "concurrent/futures"))
    )


def shows_lost_peers(lines: Sequence[str]) -> bool:
    known = symptoms.find(lines)
    return bool(known and known[0] is symptoms.PEERS_LOST)


def _near(reports: Sequence[Report], end: float) -> tuple[Report, ...]:
    """Those that fell shortly before ``end``; 0: before the last of them."""
    end = end or max((report.time for report in reports), default=0.0)
    return tuple(report for report in reports if end - report.time <= exceptions.CASCADE_S)


def _fallen(reports: Sequence[Report]) -> Report | None:
    """Of ranks the one that fell first and is no echo of another's fall (an echo may be reported before that); of
    others the last to fall, or, when that speaks of a process, the one below it.
    """
    if not reports:
        return None
    together = exceptions.together([report for report in reports if report.rank] or reports)
    if any(report.rank for report in together):
        own = (*(report for report in together if not is_echo(report)), *filter(is_of_a_worker, together))
        return next(iter(own), together[0])
    last = reports[-1]
    rest = reports[:-1]
    if is_about_a_process(last, rest) and (deeper := _fallen(_children(last, rest))):
        return deeper if not is_echo(deeper) or is_echo(last) else last
    return last


def _children(parent: Report, reports: Sequence[Report]) -> tuple[Report, ...]:
    """Those below it; a program between them, a shell say, leaves no report, so an unknown parent may be one."""
    known = {report.pid for report in reports} | {parent.pid}
    own = tuple(report for report in reports if report.parent == parent.pid)
    return own or tuple(report for report in reports if report.parent not in known or report.parent == 0)
