"""The story of a run: every stage in order and, whatever happens, an end that the platform can read."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from live_code.errors import Stopped
from live_code.run import finish
from live_code.stages.code import checkout, source, workplace
from live_code.stages.record import status
from live_code.stages.record.journal import Ending, Journal
from live_code.stages.request import hyperparameters, task_config
from live_code.tools import files, settings, store
from live_code.tools.machine import container
from live_code.tools.processes import guard, proctree, runner
from live_code.tools.settings import Settings
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.stages.launch.plan import Launch
    from live_code.stages.request.repo_settings import Merged

# What may take long, as a person is told of it.
STAGES = {
    "source": "finding the commit",
    "checkout": "fetching the commit",
    "interpreter": "looking at the image's packages",
    "lock": "resolving the requirements",
    "environment": "installing the packages",
    "results": "checking the results",
}


class _Asked(NamedTuple):
    """A task folder to run, and how. ``name``: one that no other run on the same store has; its work tree gets it.

    ``change`` is given what the hyper-parameters ask of us and returns what to do. ``debug``: where the job waits for
    a debugger, '' for none. ``tells``: whether the platform is told how far it is.
    """

    folders: task_config.Folders
    environ: Mapping[str, str]
    name: str
    change: Callable[[hyperparameters.Request], hyperparameters.Request] = lambda request: request
    debug: str = ""
    tells: bool = True

    @property
    def out(self) -> Path:
        return task_config.out_dir(self.folders)

    @property
    def ours(self) -> Path:
        return self.out / finish.FOLDER


class _Ready(NamedTuple):
    """All that a job needs, up to its launch."""

    task: task_config.TaskConfig
    request: hyperparameters.Request
    merged: Merged
    missing_models: Mapping[str, str]
    code: checkout.Checkout
    planned: tuple[Launch, ...]
    settings: Settings
    cache: store.Store


def run(
    folders: task_config.Folders,
    environ: Mapping[str, str],
    *,
    change: Callable[[hyperparameters.Request], hyperparameters.Request] = lambda request: request,
    name: str = "",
    debug: str = "",
) -> int:
    """Runs one task folder, from env.yaml to checked results. Returns the exit code; a failed run raises nothing.

    ``change`` is given what the hyper-parameters ask of us and returns what to do: a run that is repeated pins more.
    ``name``: one that no other run on the same store has; its work tree gets it.
    ``debug``: the address at which the job waits for a debugger.
    """
    asked = _Asked(folders, environ, name or guard.new_name(), change, debug)
    journal = Journal()
    with _stoppable(), _shown(journal):
        try:
            finish.begin(asked.out)
            _stages(journal, asked)
            ended = Ending(0)
        except Exception as error:  # noqa: BLE001 - the one place where every failure of a run ends
            ended = finish.of(error, journal, asked.out)
    return finish.close(journal, ended, asked.out)


def shell(folders: task_config.Folders, environ: Mapping[str, str]) -> int:
    """Everything up to the launch, then a shell in the job's place. Returns its exit code. Raises LiveCodeError.

    It is no run: nothing is told to the platform and there is no record, as no record could say what a person typed.
    """
    from live_code.run import interactive

    asked = _Asked(folders, environ, guard.new_name(), tells=False)
    with _stoppable(), _ready(Journal(), asked) as it:
        signal.signal(
            signal.SIGINT, lambda *_: None
        )  # meant for what runs in the shell, which must not inherit SIG_IGN
        return interactive.shell(it.planned, asked.ours)


@contextmanager
def _ready(journal: Journal, asked: _Asked) -> Iterator[_Ready]:
    task = journal.step("task", task_config.load, asked.folders, settings.task_files(asked.environ))
    request = asked.change(journal.step("request", hyperparameters.read, task))
    tell = status.of(task).running if asked.tells else lambda _: None
    for told in settings.unknown(asked.environ):
        log.warning(told)
    given = settings.read(container.settled(asked.environ))
    cache = store.find(given.store)
    if given.bundle:
        from live_code.tools.packages import unpack

        given = unpack.with_bundle(given, cache)

    tell(f"finding {request.revision}")
    found = journal.step("source", source.resolve, request, cache, given.git)
    log.info(f"{found.url} at {found.commit}")
    with workplace.made(given.workdir, cache, asked.name) as place:
        tell(f"fetching {found.commit}")
        _load_what_follows()
        code = journal.step("checkout", checkout.make, found, request, cache, place, given.git)
        from live_code.run import sequence
        from live_code.stages.environment import build, lock
        from live_code.stages.request import repo_settings
        from live_code.tools.machine import interpreter

        repo = journal.step("repo", repo_settings.read, code.root)
        merged = journal.step("config", repo_settings.merge, task, request, repo, code.root)
        entries = sequence.entrypoints(task, request, repo, code.root)

        tell("preparing the environment")
        python = interpreter.find(given)
        image = journal.step("interpreter", interpreter.inspect, python, cache, given.inherited)
        locked = journal.step("lock", lock.make, code, request, repo, image, cache, given.packages)
        files.write_text(asked.ours / "requirements.lock", locked.text)
        built = journal.step("environment", build.make, locked, image, cache, given.packages)

        missing = sequence.missing_models(task, merged)
        sequence.warn(merged, missing, built)
        plan = sequence.debugged(asked.debug, built, cache, given.packages) if asked.debug else sequence.planned
        planned = journal.step("launch", plan, task, entries, repo, code, merged, built, given.inherited, asked.ours)
        yield _Ready(task, request, merged, missing, code, planned, given, cache)


def _load_what_follows() -> None:
    """Imports the stages behind the checkout while git makes it, which leaves us nothing to do: a quarter of what a
    start loads. Not before git runs: each look at a file would then wait for an import."""

    def load() -> None:
        runner.waits.wait()
        from live_code.stages import supervise  # noqa: F401
        from live_code.stages.record import document  # noqa: F401

    threading.Thread(target=load, name="imports", daemon=True).start()


def _stages(journal: Journal, asked: _Asked) -> None:
    waits = _waits(asked.debug)
    with _ready(journal, asked) as (task, request, merged, missing, code, planned, given, cache):
        from live_code.run import observe, sequence
        from live_code.stages import supervise
        from live_code.stages.record import document

        told = status.of(task)
        told.running(f"starting {planned[0].entrypoint.command}{waits}")
        document.write(asked.ours, journal, None)
        rules = supervise.rules(request, merged, missing)
        if asked.debug:  # whoever stands at a breakpoint needs time
            rules = rules._replace(stall_timeout=0.0, max_duration=0.0, retries=0)
        places = supervise.places(task, asked.ours, cache.root)
        earlier = observe.earlier(task)
        workplace.sweep(given.workdir, cache)
        with observe.beside_job(journal, task, request, given.image, asked.ours):
            ended = journal.step("job", sequence.run, planned, places, rules, told, merged, waits)
        observe.code_after(journal, code, given.inherited)
        supervise.require_success(ended[-1], told.current(), merged)
        from live_code.stages import results  # not before the job has ended

        left = journal.step("results", results.collect, task, earlier)
        observe.outputs(journal, task, left)


def _waits(debug: str) -> str:
    """What is told of a job that waits for a debugger. Raises LaunchError for an address that is none or in use."""
    if not debug:
        return ""
    from live_code.run import interactive

    return f"; it waits for a debugger at {interactive.free(debug)}"


@contextmanager
def _shown(journal: Journal) -> Iterator[None]:
    """The stage that takes its time, for a person at a terminal. The job has a panel of its own."""
    if log.terminal is None:
        yield
        return
    from live_code.tools.terminal import footer

    def stage() -> str:
        name, seconds = journal.now
        if name not in STAGES or seconds < 1:
            return ""
        return f"{STAGES[name]}: {seconds:.0f} s" + (f", {log.doing}" if log.doing else "")

    with footer.standing(log.terminal, stage):
        yield


@contextmanager
def _stoppable() -> Iterator[None]:
    """A signal to stop ends the stage that is running; while a job runs, supervision passes it on instead."""

    def stop(number: int, _: FrameType | None) -> None:
        if number != guard.ORPHANED:
            raise Stopped(f" by {signal.Signals(number).name}", number)
        proctree.send(proctree.living(os.getpid()), signal.SIGKILL)  # nobody else ends what our children have started
        raise Stopped(": the process that guards it was killed", number)

    numbers = [number for number in guard.STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # the end is being written; it takes milliseconds
