"""The truth table of ends: from what was seen of a job's end to the one error that is reported.

Pure, but for a look at the names of the repo's files. What decides, in this order: who stopped it, which limit it
broke, what the job itself reported to the platform, what the kernel killed for memory, the rank that fell without a
word, the exception that ended it, its last lines, the signal or code it ended with.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

from live_code.errors import JobError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import NO_PARAMETERS, Merged
from live_code.stages.supervise import exceptions, hints, ranks, symptoms
from live_code.stages.supervise.contract import HANGING_RANKS, MAX_DURATION, STALL, Exit, Report
from live_code.stages.supervise.symptoms import Cause
from live_code.tools import files
from live_code.tools.packages import modules
from live_code.tools.processes.guard import ORPHANED

# Exceptions that say no more than that a child has failed.
_OF_PARENTS = (ranks.LAUNCHER, "CalledProcessError")
# Signals by which a program dies of itself.
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

_MODULE = re.compile(r"No module named '?([\w.]+)")
# As a SyntaxError's text ends.
_HAS_PLACE = re.compile(r"\([^()]+, line \d+\)$")
_LOG = "The whole output is in live-code/job.log."
_SAVED = "What it had saved stays in /out."
_KILLED_AFTER_GRACE = f"It was killed before it had ended: a larger stop_grace_s gives it longer. {_SAVED}"
_KILLED = Cause(
    "KILLED", protocol.CODE_OTHER, symptoms.INFRASTRUCTURE, "the job was killed by {name} from outside after {seconds}",
    "Nobody told us to stop it: somebody on the host did, or its out-of-memory killer; then it wants more memory.",
)  # fmt: skip
_CRASHED = Cause(
    "CRASHED", protocol.CODE_OTHER, "", "the job crashed by {name} after {seconds}",
    "A native extension failed: check that compiled packages fit the image's framework. " + _LOG,
)  # fmt: skip
_FAILED = Cause("JOB_FAILED", protocol.CODE_OTHER, "", "the job failed", "Its last lines may say why. " + _LOG)
_SAID_NOTHING = "It printed nothing: look for what in the code ends with that code, such as sys.exit."
_LIMITS = {
    MAX_DURATION: Cause(
        "TIMEOUT", protocol.CODE_OTHER, "", "the job was ended after {seconds}: it took longer than max_duration_s",
        "Raise max_duration_s, or give the job less to do.",
    ),
    STALL: Cause(
        "STALLED", protocol.CODE_OTHER, symptoms.INFRASTRUCTURE,
        "the job was ended after {seconds}: for stall_timeout_s it said nothing, made no progress and used neither CPU "
        "nor GPU",
        "It waits for something that does not come, or wants a larger stall_timeout_s. " + _LOG,
    ),
    HANGING_RANKS: Cause(
        "HANGING_RANKS", protocol.CODE_OTHER, "", "the job was ended after {seconds}: a rank died and the others hang",
        _LOG,
    ),
}  # fmt: skip
CAUSES = (_KILLED, _CRASHED, _FAILED, *_LIMITS.values())


def of(exit: Exit, monitor: protocol.Monitor | None, merged: Merged = NO_PARAMETERS) -> JobError | None:
    """The error that stands for this end; None for a good one. ``monitor``: the state that the job itself reported;
    ``merged``: the hyper-parameters, one of which may be what an exception speaks of."""
    if exit.ok:
        return None
    error = _decide(exit, monitor)
    error.exit_code = exit.exit_code
    first = _first(exit)
    if error.kind in ("EXCEPTION", _FAILED.kind):
        _advise(error, first, exit, merged)
    return error


def _advise(error: JobError, first: Report | None, exit: Exit, merged: Merged) -> None:
    own = exceptions.own(first, exit.root) if first else None
    text, line = first.text if first else "", own.code if own else ""
    hint = hints.of(hints.Failure(text, line, (exit.root, exit.output), merged, exit.missing_model))
    if hint:
        error.message = f"{error.message} {hint.message}".rstrip()
        error.hint = f"{hint.remedy} {_LOG}".lstrip()
        if hint.kind:
            error.kind, error.return_code = hint.kind, hint.code


def _decide(exit: Exit, monitor: protocol.Monitor | None) -> JobError:
    if exit.stopped_by:
        return _stopped(exit)
    first = _first(exit)
    if exit.ended_by:
        return _error(exit, _LIMITS[exit.ended_by], first, with_exception=exit.ended_by == HANGING_RANKS)
    if monitor and monitor.state == protocol.STATE_ERROR and monitor.return_code not in (0, protocol.CODE_OTHER):
        return _own_word(exit, monitor)
    unexplained = first is None or _is_echo(first)
    if exit.oom_kills and (exit.signal == signal.SIGKILL or unexplained):
        return _error(exit, _of_memory(exit.oom_kills), None)
    if unexplained and (fallen := ranks.silent(exit.reports, exit.tail)):
        return _of_rank(exit, fallen)
    known = symptoms.find([first.text, first.cause]) if first else symptoms.find(exit.tail)
    if known and not _is_own_output(*known, exit.output):
        cause, line = known
        return _error(exit, _sharper(cause, exit, line), first, line)
    if first:
        return _error(exit, Cause("EXCEPTION", protocol.CODE_OTHER, "", "the job failed", _LOG), first)
    if monitor and monitor.state == protocol.STATE_ERROR and monitor.message:
        return _own_word(exit, monitor)
    return _error(exit, _by_number(exit), None)


def _stopped(exit: Exit) -> JobError:
    how = f"by {signal.Signals(exit.stopped_by).name} after {_seconds(exit)}"
    if exit.stopped_by == ORPHANED:
        how = f"after {_seconds(exit)}: the process that guards it was killed"
    hint = _KILLED_AFTER_GRACE if exit.signal == signal.SIGKILL else _SAVED
    error = JobError(f"the task was stopped {how}.", hint=hint, details=_details(exit, None))
    error.kind = "STOPPED"
    return error


def _own_word(exit: Exit, monitor: protocol.Monitor) -> JobError:
    """The job knows best, when it reports something."""
    plain = _by_number(exit)
    details = "\n".join(monitor.stack) or _details(exit, _first(exit))
    hint = f"({_filled(plain, exit)}.)"
    error = JobError(monitor.message or "the job reported an error.", hint=hint, details=details)
    error.kind, error.return_code = "REPORTED", monitor.return_code
    error.retry = symptoms.NETWORK if monitor.return_code == protocol.CODE_NETWORK else ""
    error.retryable = bool(error.retry)
    return error


def _of_memory(killed: int) -> Cause:
    times = f"the kernel killed {killed} of its processes for it" if killed > 1 else "the kernel killed it for that"
    return symptoms.HOST_MEMORY._replace(message=f"{symptoms.HOST_MEMORY.message} after {{seconds}}: {times}")


def _first(exit: Exit) -> Report | None:
    """Of what fell together the first that is no echo of another's fall: an echo may be reported before that."""
    together = exceptions.together(exit.reports) or (exceptions.of_lines(exit.tail) if exit.code else ())
    first = next((report for report in together if not _is_echo(report)), together[0] if together else None)
    return exceptions.unwrapped(first) if first else None


