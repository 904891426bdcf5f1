"""The truth table of ends: from what was seen of a job's end to the one error that is reported.

Pure, but for a look at the names of the repo's files. What decides, in this order: who stopped it, which limit it
broke, what the job itself reported to the platform, the signal that killed its first process, what the kernel killed
for memory, the rank that fell without a word, the exception that ended it, its last line, its exit code.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from live_code.errors import JobError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import NO_PARAMETERS, Merged
from live_code.stages.supervise import deaths, exceptions, hints, lastwords, lineage, ranks, symptoms
from live_code.stages.supervise.contract import FALLEN, HANGING_RANKS, MAX_DURATION, STALL, Exit, Report
from live_code.stages.supervise.deaths import CRASHES
from live_code.stages.supervise.symptoms import Cause
from live_code.tools import files
from live_code.tools.packages import modules
from live_code.tools.processes.guard import ORPHANED

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
_NOT_FOR_MEMORY = "Nobody told us to stop it, and the kernel counted no kill for memory here: somebody sent the signal."
_INTERRUPTED = Cause(
    "INTERRUPTED", protocol.CODE_OTHER, "", "the job was interrupted (KeyboardInterrupt) after {seconds}",
    f"Nobody told us to stop it: its own code raised that, or a process of the job sent SIGINT. {_LOG}",
)  # fmt: skip
_CRASHED = Cause(
    "CRASHED", protocol.CODE_OTHER, "", "the job crashed by {name} after {seconds}",
    "A native extension failed: check that compiled packages fit the image's framework. " + _LOG,
)  # fmt: skip
_LOST_PROCESS = Cause(
    "PROCESS_LOST", protocol.CODE_OTHER, "", "a process that the job had started died without a word",
    "It was killed by a signal, SIGKILL say, or left by os._exit: look for the last lines of that process. " + _LOG,
)  # fmt: skip
_FAILED = Cause("JOB_FAILED", protocol.CODE_OTHER, "", "the job failed", "Its last lines may say why. " + _LOG)
_EXCEPTION = Cause("EXCEPTION", protocol.CODE_OTHER, "", "the job failed", _LOG)
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
CAUSES = (_KILLED, _INTERRUPTED, _CRASHED, _LOST_PROCESS, _FAILED, *_LIMITS.values())
_LONGEST_WORDS = 200
# What Python ends with when it dies of an exception, and what passes on the code of a child.
_OF_AN_EXCEPTION = 1


def of(
    exit: Exit,
    monitor: protocol.Monitor | None,
    merged: Merged = NO_PARAMETERS,
    labels: Callable[[], str] = lambda: "",
) -> JobError | None:
    """The error that stands for this end; None for a good one. ``monitor``: the state that the job itself reported;
    ``merged``: the hyper-parameters, one of which may be what an exception speaks of. ``labels``: looks for labels
    that class_names has no name for, and returns the message about them."""
    if exit.ok and not _reports_an_error(monitor):
        return None
    error = _decide(exit, monitor, merged)
    error.exit_code = exit.exit_code or 1
    first = cause(exit)
    if error.kind in (_EXCEPTION.kind, _FAILED.kind, symptoms.GPU_ASSERT.kind):
        _advise(error, first, exit, merged, labels)
    if over := lineage.got_over(exit, lineage.explaining(exit)):
        error.details = "\n".join((error.details, *map(_of_another, over[-3:])))
    if exit.left:
        error.details = f"{error.details}\n{left(exit)}"
    return error


def cause(exit: Exit) -> Report | None:
    """The exception that brought the end, where one did; of a Python without our hook as its output has it."""
    report = lineage.explaining(exit)
    if report is None or _went_on(report, exit):
        printed = exceptions.of_lines(lastwords.without_empty(exit.tail)) if exit.code else ()
        return printed[0] if printed and _of_nobody_else([printed[0].text], exit) else None
    return exceptions.unwrapped(report)


def left(exit: Exit) -> str:
    """A line about what was still running when the job's first process had ended; '' for nothing."""
    if not exit.left:
        return ""
    more = f" and {len(exit.left) - 3} more" if len(exit.left) > 3 else ""
    return f"still running when its first process had ended, and then ended: {'; '.join(exit.left[:3])}{more}"


