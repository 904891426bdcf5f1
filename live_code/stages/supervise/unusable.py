"""Why a job that ended with 0 has left nothing that the platform can use, as far as what was seen of its end tells."""

from __future__ import annotations

from live_code.errors import LiveCodeError
from live_code.stages.request.repo_settings import NO_PARAMETERS, Merged
from live_code.stages.supervise import exceptions, lastwords, lineage, verdict
from live_code.stages.supervise.contract import Exit

_LOST_CODE = (
    "The exit code was 0 all the same: behind a pipe, begin the script with `set -o pipefail`; else check the code of"
    " what it starts."
)
_LONGEST = 200


def explained(error: LiveCodeError, exit: Exit, merged: Merged = NO_PARAMETERS) -> LiveCodeError:
    """The error of the results, or that of an exception which ended a process of the job shortly before its end."""
    report = lineage.explaining(exit)
    if report and not lastwords.after(report):
        failed = verdict.of(exit._replace(code=1), None, merged)
        if failed and verdict.cause(exit._replace(code=1)):
            failed.hint = f"{failed.hint} {_LOST_CODE}"
            failed.exit_code = error.exit_code
            failed.details = f"{failed.details}\n{error.details}"
            return failed
    _add_what_was_seen(error, exit)
    return error


def _add_what_was_seen(error: LiveCodeError, exit: Exit) -> None:
    """The job's last lines; an exception among them may be the reason, and so may what still ran."""
    printed = exceptions.of_lines(exit.tail)
    words = printed[0].text if printed else lastwords.shown(exit.tail)
    if words:
        error.message = f"{error.message} The job's last line: {' '.join(words.split())[:_LONGEST]}"
    if exit.left:
        error.hint = f"{verdict.left(exit).capitalize()}: a script has to wait for what it starts. {error.hint}"
    if exit.tail:
        error.details = "\n".join((error.details, "The job's last lines:", *exit.tail))