def _is_echo(report: Report) -> bool:
    return report.type in _OF_PARENTS or _shows_lost_peers([report.text])


def _of_rank(exit: Exit, fallen: Sequence[ranks.Rank]) -> JobError:
    """A rank that left no report: its last lines, else how it ended. One that lost its peers is not the cause."""
    ends = [(rank, ranks.lines_of(rank, exit.tail)) for rank in fallen]
    rank, lines = next((pair for pair in ends if not _shows_lost_peers(pair[1])), ends[0])
    name = f"rank {rank.number}"
    if known := symptoms.find(lines):
        return _error(exit, known[0], None, f"{name}: {known[1].partition(':')[2].strip()}")
    if rank.signal:
        cause = _CRASHED if rank.signal in CRASHES else _KILLED
        message = cause.message.replace("the job", name).replace("{name}", _signal_name(rank.signal))
        cause = cause._replace(message=message)
    else:
        cause = _FAILED._replace(message=f"the job failed: {name} ended with exit code {rank.code} after {{seconds}}")
    error = _error(exit, cause, None)
    error.details = "\n".join(lines) or error.details
    return error


def _shows_lost_peers(lines: Sequence[str]) -> bool:
    known = symptoms.find(lines)
    return bool(known and known[0] is symptoms.PEERS_LOST)


