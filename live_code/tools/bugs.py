"""The report of an exception that nobody expected: whose mistake it is, and where its trace is kept."""

from __future__ import annotations

import errno
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from live_code.errors import Bug, LiveCodeError
from live_code.tools import files
from live_code.tools.terminal import log

_FULL_OR_CLOSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def of_command(error: Exception) -> LiveCodeError:
    """Of one that has no folder of its own: a file that is not there or full is no mistake of ours, all else is."""
    if isinstance(error, OSError) and (error.filename or error.errno in _FULL_OR_CLOSED):
        return LiveCodeError(f"{error.filename or 'the output'}: {error.strerror}.")
    return recorded(error, lambda: Path(tempfile.mkdtemp(prefix="live-code-")))


def recorded(error: Exception, folder: Callable[[], Path]) -> Bug:
    """The whole trace goes to a file of the folder, or to the log when that can't be written."""
    trace = "".join(traceback.format_exception(error))
    try:
        path = folder() / "traceback.txt"
        files.write_text(path, trace)
        hint = f"The trace is in {path}."
    except (OSError, ValueError):
        log.error(trace)
        hint = "The trace stands above."
    return Bug(f"live_code failed by itself: {type(error).__name__}: {error}.", hint=hint, details=trace)
