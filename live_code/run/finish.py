"""Reports to the platform and the record that a run has begun and, whatever happens to it, how it ended."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from live_code.errors import ConfigError, LiveCodeError, Lost, OutputError, Stopped, StoreError
from live_code.stages.code import workplace
from live_code.stages.record import status
from live_code.stages.record.journal import RECORD, Ending, Journal
from live_code.stages.request import task_config
from live_code.tools import settings as variables
from live_code.tools import store
from live_code.tools.machine import container
from live_code.tools.terminal import log

# Our own folder in /out: the record, the lock, the logs and the files handed to the job.
FOLDER = "live-code"
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
        for earlier in (record_dir / RECORD, out / "tensorboard" / FOLDER / RECORD):
            earlier.unlink(missing_ok=True)
        with (record_dir / RESERVE).open("wb") as room:
            os.posix_fallocate(room.fileno(), 0, RESERVE_BYTES)
    except OSError as error:
        raise container.refused(out, error, RESERVE_BYTES) from error


def of(error: Exception, journal: Journal, out: Path) -> Ending:
    """What a run that raised it comes to: an expected failure, a disk that can't be written, or a bug of ours."""
    error = _stopped(error) or error
    failure = _as_failure(error, out)
    if not isinstance(error, LiveCodeError) or isinstance(error, (Stopped, StoreError)):  # raised anywhere
        failure.phase = _reached(journal)
    return Ending(failure.exit_code, failure)


def _stopped(error: BaseException | None) -> Stopped | None:
    """The stop that it was raised from: a signal may come while a library is in a block that wraps what it catches."""
    if error is None or isinstance(error, Stopped):
        return error
    return _stopped(error.__cause__ or error.__context__)


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
    Returns the exit code."""
    from live_code.run import observe
    from live_code.stages import supervise
    from live_code.stages.record import document

    try:
        (out / FOLDER / RESERVE).unlink(missing_ok=True)
        path = document.write(out / FOLDER, journal, ending)
        log.info(f"record: {path}")
    except OSError as error:
        _warn(ending, f"the record can't be written: {error}")
    task = journal.value("task")
    if task:
        _keep(journal, ending, out, Path(task.output["tensorboard_dir"]))
    if journal.value("launch"):
        observe.in_tensorboard(journal, ending, task, out / FOLDER)
    if task and ending.error:
        supervise.show(ending.error, Path(task.output["tensorboard_dir"]))
    task_status = status.of(task) if task else status.Status(out / "monitor.txt")
    try:
        if ending.error:
            task_status.failed(ending.error)
        else:
            task_status.done()
    except OutputError as error:
        _warn(ending, str(error))
    if ending.error:
        log.error(f"{ending.error.phase}: {ending.error}")
    else:
        log.info(f"done in {sum(phase.seconds for phase in journal.phases):.1f} s")
    return ending.exit_code


def _keep(journal: Journal, ending: Ending, out: Path, tensorboard: Path) -> None:
    from live_code.stages.record import kept

    try:
        kept.write(journal, out / FOLDER, tensorboard)
    except OSError as error:
        _warn(ending, f"the record can't be kept in {tensorboard}, where the platform would leave it: {error.strerror}")


def _warn(ending: Ending, message: str) -> None:
    """Of what can't be written; when that is why the run ended, its error says so."""
    if not isinstance(ending.error, OutputError):
        log.warning(message)


def lost(folders: task_config.Folders, environ: Mapping[str, str], name: str, number: int) -> int:
    """Reports the end of a run whose process was killed by a signal; called by its guard. Returns the exit code."""
    from live_code.stages.record import document

    out = task_config.out_dir(folders)
    before = status.Status(out / "monitor.txt").current()
    error = Lost(signal.Signals(number).name, number, before.message.strip().rstrip(".") if before else "")
    try:
        (out / FOLDER / RESERVE).unlink(missing_ok=True)
        document.amend(out / FOLDER, Ending(error.exit_code, error))
        status.Status(out / "monitor.txt").failed(error)
    except (OSError, OutputError) as failure:
        log.warning(f"the end can't be told in {out}: {failure}")
    with suppress(OSError, ConfigError):  # a wrong variable: then there was no work tree
        settings = variables.read(container.settled(environ))
        workplace.remove(workplace.folder(settings.workdir, store.find(settings.store)) / name)
    log.error(f"{error.phase}: {error}")
    return error.exit_code