def _is_own_output(cause: Cause, line: str, output: str) -> bool:
    """Whether the model file that is missing is one that the job itself should have made."""
    return cause is symptoms.MODEL_FILE and bool(output) and f"{output.rstrip('/')}/" in line


def _sharper(cause: Cause, exit: Exit, line: str) -> Cause:
    """Says more than the job could know."""
    module = _MODULE.search(line) if cause is symptoms.MISSING_MODULE else None
    if module:
        own = files.names(Path(exit.root)) if exit.root else ()
        return cause._replace(hint=modules.to_add(module[1], own, "the repo's requirements"))
    if cause is symptoms.NO_GPU and exit.no_gpu:
        return cause._replace(message="the task asks for a GPU (gpu_id), but the container has none")
    if cause is symptoms.NO_SPACE and exit.full:
        return cause._replace(message=f"{cause.message} of {' and '.join(exit.full)}")
    return cause


def _by_number(exit: Exit) -> Cause:
    if exit.signal in CRASHES:
        return _CRASHED
    if exit.signal:
        return _KILLED
    if exit.full:
        return symptoms.NO_SPACE._replace(message=f"the job failed, and {' and '.join(exit.full)} is full")
    failed = _FAILED._replace(message=f"the job ended with exit code {exit.code} after {{seconds}}")
    return failed if exit.tail else failed._replace(hint=_SAID_NOTHING)


def _error(exit: Exit, cause: Cause, first: Report | None, line: str = "", with_exception: bool = True) -> JobError:
    shown = first.text if first and with_exception else line
    rank = f"rank {first.rank}: " if first and first.rank and with_exception else ""
    place = _place(first, exit.root) if first and with_exception else ""
    text = f": {rank}{_short(shown).rstrip('.')}{place}" if shown else ""
    error = JobError(f"{_filled(cause, exit)}{text}".rstrip(".") + ".", hint=cause.hint, details=_details(exit, first))
    error.kind, error.return_code = cause.kind, cause.code
    error.retry, error.retryable = cause.retry, bool(cause.retry)
    return error


def _details(exit: Exit, first: Report | None) -> str:
    """The traceback of what failed first, else the last lines."""
    if first is None:
        return "\n".join(exit.tail)
    frames = [f'  File "{f.file}", line {f.line}, in {f.function}\n    {f.code}'.rstrip() for f in first.frames]
    return "\n".join(("Traceback (most recent call last):", *frames, first.text))


def _place(report: Report, root: str) -> str:
    """The innermost line of the repo's own code, in brackets; '' when the text has one already, or none is known."""
    own = None if _HAS_PLACE.search(report.text) else exceptions.own(report, root)
    return f" ({own.file}:{own.line})" if own else ""


def _filled(cause: Cause, exit: Exit) -> str:
    """The message of the cause for this end: its signal and time. Braces in a path stay as they are."""
    return cause.message.replace("{name}", _signal_name(exit.signal)).replace("{seconds}", _seconds(exit))


def _seconds(exit: Exit) -> str:
    return f"{exit.seconds:.0f} s"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:120]} ... {line[-175:]}"  # an exception in its text stands last
