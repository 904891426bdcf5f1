"""Reports to the platform and the record that a run has begun and, whatever happens to it, how it ended."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from live_code.errors import Bug, ConfigError, LiveCodeError, Lost, OutputError, Stopped, StoreError
from live_code.job.ymir_exc import protocol
from live_code.stages.code import workplace
from live_code.stages.record import status
from live_code.stages.record.journal import EARLIER, RECORD, Ending, Journal
from live_code.stages.request import task_config
from live_code.tools import settings as variables
from live_code.tools import store
from live_code.tools.machine import container
from live_code.tools.terminal import log

# Our own folder in /out: the record, the lock, the logs and the files handed to the job.
FOLDER = "live-code"
# In so many bytes a record has its state.
_BEGINNING = 400
# Room to report the end in when the disk has run full meanwhile.
RESERVE = ".reserve"
RESERVE_BYTES = 1 << 20
_NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def begin(out: Path) -> None:
    """Proves that /out can be written and reports the start, before anything can go wrong. Raises OutputError."""
    status.Status(out / "monitor.txt").begin()
    record_dir = out / FOLDER
    try:
        record_dir.mkdir(parents=True, exist_ok=True)
        _put_aside(record_dir)
        (out / "tensorboard" / FOLDER / RECORD).unlink(missing_ok=True)  # an earlier start's copy
        with (record_dir / RESERVE).open("wb") as room:
            os.posix_fallocate(room.fileno(), 0, RESERVE_BYTES)
    except OSError as error:
        raise container.refused(out, error, RESERVE_BYTES) from error


def _put_aside(record_dir: Path) -> None:
    """Removes an earlier start's record; that of a run which ended well is kept beside it, the last of them: this one
    may fail."""
    path = record_dir / RECORD
    try:
        was_good = b'"state": "done"' in path.read_bytes()[:_BEGINNING]
    except OSError:
        was_good = False
    if was_good:
        path.replace(record_dir / EARLIER)
        log.info(f"the record of the run that ended well here before is kept as {record_dir / EARLIER}")
    else:
        path.unlink(missing_ok=True)


def of(error: Exception, journal: Journal, out: Path) -> Ending:
    """What a run that raised it comes to: an expected failure, a disk that can't be written, or a bug of ours."""
    error = _stopped(error) or error
    failure = _as_failure(error, out)
    if not isinstance(error, LiveCodeError) or isinstance(error, (Stopped, StoreError)):  # raised anywhere
        failure.phase = _reached(journal)
    return Ending(failure.exit_code, failure)


def _stopped(error: BaseException | None) -> Stopped | None:
    """The stop that it was raised from: a signal may come while a library is in a block that wraps what it catches."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Stopped):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _as_failure(error: Exception, out: Path) -> LiveCodeError:
    if isinstance(error, LiveCodeError):
        return error
    if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
        from live_code.tools.telemetry import space

        where = error.filename or (out if space.full(out) else "the disk")
        return OutputError(f"{where} can't be written: {error.strerror}.", hint="Free some space or mount another.")
    from live_code.tools import bugs  # costs milliseconds, for a case that should not be

    return bugs.recorded(error, lambda: out / FOLDER)


def _reached(journal: Journal) -> str:
    """The phase that the run has come to, as errors name it."""
    name = journal.phases[-1].name if journal.phases else LiveCodeError.phase
    return "config" if name in ("task", "request", "repo") else name


def close(journal: Journal, ending: Ending, out: Path) -> int:
    """Writes the record, then the monitor's last state (the platform reads it when we are gone), and logs the end.
    Returns the exit code. Whatever one of these meets, those after it are done."""
    with suppress(OSError):
        (out / FOLDER / RESERVE).unlink(missing_ok=True)
    task = journal.value("task")
    task_status = status.of(task) if task else status.Status(out / "monitor.txt")
    _attempt(ending, "the record can't be written", lambda: _record(journal, ending, out))
    if task:
        place = task.output["tensorboard_dir"]
        failed = f"the record can't be kept in {place}, where the platform would leave it"
        _attempt(ending, failed, lambda: _keep(journal, task, out))
        _attempt(ending, "the end can't be shown in tensorboard", lambda: _show(journal, ending, task, out))
    _attempt(ending, "the last state can't be reported", lambda: _report(task_status, ending))
    if ending.error:
        log.error(f"{ending.error.phase}: {ending.error}")
    else:
        log.info(f"done in {sum(phase.seconds for phase in journal.phases):.1f} s")
    return ending.exit_code


def _record(journal: Journal, ending: Ending, out: Path) -> None:
    from live_code.stages.record import document

    try:
        path = document.write(out / FOLDER, journal, ending)
    except OSError:
        raise
    except Exception:  # a value that is no JSON: the record of the running job, with this end, says most of it
        document.amend(out / FOLDER, ending)
        raise
    log.info(f"record: {path}")


def _keep(journal: Journal, task: task_config.TaskConfig, out: Path) -> None:
    from live_code.stages.record import kept

    kept.write(journal, out / FOLDER, Path(task.output["tensorboard_dir"]))


def _show(journal: Journal, ending: Ending, task: task_config.TaskConfig, out: Path) -> None:
    from live_code.run import observe
    from live_code.stages import supervise

    if journal.value("launch"):
        observe.in_tensorboard(journal, ending, task, out / FOLDER)
    if ending.error:
        supervise.show(ending.error, Path(task.output["tensorboard_dir"]))


def _report(task_status: status.Status, ending: Ending) -> None:
    if ending.error:
        task_status.failed(ending.error)
    else:
        task_status.done()


def _attempt(ending: Ending, failed: str, act: Callable[[], None]) -> None:
    """Does it, or warns of what can't be written; when that is why the run ended, its error says so."""
    try:
        act()
    except (OSError, OutputError) as error:
        if not isinstance(ending.error, OutputError):
            log.warning(f"{failed}: {error}")
    except Exception as error:  # noqa: BLE001 - a bug of ours here must not hide the end
        log.warning(f"{failed}: live_code failed by itself: {type(error).__name__}: {error}")


