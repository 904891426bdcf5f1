"""The story of a run: every stage in order and, whatever happens, an end that the platform can read."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from live_code import (
    checkout,
    config,
    container,
    environment,
    files,
    guard,
    handover,
    interpreter,
    launch,
    lock,
    log,
    observe,
    record,
    source,
    status,
    store,
    supervise,
)
from live_code.errors import LiveCodeError, Lost, OutputError, Stopped
from live_code.packages import bundled
from live_code.store import lease

IMAGE_WORKDIR = Path("/app")
WORK = "work"
# Our own folder in /out: the record, the lock, the logs and the files handed to the job.
FOLDER = "live-code"
# What may take long, as a person is told of it.
STAGES = {
    "source": "finding the commit",
    "checkout": "fetching the commit",
    "interpreter": "looking at the image's packages",
    "lock": "resolving the requirements",
    "environment": "installing the packages",
    "results": "checking the results",
}
# Room for the end to be told in when the disk has run full meanwhile.
RESERVE = ".reserve"
RESERVE_BYTES = 1 << 20


def run(
    folders: config.Folders,
    environ: Mapping[str, str],
    *,
    change: Callable[[config.Request], config.Request] = lambda request: request,
    name: str = "",
    debug: str = "",
) -> int:
    """Runs one task folder, from env.yaml to checked results. Returns the exit code; a failed run raises nothing.

    ``change`` is given what the hyper-parameters ask of us and returns what to do: a run that is repeated pins more.
    ``name``: one that no other run on the same store has; its work tree gets it.
    ``debug``: the address at which the job waits for a debugger.
    """
    out = config.out_dir(folders)
    journal = record.Journal()
    with _stoppable(), _shown(journal):
        try:
            _open(out)
            _stages(journal, folders, environ, out / FOLDER, change, name or guard.new_name(), debug)
            ending = record.Ending(0)
        except LiveCodeError as error:
            ending = record.Ending(error.exit_code, error)
        except OSError as error:
            ending = _os_ending(error, out / FOLDER)
        except Exception as error:  # noqa: BLE001 - the one place where our own mistakes end
            ending = _bug_ending(error, out / FOLDER)
    return _close(journal, ending, out)


@contextmanager
def _shown(journal: record.Journal) -> Iterator[None]:
    """The stage that takes its time, for a person at a terminal. The job has a panel of its own."""
    if log.terminal is None:
        yield
        return
    from live_code import terminal

    def stage() -> str:
        name, seconds = journal.now
        if name not in STAGES or seconds < 1:
            return ""
        return f"{STAGES[name]}: {seconds:.0f} s" + (f", {log.doing}" if log.doing else "")

    with terminal.standing(log.terminal, stage):
        yield


def lost(folders: config.Folders, environ: Mapping[str, str], name: str, number: int) -> int:
    """Tells the end of a run whose process was killed by a signal; called by its guard. Returns the exit code."""
    error = Lost(signal.Signals(number).name, number)
    out = config.out_dir(folders)
    try:
        cache = store.find(container.settled(environ))
        _remove(_work_folder(environ, cache) / name)
        (out / FOLDER / RESERVE).unlink(missing_ok=True)
        record.amend(out / FOLDER, record.Ending(error.exit_code, error))
        status.Status(out / "monitor.txt").failed(error)
    except (OSError, OutputError) as failure:
        log.warning(f"the end can't be told in {out}: {failure}")
    log.error(f"{error.phase}: {error}")
    return error.exit_code


class _Ready(NamedTuple):
    """All that a job needs, up to its launch."""

    task: config.TaskConfig
    request: config.Request
    merged: config.Merged
    code: checkout.Checkout
    planned: tuple[launch.Launch, ...]
    environ: Mapping[str, str]
    cache: store.Store


def shell(folders: config.Folders, environ: Mapping[str, str]) -> int:
    """Everything up to the launch, then a shell in the job's place. Returns its exit code. Raises LiveCodeError.

    It is no run: nothing is told to the platform and there is no record, as no record could say what a person typed.
    """
    from live_code import byhand

    ours = config.out_dir(folders) / FOLDER
    with (
        _stoppable(),
        _ready(record.Journal(), folders, environ, ours, lambda request: request, guard.new_name()) as it,
    ):
        signal.signal(
            signal.SIGINT, lambda *_: None
        )  # meant for what runs in the shell, which must not inherit SIG_IGN
        return byhand.shell(it.planned, ours)


@contextmanager
def _ready(
    journal: record.Journal,
    folders: config.Folders,
    environ: Mapping[str, str],
    ours: Path,
    change: Callable[[config.Request], config.Request],
    name: str,
    debug: str = "",
    telling: Callable[[config.TaskConfig], Callable[[str], None]] = lambda _: lambda _: None,
) -> Iterator[_Ready]:
    task = journal.step("task", config.load, folders, environ)
    request = change(journal.step("request", config.read_request, task))
    tell = telling(task)
    for told in container.unread(environ):
        log.warning(told)
    environ = container.settled(environ)
    cache, kept = store.find(environ), store.chosen(environ)
    environ = bundled.taken(environ, cache)

    tell(f"finding {request.revision}")
    found = journal.step("source", kept, lambda it: source.resolve(request, it, environ))
    log.info(f"{found.url} at {found.commit}")
    with _workplace(environ, cache, name) as place:
        tell(f"fetching {found.commit}")
        code = journal.step("checkout", kept, lambda it: checkout.make(found, request, it, place, environ))
        repo = journal.step("repo", config.read_repo_settings, code.root)
        merged = journal.step("config", config.merge, task, request, repo, code.root)
        entries = _entrypoints(task, request, repo, code.root)

        tell("preparing the environment")
        python = interpreter.find(environ)
        image = journal.step("interpreter", kept, lambda it: interpreter.inspect(python, it, environ))
        locked = journal.step("lock", kept, lambda it: lock.make(code, request, repo, image, it, environ))
        files.write_text(ours / "requirements.lock", locked.text)
        built = journal.step("environment", kept, lambda it: environment.make(locked, image, it, environ))

        _warn(merged, built)
        plan: Callable[..., tuple[launch.Launch, ...]] = _debugged(debug, built, cache, environ) if debug else _launches
        planned = journal.step("launch", plan, task, entries, repo, code, merged, built, environ, ours)
        yield _Ready(task, request, merged, code, planned, environ, cache)


def _stages(
    journal: record.Journal,
    folders: config.Folders,
    environ: Mapping[str, str],
    ours: Path,
    change: Callable[[config.Request], config.Request],
    name: str,
    debug: str,
) -> None:
    waits = _waits(debug)
    ready = _ready(journal, folders, environ, ours, change, name, debug, lambda task: status.of(task).running)
    with ready as (task, request, merged, code, planned, environ, cache):
        told = status.of(task)
        told.running(f"starting {planned[0].entrypoint.command}{waits}")
        record.write(ours, journal, None)
        rules = supervise.rules(request, merged)
        if debug:  # whoever stands at a breakpoint needs time
            rules = rules._replace(stall_timeout=0.0, max_duration=0.0, retries=0)
        places = supervise.places(task, ours, cache.root)
        earlier = observe.earlier(task)
        observe.sweep(_work_folder(environ, cache))
        with observe.beside_job(journal, task, request, environ, ours):
            ended = journal.step("job", _run_all, planned, places, rules, told, merged, waits)
        observe.code_after(journal, code, environ)
        supervise.require_success(ended[-1], told.current(), merged)
        from live_code import results  # not before the job has ended

        left = journal.step("results", results.collect, task, earlier)
        observe.outputs(journal, task, left)


def _waits(debug: str) -> str:
    """What is told of a job that waits for a debugger. Raises LaunchError for an address that is none."""
    if not debug:
        return ""
    from live_code import byhand

    return f"; it waits for a debugger at {byhand.address(debug)}"


def _debugged(
    debug: str, built: environment.Environment, cache: store.Store, environ: Mapping[str, str]
) -> Callable[..., tuple[launch.Launch, ...]]:
    """Plans the launches so that each waits for a debugger."""
    from live_code import byhand

    def plan(*values: Any) -> tuple[launch.Launch, ...]:
        at = byhand.address(debug)
        planned = byhand.debugged(_launches(*values), at, built, cache, environ)
        byhand.say(at, planned[0])
        return planned

    return plan


def _warn(merged: config.Merged, built: environment.Environment) -> None:
    """Of what this container is too small or too strict for: the job may die of it without telling why."""
    workers = container.shortage_of_shared_memory(merged.values, container.size_of_shared_memory())
    for told in filter(None, (workers, container.forbids_code(built.root))):
        log.warning(told)


def _entrypoints(
    task: config.TaskConfig, request: config.Request, repo: config.RepoSettings, root: Path
) -> tuple[launch.Entrypoint, ...]:
    """What is to be started; a script that is not there is found before packages are installed for it."""

    def exists(name: str) -> bool:
        return os.path.isfile(root / name)  # noqa: PTH113 - Path raises for a name that is too long

    entries = launch.entrypoints(task.tasks, request, repo, exists)
    launch.require_scripts(entries, exists)
    return entries


def _launches(
    task: config.TaskConfig,
    entries: tuple[launch.Entrypoint, ...],
    repo: config.RepoSettings,
    code: checkout.Checkout,
    merged: config.Merged,
    built: environment.Environment,
    environ: Mapping[str, str],
    ours: Path,
) -> tuple[launch.Launch, ...]:
    """One job for the whole task, or one for each entrypoint; the progress bar is shared evenly among them."""
    part = 1 / len(entries)
    ranks = launch.ranks(repo, merged, ours)
    trees = tuple(os.path.realpath(code.place / path) for path in ("", *(one.path for one in code.submodules)))
    return tuple(
        launch.plan(
            entry,
            code.root,
            built,
            handover.write(task, merged, entry.tasks, ours),
            environ,
            (number * part, (number + 1) * part),
            ranks,
            trees,
        )
        for number, entry in enumerate(entries)
    )


def _run_all(
    planned: tuple[launch.Launch, ...],
    places: supervise.Places,
    rules: supervise.Rules,
    told: status.Status,
    merged: config.Merged,
    waits: str,
) -> tuple[supervise.Exit, ...]:
    """One after the other, each attempt of each; the first job that does not end well is the last."""
    places.log_file.write_bytes(b"")
    ended: list[supervise.Exit] = []
    for job in planned:
        log.info(f"starting {job.entrypoint.command} for {' and '.join(job.entrypoint.tasks)}{waits}")
        ended += supervise.run(job, places, rules, supervise.Told(told.current, told.running), merged.values)
        if not ended[-1].ok:
            break
    return tuple(ended)


def _open(out: Path) -> None:
    """Proves that /out can be written and says that we are here, before anything can go wrong. Raises OutputError."""
    status.Status(out / "monitor.txt").begin()
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        (out / FOLDER / record.FILE).unlink(missing_ok=True)  # an earlier start's
        with (out / FOLDER / RESERVE).open("wb") as room:
            os.posix_fallocate(room.fileno(), 0, RESERVE_BYTES)
    except OSError as error:
        raise container.refused(out, error, RESERVE_BYTES) from error


def _close(journal: record.Journal, ending: record.Ending, out: Path) -> int:
    """Writes the record, then the monitor's last state (the platform reads it when we are gone), and says the end."""
    try:
        (out / FOLDER / RESERVE).unlink(missing_ok=True)
        path = record.write(out / FOLDER, journal, ending)
        log.info(f"record: {path}")
    except OSError as error:
        log.warning(f"the record can't be written: {error}")
    task = journal.value("task")
    if journal.value("launch"):
        observe.in_tensorboard(journal, ending, task, out / FOLDER)
    if task and ending.error:
        supervise.show(ending.error, Path(task.output["tensorboard_dir"]))
    told = status.of(task) if task else status.Status(out / "monitor.txt")
    try:
        if ending.error:
            told.failed(ending.error)
        else:
            told.done()
    except OutputError as error:
        log.warning(str(error))
    if ending.error:
        log.error(f"{ending.error.phase}: {ending.error}")
    else:
        log.info(f"done in {sum(phase.seconds for phase in journal.phases):.1f} s")
    return ending.exit_code


