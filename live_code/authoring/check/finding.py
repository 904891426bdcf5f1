"""One thing that a check has found, and how bad it is."""

from __future__ import annotations

from live_code.values import NamedTuple

WILL_FAIL = "will fail"
MAY_FAIL = "may fail"
NOTE = "note"
SEVERITIES = (WILL_FAIL, MAY_FAIL, NOTE)


class Finding(NamedTuple):
    """``file`` is relative to the repo's root, '' for the repo as a whole; ``line`` counts from 1, 0: the whole file.

    ``rule``: its name, for filters; ``what``: what is the matter; ``remedy``: what to do.
    """

    severity: str
    rule: str
    file: str
    line: int
    what: str
    remedy: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file or "the repo"