def _went_on(report: Report, exit: Exit) -> bool:
    """Whether the job had more to say after a process of it had died, and ended by itself: it had got over that."""
    if exit.ended_by or report.rank or lineage.first(exit) is not None:
        return False
    return bool(exit.signal or exit.code != _OF_AN_EXCEPTION or lastwords.after(report))


def _reports_an_error(monitor: protocol.Monitor | None) -> bool:
    return monitor is not None and monitor.state == protocol.STATE_ERROR


def _of_another(report: Report) -> str:
    name = report.script or f"process {report.pid}"
    return f"before, {name} had ended by itself: {_short(report.text)}"


def _advise(error: JobError, first: Report | None, exit: Exit, merged: Merged, labels: Callable[[], str]) -> None:
    own = exceptions.own(first, exit.root) if first else None
    text, line = first.text if first else "", own.code if own else ""
    if hints.may_be_labels(text) and (message := labels()):
        error.message, error.hint = f"{error.message} {message}", f"{hints.LABELS_REMEDY} {_LOG}"
        error.kind, error.return_code = symptoms.DATASET.kind, symptoms.DATASET.code
        return
    hint = hints.of(hints.Failure(text, line, (exit.root, exit.output), merged, exit.missing_model))
    if hint:
        error.message = f"{error.message} {hint.message}".rstrip()
        error.hint = f"{hint.remedy} {_LOG}".lstrip()
        if hint.kind:
            error.kind, error.return_code = hint.kind, hint.code


def _decide(exit: Exit, monitor: protocol.Monitor | None, merged: Merged) -> JobError:
    if exit.stopped_by:
        return _stopped(exit)
    first = cause(exit)
    ended_itself = lineage.first(exit) if exit.ended_by in (STALL, FALLEN) else None
    if exit.ended_by in _LIMITS and not (ended_itself and ended_itself.over):
        return _error(exit, _LIMITS[exit.ended_by], first, with_exception=exit.ended_by == HANGING_RANKS)
    if monitor and _reports_an_error(monitor) and (monitor.return_code not in (0, protocol.CODE_OTHER) or exit.ok):
        return _own_word(exit, monitor)
    unexplained = first is None or lineage.is_echo(first)
    if exit.oom_kills and (exit.signal == signal.SIGKILL or unexplained or _is_of_a_dead_worker(first)):
        return _error(exit, _of_memory(exit.oom_kills), None)
    if unexplained and (fallen := ranks.silent(exit.reports, exit.tail)):
        return _of_rank(exit, fallen)
    if first:
        return _of_exception(exit, first, merged)
    if (known := _in_last_words(exit)) and not _is_own_output(*known, exit.output):
        return _error(exit, _sharper(*known, exit, merged), None, known[1])
    if monitor and _reports_an_error(monitor) and monitor.message:
        return _own_word(exit, monitor)
    return _by_number(exit)


def _of_exception(exit: Exit, first: Report, merged: Merged) -> JobError:
    if first.type == "KeyboardInterrupt":
        return _error(exit, _INTERRUPTED, first)
    if lineage.is_lost_process(first):
        return _error(exit, _without_memory(_LOST_PROCESS, exit), first)
    if number := _signal_of(first):
        return _error(exit, _of_child(number, exit), first)
    known = _known(first)
    if known and not _is_own_output(*known, exit.output):
        return _error(exit, _sharper(*known, exit, merged), first)
    if first.type in ("BrokenProcessPool", "ProcessExitedException") or _VANISHED.search(first.text):
        return _error(exit, _without_memory(_LOST_PROCESS, exit), first)
    if symptoms.loads_a_model(first) and not _is_own_output(symptoms.MODEL_FILE, first.text, exit.output):
        return _error(exit, symptoms.OTHER_MODEL, first)
    if first.type == "CalledProcessError":
        return _of_command(exit, first, merged)
    return _error(exit, _EXCEPTION, first)