def lost(folders: task_config.Folders, environ: Mapping[str, str], name: str, number: int) -> int:
    """Reports the end of a run whose process was killed by a signal; called by its guard. Returns the exit code."""
    out = task_config.out_dir(folders)
    task_status = _status(out)
    before = task_status.current()
    last_message = before.message.strip().rstrip(".") if before else ""
    error = Lost(_signal_name(number), number, last_message)
    _report_instead(error, task_status, out, environ, name)
    log.error(f"{error.phase}: {error}")
    return error.exit_code


def failed(folders: task_config.Folders, environ: Mapping[str, str], name: str, code: int) -> int:
    """Sees to it that the end of a run whose process ended with ``code`` is reported; called by its guard. Returns the
    exit code. Why it ended, the process itself has said on stderr."""
    out = task_config.out_dir(folders)
    task_status = _status(out)
    before = task_status.current()
    if before is not None and before.state == protocol.STATE_RUNNING:
        error = _unreported(code, before.message.strip().rstrip("."))
        _report_instead(error, task_status, out, environ, name)
    return code


def _report_instead(
    error: LiveCodeError, task_status: status.Status, out: Path, environ: Mapping[str, str], name: str
) -> None:
    """Reports the error in place of the process that could not, and removes its work tree."""
    from live_code.stages.record import document

    ending = Ending(error.exit_code, error)
    with suppress(OSError):
        (out / FOLDER / RESERVE).unlink()
    _attempt(ending, f"the record in {out} can't be written", lambda: document.amend(out / FOLDER, ending))
    _attempt(ending, f"the end can't be reported in {out}", lambda: task_status.failed(error))
    with suppress(OSError, ConfigError):  # a wrong variable: then there was no work tree
        settings = variables.read(container.settled(environ))
        workplace.remove(workplace.folder(settings.workdir, store.find(settings.store)) / name)


def _status(out: Path) -> status.Status:
    """Where the run reported to, as its record has it, if it had come that far: the task may name another file."""
    import json

    try:
        task = json.loads((out / FOLDER / RECORD).read_bytes())["task"]
        paths = task_config.PathMap(tuple(dict(task["paths"]).items()))
        return status.Status(Path(paths(task["output"]["monitor_file"])), str(task["task_id"]))
    except (OSError, ValueError, TypeError, KeyError):
        return status.Status(out / "monitor.txt")


def _unreported(code: int, last_message: str) -> LiveCodeError:
    last = f"; the last that it reported: {last_message}" if last_message else ""
    error = Bug(
        f"live-code itself ended with exit code {code} and did not report why{last}.",
        hint="The container's log has its last lines.",
    )
    error.exit_code = code
    return error


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
