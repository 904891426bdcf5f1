"""Says what is odd about a result without stopping the job for it: the check at the end of the run decides."""

from __future__ import annotations

import sys
import warnings


def warn(message: str) -> None:
    """A UserWarning that shows the line of the job's own code."""
    level, frame = 1, sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(__package__):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, UserWarning, stacklevel=level)