def _of_command(exit: Exit, first: Report, merged: Merged) -> JobError:
    """A command that ended badly and left no report: what it printed stands before the traceback of who called it."""
    said = lastwords.before_tracebacks(exit.tail, lineage.shows_lost_peers)
    known = symptoms.find(_of_nobody_else(said, exit))
    if known and lastwords.proves(known[1], bool(known[0].retry)):
        return _error(exit, _sharper(*known, exit, merged), None, known[1])
    words = f"; its last line: {' '.join(said[0].split())[:_LONGEST_WORDS]}" if said else ""
    error = _error(exit, _FAILED, first)
    error.message = f"{error.message.rstrip('.')}{words}."
    return error


# A worker of torch's DataLoader, as its parent reports it.
_VANISHED = re.compile(r"DataLoader worker \(pid\(s\) [\d, ]+\) exited unexpectedly")
_WORKER = re.compile(r"DataLoader worker .* (?:killed by signal|exited unexpectedly)")


def _is_of_a_dead_worker(first: Report | None) -> bool:
    return bool(first and _WORKER.search(first.text))


def _signal_of(first: Report) -> int:
    """The signal that a process died of, when the exception is about that. A bus error is what full memory causes."""
    if not (lineage.is_echo(first) or _WORKER.search(first.text) or lineage.is_about_a_process(first, ())):
        return 0
    number = deaths.reported_in(first.text)
    return 0 if number == signal.SIGBUS else number


def _of_child(number: int, exit: Exit) -> Cause:
    cause = _CRASHED if number in CRASHES else _without_memory(_KILLED, exit)._replace(retry="")
    if number == signal.SIGKILL and not exit.memory_counted:
        return symptoms.HOST_MEMORY._replace(
            message="a process of the job was killed by SIGKILL, as the kernel does for memory"
        )
    how = "crashed by" if number in CRASHES else "was killed by"
    return cause._replace(message=f"a process of the job {how} {deaths.name(number)}")


def _without_memory(cause: Cause, exit: Exit) -> Cause:
    """What is known when the kernel counts its kills for memory here, and has none."""
    if not exit.memory_counted or exit.oom_kills:
        return cause
    if cause is _KILLED:
        return cause._replace(hint=_NOT_FOR_MEMORY)
    return cause._replace(hint=f"{cause.hint} The kernel counted no kill for memory here.")


def _known(first: Report) -> tuple[Cause, str] | None:
    """The known cause that an exception shows, or the one that it was raised from. What was being handled when it was
    raised counts when the handler itself raised it."""
    texts = [first.text, first.cause]
    if first.context and first.frames and first.frames[-1].code.startswith("raise"):
        texts.append(first.context)
    return next(filter(None, (symptoms.find([text]) for text in texts if text)), None)


def _in_last_words(exit: Exit) -> tuple[Cause, str] | None:
    """The known cause with which the output ends. A job that only printed it and went on has other last words."""
    number = exit.signal or deaths.behind(exit.code)
    if number and number not in CRASHES:
        return None
    lines = lastwords.of_a_crash(exit.tail) if number else lastwords.statement(exit.tail)
    known = symptoms.find(_of_nobody_else(lines, exit))
    return known if known and lastwords.proves(known[1], bool(known[0].retry)) else None


def _of_nobody_else(lines: Sequence[str], exit: Exit) -> list[str]:
    """Without the last lines of processes that left a report: they fell, and were got over."""
    others = {report.text for report in exit.reports}
    return [line for line in lines if line not in others]


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
    details = "\n".join(monitor.stack) or _details(exit, cause(exit))
    hint = f"({_filled(_plain(exit), exit)}.)"
    error = JobError(monitor.message or "the job reported an error.", hint=hint, details=details)
    error.kind, error.return_code = "REPORTED", monitor.return_code
    error.retry = symptoms.NETWORK if monitor.return_code == protocol.CODE_NETWORK else ""
    error.retryable = bool(error.retry)
    return error


def _of_memory(killed: int) -> Cause:
    times = f"the kernel killed {killed} of its processes for it" if killed > 1 else "the kernel killed it for that"
    return symptoms.HOST_MEMORY._replace(message=f"{symptoms.HOST_MEMORY.message} after {{seconds}}: {times}")


