"""Which rank of a distributed job fell without a word: torchrun lists how all ended, reports are of those that spoke.

Pure. A rank that is killed, or that leaves by its exit code, reports nothing; what the others report then (their peer
is gone) is not the cause.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from live_code.stages.supervise.contract import Report
from live_code.values import NamedTuple

# What the process of torchrun itself dies of, whoever started it.
LAUNCHER = "ChildFailedError"

_FAILURE = re.compile(r"rank\s*:\s*(\d+)[^\n]*\s+exitcode\s*:\s*(-?\d+) \(pid: (\d+)\)")


class Rank(NamedTuple):
    """How a rank ended; ``code`` as subprocess has it: an exit code, or the negative signal."""

    number: str
    code: int
    pid: int

    @property
    def signal(self) -> int:
        return max(-self.code, 0)


def silent(reports: Sequence[Report], tail: Sequence[str]) -> tuple[Rank, ...]:
    """The ranks that ended badly without a report, as torchrun's summary has it, the first to fall first: of those
    that it found fallen at one look that is the one with the lowest number.

    ``tail``: the job's last lines, for a torchrun that runs without our hook.
    """
    summaries = [report.message for report in reports if report.type == LAUNCHER] or ["\n".join(tail)]
    others, _, root = summaries[0].partition("Root Cause")
    reported = {report.pid for report in reports}
    failed = (Rank(rank, int(code), int(pid)) for rank, code, pid in _FAILURE.findall(f"{root}\n{others}"))
    # SIGTERM is what torchrun sends to those that are left.
    return tuple(rank for rank in failed if rank.pid not in reported and rank.signal != signal.SIGTERM)


def lines_of(rank: Rank, tail: Sequence[str]) -> tuple[str, ...]:
    """The last lines of one rank, as torchrun's tee (with our role's name or its own) and torch mark them."""
    marks = tuple(f"[{role}{rank.number}]:" for role in ("rank", "default"))
    return tuple(line for line in tail if line.startswith(marks))
