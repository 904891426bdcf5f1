"""What is noted while a job runs and after it: the machine, the image, the data, the code, the outputs.
The record of the running job has it too: whoever comes after a killed run has it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from live_code.errors import ConfigError, LiveCodeError, Stopped
from live_code.stages.code.checkout import Checkout
from live_code.stages.record import document
from live_code.stages.record.journal import Ending, Journal
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import Earlier, TaskConfig
from live_code.tools import files
from live_code.tools.files.yamlfile import read_mapping
from live_code.tools.git import local, worktree
from live_code.tools.settings import Inherited
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from live_code.stages.results import Results
    from live_code.tools.store import Store

_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_FILE = re.compile(r"No such file or directory: '([^'\n]+)'")
# The job's start is safely past by then.
AFTER_S = 0.2
# Where what a job has left in its work tree is kept, in our folder, and how long that may take, in seconds.
WORK = "work"
KEEP_S, STOPPED_KEEP_S = 120.0, 2.0
RESULT_FILES = ("training_result_file", "mining_result_file", "infer_result_file")


@contextmanager
def beside_job(
    journal: Journal,
    task: TaskConfig,
    request: Request,
    merged: Merged,
    image_name: str,
    folder: Path,
    cache: Store,
) -> Iterator[None]:
    """Observes in a thread while the block runs; a job that ends earlier waits for what is noted of every run."""
    over = threading.Event()

    def wait_and_note() -> None:
        over.wait(AFTER_S)
        try:
            _warn_of_inputs(task, merged, over)
            _note(journal, task, request, image_name, folder, over.is_set)
            _write_pylock(journal, folder, cache)
        except Exception as error:  # noqa: BLE001 - the job goes on, and its end is reported all the same
            log.warning(f"the record of the running job can't be written: {error}")

    thread = threading.Thread(target=wait_and_note, name="record", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write_pylock(journal: Journal, folder: Path, cache: Store) -> None:
    """The lock once more, in the form of PEP 751, beside the first."""
    from live_code.stages.environment import lock

    if text := lock.as_pylock(journal.value("lock"), journal.value("interpreter"), cache):
        files.write_text(folder / "pylock.toml", text)


def _warn_of_inputs(task: TaskConfig, merged: Merged, over: threading.Event) -> None:
    if over.is_set():  # it is said in the job's end, where that comes of it
        return
    from live_code.run import inputs

    for message in inputs.warnings(task, merged):
        log.warning(message.rstrip("."))


def code_after(journal: Journal, code: Checkout, inherited: Inherited) -> None:
    """Notes what the job did to its work tree."""
    from live_code.stages.results import provenance

    journal.note("code", provenance.code(code, inherited))


@contextmanager
def work_kept(journal: Journal, code: Checkout, folder: Path, quota_mb: float) -> Iterator[None]:
    """Notes what the job left in its work tree, which goes with the run. When the block fails, it is kept below our
    folder within the quota, and the error says so; else a warning says what is lost, models above all."""
    from live_code.stages.code import leftovers

    since = next((phase.started for phase in journal.phases if phase.name == "job"), 0.0)
    left = leftovers.found(code.place, since)
    try:
        yield
    except LiveCodeError as error:
        seconds = STOPPED_KEEP_S if error.kind == Stopped.kind else KEEP_S
        kept = leftovers.keep(code.place, left, folder / WORK, round(quota_mb * 1e6), seconds)
        journal.note("left_in_work", kept)
        error.hint = f"{error.hint} {leftovers.sentence(kept, f'{folder.name}/{WORK}')}".strip()
        raise
    journal.note("left_in_work", leftovers.summary(left))
    if models := [file.name for file in left if file.name.endswith(leftovers.MODELS)]:
        log.warning(
            f"{', '.join(models[:3])} stays in the job's work tree, which goes with the run. "
            "Save models below cfg.ymir.output.models_dir"
        )
    elif left:
        log.info(leftovers.sentence(leftovers.summary(left), ""))


def unnamed_labels(task: TaskConfig, merged: Merged) -> str:
    """The message about a label that class_names has no name for, '' for none."""
    from live_code.run import inputs  # few jobs fail of it

    return inputs.unnamed_label(task, merged)


def explain_subdir(error: LiveCodeError, code: Checkout, inherited: Inherited) -> None:
    """Says of a module or file that the job misses where in the commit it is, when it lies outside of git_subdir."""
    place = _outside(error, code, inherited) if code.root != code.place else ""
    if place:
        subdir = code.root.relative_to(code.place)
        error.hint = (
            f"{place} is in this commit, outside of git_subdir {subdir}, which alone is there: leave git_subdir out,"
            f" and start by entrypoint: {subdir}/start.py, or what is started there."
        )


def _outside(error: LiveCodeError, code: Checkout, inherited: Inherited) -> str:
    module, file = _NO_MODULE.search(error.message), _NO_FILE.search(error.message)
    if not module and not file:
        return ""
    try:
        env = worktree.environment_in(code.place, inherited)
        listing = local.run(["ls-tree", "-r", "-z", "--name-only", "HEAD"], env=env, cwd=code.place).split("\0")
    except local.GitFailed:
        return ""
    if module:
        name = module[1].partition(".")[0]
        found = (_of_module(path, name) for path in listing)
        return next(filter(None, found), "")
    wanted = os.path.relpath(os.path.join(code.root, file[1] if file else ""), code.place)  # noqa: PTH118
    return wanted if any(path == wanted or path.startswith(f"{wanted}/") for path in listing) else ""


def _of_module(path: str, name: str) -> str:
    """The file or folder that an import of ``name`` means, where the path is of one."""
    *folders, file = path.split("/")
    if name in folders and file.endswith(".py"):
        return "/".join(folders[: folders.index(name) + 1])
    return path if file == f"{name}.py" else ""


def earlier(task: TaskConfig) -> Earlier:
    """What an earlier run in the same folder left. Nothing of it is a result of the job that is to start."""
    stamps = {name: stamp for name in RESULT_FILES if (stamp := files.stamp(Path(task.output[name])))}
    training: Mapping[str, Any] = {}
    if RESULT_FILES[0] in stamps:
        with suppress(ConfigError):  # the job may replace it by a better one
            training = read_mapping(Path(task.output[RESULT_FILES[0]]), hint="")
    return Earlier({task.output[name]: stamp for name, stamp in stamps.items()}, training)


def outputs(journal: Journal, task: TaskConfig, results: Results) -> None:
    """Notes the files that the platform takes."""
    from live_code.stages.results import provenance

    journal.note("outputs", provenance.outputs(task, results))


def in_tensorboard(journal: Journal, ending: Ending | None, task: TaskConfig, folder: Path) -> None:
    """Puts the run into tensorboard's HPARAMS view, first without an ending."""
    from live_code.stages.record import hparams
    from live_code.stages.record.reading import Record

    record = Record(folder / document.FILE, document.as_json(journal, ending))
    try:
        hparams.write(record, Path(task.output["tensorboard_dir"]))
    except OSError as failure:
        log.warning(f"the run can't be compared in tensorboard: {failure.strerror}")


def _note(
    journal: Journal,
    task: TaskConfig,
    request: Request,
    image_name: str,
    folder: Path,
    over: Callable[[], bool],
) -> None:
    from live_code.stages.results import provenance
    from live_code.tools.machine import host  # not before the job has started

    indexes = provenance.dataset(task)
    journal.note("dataset", indexes)
    journal.note("image", provenance.image(image_name))
    document.write(folder, journal, None)
    in_tensorboard(journal, None, task, folder)
    journal.note("host", host.inspect())
    if request.record_content_hashes:
        journal.note("dataset", provenance.content(indexes, task, over))
    document.write(folder, journal, None)
