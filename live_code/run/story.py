"""The story of a run: every stage in order and, whatever happens, an end that the platform can read."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from live_code.errors import JobError, ResultsError, Stopped
from live_code.run import finish
from live_code.stages.code import checkout, source, workplace
from live_code.stages.record import status
from live_code.stages.record.journal import Ending, Journal
from live_code.stages.request import hyperparameters, task_config
from live_code.tools import files, store
from live_code.tools import settings as variables
from live_code.tools.machine import container
from live_code.tools.processes import guard, proctree, runner
from live_code.tools.settings import Settings
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.stages.launch.plan import Launch
    from live_code.stages.request.repo_settings import Merged

# What may take long, as a terminal shows it.
STAGES = {
    "source": "finding the commit",
    "checkout": "fetching the commit",
    "interpreter": "looking at the image's packages",
    "lock": "resolving the requirements",
    "environment": "installing the packages",
    "results": "checking the results",
}


class _Options(NamedTuple):
    """A task folder to run, and how. ``name``: one that no other run on the same store has; its work tree gets it.

    ``change``: from the request of the hyper-parameters to the one that is run. ``debug``: where the job waits for a
    debugger, '' for none. ``bundle``: a file to run from, instead of the one that the container may name. ``reports``:
    whether the progress is reported to the platform.
    """

    folders: task_config.Folders
    environ: Mapping[str, str]
    name: str
    change: Callable[[hyperparameters.Request], hyperparameters.Request] = lambda request: request
    debug: str = ""
    bundle: Path | None = None
    reports: bool = True

    @property
    def out(self) -> Path:
        return task_config.out_dir(self.folders)

    @property
    def record_dir(self) -> Path:
        return self.out / finish.FOLDER


class _Setup(NamedTuple):
    """All that a job needs, up to its launch."""

    task: task_config.TaskConfig
    request: hyperparameters.Request
    merged: Merged
    missing_models: Mapping[str, str]
    code: checkout.Checkout
    launches: tuple[Launch, ...]
    settings: Settings
    cache: store.Store


def run(
    folders: task_config.Folders,
    environ: Mapping[str, str],
    *,
    change: Callable[[hyperparameters.Request], hyperparameters.Request] = lambda request: request,
    name: str = "",
    debug: str = "",
    bundle: Path | None = None,
) -> int:
    """Runs one task folder, from env.yaml to checked results. Returns the exit code; a failed run raises nothing.

    ``change``: from the request of the hyper-parameters to the one that is run; a run that is repeated pins more.
    ``name``: one that no other run on the same store has; its work tree gets it.
    ``debug``: the address at which the job waits for a debugger. ``bundle``: a file to run from, without a network.
    """
    options = _Options(folders, environ, name or guard.new_name(), change, debug, bundle)
    journal = Journal()
    with _stoppable(), _shown(journal):
        try:
            finish.begin(options.out)
            _stages(journal, options)
            ending = Ending(0)
        except Exception as error:  # noqa: BLE001 - the one place where every failure of a run ends
            ending = finish.of(error, journal, options.out)
    return finish.close(journal, ending, options.out)


def shell(folders: task_config.Folders, environ: Mapping[str, str], bundle: Path | None = None) -> int:
    """Everything up to the launch, then a shell in the job's place. Returns its exit code. Raises LiveCodeError.

    It is no run: nothing is reported to the platform and there is no record, as none could say what a person typed.
    """
    from live_code.run import interactive

    options = _Options(folders, environ, guard.new_name(), bundle=bundle, reports=False)
    with _stoppable(), _prepare(Journal(), options) as setup:
        signal.signal(
            signal.SIGINT, lambda *_: None
        )  # meant for what runs in the shell, which must not inherit SIG_IGN
        return interactive.shell(setup.launches, options.record_dir)


@contextmanager
def _prepare(journal: Journal, options: _Options) -> Iterator[_Setup]:
    task = journal.step("task", task_config.load, options.folders, variables.task_files(options.environ))
    request = options.change(journal.step("request", hyperparameters.read, task))
    report = status.of(task).running if options.reports else lambda _: None
    for message in variables.unknown(options.environ):
        log.warning(message)
    settings = variables.read(container.settled(options.environ))
    cache = store.find(settings.store)
    if bundle := str(options.bundle or settings.bundle):
        from live_code.tools.packages import unpack

        settings = unpack.with_bundle(settings, Path(bundle), cache)

    report(f"finding {request.revision}")
    resolved = journal.step("source", source.resolve, request, cache, settings.git)
    log.info(f"{resolved.url} at {resolved.commit}")
    settings = settings._replace(packages=settings.packages._replace(logs=str(options.record_dir)))
    with workplace.made(settings.workdir, cache, options.name) as place:
        report(f"fetching {resolved.commit}")
        _load_what_follows()
        code = journal.step("checkout", checkout.make, resolved, request, cache, place, settings.git)
        from live_code.run import sequence
        from live_code.stages.environment import build, lock
        from live_code.stages.request import repo_settings
        from live_code.tools.machine import interpreter

        repo = journal.step("repo", repo_settings.read, code.root)
        merged = journal.step("config", repo_settings.merge, task, request, repo, code.root)
        entries = sequence.entrypoints(task, request, repo, code.root)

        report("preparing the environment")
        python = interpreter.find(settings)
        image = journal.step("interpreter", interpreter.inspect, python, cache, settings.inherited)
        locked = journal.step("lock", lock.make, code, request, repo, image, cache, settings.packages)
        files.write_text(options.record_dir / "requirements.lock", locked.text)
        built = journal.step("environment", build.make, locked, image, cache)

        missing = sequence.missing_models(task, merged)
        sequence.warn(merged, missing, built)
        plan = sequence.debugged(options.debug, built, cache, settings.packages) if options.debug else sequence.planned
        launches = journal.step(
            "launch", plan, task, entries, repo, code, merged, built, settings.inherited, options.record_dir
        )
        yield _Setup(task, request, merged, missing, code, launches, settings, cache)


def _load_what_follows() -> None:
    """Imports the stages behind the checkout while git makes it, which leaves us nothing to do: a quarter of what a
    start loads. Not before git runs: each look at a file would then wait for an import."""

    def load() -> None:
        runner.waits.wait()
        from live_code.run import observe, sequence  # noqa: F401
        from live_code.stages import supervise  # noqa: F401
        from live_code.stages.environment import build, lock  # noqa: F401
        from live_code.stages.record import document  # noqa: F401
        from live_code.stages.request import repo_settings  # noqa: F401
        from live_code.tools.machine import interpreter  # noqa: F401

    threading.Thread(target=load, name="imports", daemon=True).start()


def _stages(journal: Journal, options: _Options) -> None:
    note = _waiting_note(options.debug)
    with _prepare(journal, options) as (task, request, merged, missing, code, launches, settings, cache):
        from live_code.run import observe, sequence
        from live_code.stages import supervise
        from live_code.stages.record import document

        task_status = status.of(task)
        task_status.running(f"starting {launches[0].entrypoint.command}{note}")
        document.write(options.record_dir, journal, None)
        rules = supervise.rules(request, merged, missing)
        if options.debug:  # whoever stands at a breakpoint needs time
            rules = rules._replace(stall_timeout=0.0, max_duration=0.0, retries=0)
        places = supervise.places(task, options.record_dir, cache.root)
        earlier = observe.earlier(task)
        workplace.sweep(settings.workdir, cache)
        with observe.beside_job(journal, task, request, merged, settings.image, options.record_dir, cache):
            exits = journal.step("job", sequence.run, launches, places, rules, task_status, merged, note)
        observe.code_after(journal, code, settings.inherited)
        from live_code.stages import results  # not before the job has ended

        results.put_right(task, earlier)
        with observe.work_kept(journal, code, options.record_dir, request.keep_work):
            labels = lambda: observe.unnamed_labels(task, merged)  # noqa: E731
            try:
                supervise.require_success(exits[-1], task_status.current(), merged, labels)
            except JobError as error:
                observe.explain_subdir(error, code, settings.inherited)
                raise
            try:
                collected = journal.step("results", results.collect, task, earlier)
            except ResultsError as error:
                raise supervise.explained(error, exits[-1], merged) from None
        observe.outputs(journal, task, collected)


def _waiting_note(debug: str) -> str:
    """Ends the message of a job that waits for a debugger. Raises LaunchError for an address that is none or in use."""
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