def _of_rank(exit: Exit, fallen: Sequence[ranks.Rank]) -> JobError:
    """A rank that left no report: its last lines, else how it ended. One that lost its peers is not the cause."""
    ends = [(rank, ranks.lines_of(rank, exit.tail)) for rank in fallen]
    rank, lines = next((pair for pair in ends if not lineage.shows_lost_peers(pair[1])), ends[0])
    name = f"rank {rank.number}"
    if known := symptoms.find(lines):
        return _error(exit, known[0], None, f"{name}: {known[1].partition(':')[2].strip()}")
    if rank.signal:
        cause = _CRASHED if rank.signal in CRASHES else _KILLED
        message = cause.message.replace("the job", name).replace("{name}", deaths.name(rank.signal))
        cause = cause._replace(message=message)
    else:
        cause = _FAILED._replace(message=f"the job failed: {name} ended with exit code {rank.code} after {{seconds}}")
    error = _error(exit, cause, None)
    error.details = "\n".join(lines) or error.details
    return error


def _is_own_output(cause: Cause, line: str, output: str) -> bool:
    """Whether the model file that is missing is one that the job itself should have made."""
    return cause is symptoms.MODEL_FILE and bool(output) and f"{output.rstrip('/')}/" in line


def _sharper(cause: Cause, line: str, exit: Exit, merged: Merged) -> Cause:
    """Says more than the job could know."""
    if cause is symptoms.NO_CUDA_BUILD and not str(merged.values.get("gpu_id") or "").strip() and merged.values:
        return cause._replace(hint=symptoms.ASKS_FOR_CUDA)
    if cause is symptoms.NO_GPU and not exit.no_gpu and merged.values and not str(merged.values.get("gpu_id") or ""):
        return cause._replace(hint=symptoms.ASKS_FOR_CUDA)
    module = _MODULE.search(line) if cause is symptoms.MISSING_MODULE else None
    if module:
        own = files.names(Path(exit.root)) if exit.root else ()
        return cause._replace(hint=modules.to_add(module[1], own, "the repo's requirements"))
    if cause is symptoms.NO_GPU and exit.no_gpu:
        return cause._replace(message="the task asks for a GPU (gpu_id), but the container has none")
    if cause is symptoms.NO_SPACE and exit.full:
        return cause._replace(message=f"{cause.message} of {' and '.join(exit.full)}")
    return cause


def _by_number(exit: Exit) -> JobError:
    """What the signal or the exit code tells, with the last line that the job printed."""
    line = "" if exit.signal else lastwords.shown(exit.tail)
    words = f"; its last line: {line[:_LONGEST_WORDS]}" if line else ""
    plain = _plain(exit)
    died = lineage.explaining(exit)
    if died and not exit.signal:
        words = f"{words}; before, {died.script or 'a process of it'} had died: {_short(died.text)}"
    return _error(exit, plain._replace(message=f"{plain.message}{words}"), None)


def _plain(exit: Exit) -> Cause:
    if exit.signal in CRASHES:
        return _CRASHED
    if exit.signal:
        return _without_memory(_KILLED, exit)
    if exit.full:
        return symptoms.NO_SPACE._replace(message=f"the job failed, and {' and '.join(exit.full)} is full")
    if number := deaths.behind(exit.code):
        return _behind_code(number, exit)
    if number := deaths.reported_in(lastwords.shown(exit.tail)):
        return _of_child(number, exit)
    failed = _FAILED._replace(message=f"the job ended with exit code {exit.code} after {{seconds}}")
    return failed if exit.tail else failed._replace(hint=_SAID_NOTHING)


def _behind_code(number: int, exit: Exit) -> Cause:
    """A shell or a launcher hands on so that a process of it died by a signal; code may also end so by itself."""
    cause = _CRASHED if number in CRASHES else _without_memory(_KILLED, exit)._replace(retry="")
    message = f"the job ended with exit code {exit.code} after {{seconds}}, as when a process of it died of"
    return cause._replace(message=f"{message} {deaths.name(number)}")


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
    return cause.message.replace("{name}", deaths.name(exit.signal)).replace("{seconds}", _seconds(exit))


def _seconds(exit: Exit) -> str:
    return f"{exit.seconds:.0f} s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:120]} ... {line[-175:]}"  # an exception in its text stands last
