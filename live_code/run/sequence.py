"""The jobs of a task: one for the whole of it or one for each entrypoint, planned and run one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from live_code.errors import nearest
from live_code.stages import supervise
from live_code.stages.code.checkout import Checkout
from live_code.stages.environment.build import Environment
from live_code.stages.launch import handover, plan
from live_code.stages.record import status
from live_code.stages.request.hyperparameters import REVISION_KEYS, Request
from live_code.stages.request.repo_settings import Merged, RepoSettings
from live_code.stages.request.task_config import MODEL_KEYS, PLATFORM_KEYS, TaskConfig
from live_code.tools import files
from live_code.tools.machine import container
from live_code.tools.settings import Inherited, PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Names this near are reported as one mistyped; others may well be two.
_CLOSE = 0.81


def entrypoints(task: TaskConfig, request: Request, repo: RepoSettings, root: Path) -> tuple[plan.Entrypoint, ...]:
    """What is to be started; a script that is not there is found before packages are installed for it."""

    def exists(name: str) -> bool:
        return os.path.isfile(root / name)  # noqa: PTH113 - Path raises for a name that is too long

    entries = plan.entrypoints(task.tasks, request, repo, exists)
    plan.require_scripts(entries, exists, lambda: files.names(root), lambda name: _starts(root, name))
    for message in plan.shell_words(entries):
        log.warning(message)
    return entries


def _starts(root: Path, name: str) -> bool:
    """Whether the kernel starts a program of that name: a file that may be executed, or one on PATH."""
    if "/" in name:
        return os.access(root / name, os.X_OK)
    import shutil  # a bare name that is a file of the repo, too: few are

    return shutil.which(name) is not None


def warn(merged: Merged, missing: Mapping[str, str], built: Environment) -> None:
    """Of what this container is too small or too strict for, and of what the task names and is not there: the job may
    die of it, or do something else, without a word why. ``missing``: of models, as `missing_models` has it."""
    for message in (*mistyped(merged), *missing.values()):
        log.warning(message)
    workers = container.shortage_of_shared_memory(merged.values, container.size_of_shared_memory())
    for message in filter(None, (workers, container.forbids_code(built.root))):
        log.warning(message)


def missing_models(task: TaskConfig, merged: Merged) -> dict[str, str]:
    """Messages about model files that the task names and that are not there, by the key that names them."""
    wanted = {MODEL_KEYS[0]} if "training" in task.tasks else set()
    wanted |= {MODEL_KEYS[1]} if {"mining", "infer"} & set(task.tasks) else set()
    folder, messages = task.input["models_dir"], {}
    for key in wanted:
        given = merged.values.get(key) or ""
        names = [str(name).strip() for name in (given if isinstance(given, list) else str(given).split(","))]
        missing = [name for name in names if name and not Path(folder, task.paths(name)).exists()]
        if missing:
            messages[key] = f"{key} names {', '.join(missing[:3])}: not found in {folder}"
        elif any(names) and (wrong := _wrong_model(Path(folder, task.paths(name)) for name in names if name)):
            messages[key] = f"{key} names {wrong}"
    return messages


def _wrong_model(paths: Iterator[Path]) -> str:
    """The first file that is no model, and what it is; '' for none."""
    from live_code.run import inputs  # most starts have no models

    return next((f"{path.name}, which {wrong}" for path in paths if (wrong := inputs.wrong_model(path))), "")


def mistyped(merged: Merged) -> Iterator[str]:
    """Messages about hyper-parameters that nothing knows and that are nearly named as one that is known."""
    layers = merged.layers
    known = {*layers["template"], *layers["code_config"], *PLATFORM_KEYS, *REVISION_KEYS, *Request._fields}
    for key in sorted(layers["config.yaml"].keys() - known):
        if close := nearest(key, sorted(known), _CLOSE):
            yield f"{key} in the task's config.yaml may be mistyped: {close} is what {_knows(close, merged)} has"


def _knows(key: str, merged: Merged) -> str:
    if key in merged.layers["code_config"]:
        return "code_config"
    return "the image" if key in merged.layers["template"] else "live-code"


def planned(
    task: TaskConfig,
    entries: tuple[plan.Entrypoint, ...],
    repo: RepoSettings,
    code: Checkout,
    merged: Merged,
    built: Environment,
    inherited: Inherited,
    record_dir: Path,
) -> tuple[plan.Launch, ...]:
    """A launch for each entrypoint; the progress bar is shared evenly among them."""
    part = 1 / len(entries)
    ranks = plan.ranks(repo, merged, record_dir)
    paths = ("", *(submodule.path for submodule in code.submodules))
    trees = tuple(os.path.realpath(code.place / path) for path in paths)
    return tuple(
        plan.plan(
            entry,
            code.root,
            built,
            handover.write(task, merged, entry.tasks, record_dir),
            inherited,
            (number * part, (number + 1) * part),
            ranks,
            trees,
            task.paths.__call__,
        )
        for number, entry in enumerate(entries)
    )


def debugged(
    debug: str, built: Environment, cache: Store, settings: PackageSettings
) -> Callable[..., tuple[plan.Launch, ...]]:
    """Plans the launches so that each waits for a debugger."""
    from live_code.run import interactive

    def waiting(*values: Any) -> tuple[plan.Launch, ...]:
        endpoint = interactive.free(debug)
        launches = interactive.debugged(planned(*values), endpoint, built, cache, settings)
        interactive.announce(endpoint, launches[0])
        return launches

    return waiting


def run(
    launches: tuple[plan.Launch, ...],
    places: supervise.Places,
    rules: supervise.Rules,
    task_status: status.Status,
    merged: Merged,
    note: str,
) -> tuple[supervise.Exit, ...]:
    """One after the other, each attempt of each; the first job that does not end well is the last.

    ``note``: ends the message of a job that waits for something, '' for none.
    """
    places.log_file.write_bytes(b"")
    exits: list[supervise.Exit] = []
    for job in launches:
        log.info(f"starting {job.entrypoint.command} for {' and '.join(job.entrypoint.tasks)}{note}")
        exits += supervise.run(job, places, rules, supervise.Channel(task_status.current, task_status.running), merged)
        if not exits[-1].ok:
            break
    return tuple(exits)