def _os_ending(error: OSError, ours: Path) -> record.Ending:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
        where = error.filename or "the disk"
        full = OutputError(f"{where} can't be written: {error.strerror}.", hint="Free some space or mount another.")
        return record.Ending(full.exit_code, full)
    return _bug_ending(error, ours)


def _bug_ending(error: Exception, ours: Path) -> record.Ending:
    from live_code import bugs  # costs milliseconds, for a case that should not be

    bug = bugs.kept(error, lambda: ours)
    return record.Ending(bug.exit_code, bug)


@contextmanager
def _workplace(environ: Mapping[str, str], cache: store.Store, name: str) -> Iterator[Path]:
    """Where the work tree goes: /app in an image, else a folder of this run's own that goes with it."""
    if not environ.get(checkout.WORKDIR_VARIABLE) and container.is_image() and os.access(IMAGE_WORKDIR, os.W_OK):
        yield IMAGE_WORKDIR
        return
    place = _work_folder(environ, cache) / name
    with cache.shared():
        place.parent.mkdir(parents=True, exist_ok=True)
        lease.keep(lease.mark_of(place))  # if we are killed with our guard, a later start sees that nobody uses it
    place.mkdir()
    try:
        yield place
    finally:
        with suppress(OSError):
            _remove(place)


def _remove(tree: Path) -> None:
    files.remove_tree(tree)
    lease.mark_of(tree).unlink(missing_ok=True)


def _work_folder(environ: Mapping[str, str], cache: store.Store) -> Path:
    return Path(environ.get(checkout.WORKDIR_VARIABLE) or cache.path(WORK)).absolute()


@contextmanager
def _stoppable() -> Iterator[None]:
    """A signal to stop ends the stage that is running; while a job runs, supervision passes it on instead."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped("the death of its guard" if number == guard.ORPHANED else signal.Signals(number).name, number)

    numbers = [number for number in guard.STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # the end is being written; it takes milliseconds
