"""Writes what the job finds of its task: the merged config, env and index where paths are mapped, output folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from live_code import files
from live_code.config import Merged, PathMap, TaskConfig
from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.yamlfile import write_mapping

INDEX_KEYS = ("training_index_file", "val_index_file", "candidate_index_file")


class Handover(NamedTuple):
    """Files for one job. ``tasks``: the tasks that this job is to do."""

    env_file: Path
    config_file: Path
    tasks: tuple[str, ...]


def write(task: TaskConfig, merged: Merged, tasks: tuple[str, ...], folder: Path) -> Handover:
    """Writes below ``folder`` what ``tasks`` (all or some of the task's) need; ``/in`` itself is never written.

    The task's own env.yaml is handed over as it stands unless paths or the tasks have to differ. The folder for
    models is made, as the platform makes it: published repos write into it as it is.
    Raises ConfigError (an index file that can't be read) or OSError.
    """
    config_file = folder / "config.yaml"
    write_mapping(config_file, merged.values)
    if "training" in tasks:
        with suppress(FileExistsError):  # a link that leads nowhere: the job's own words about it are clearer
            Path(task.output["models_dir"]).mkdir(parents=True, exist_ok=True)
    env_file = task.env_file
    if task.paths.pairs or tasks != task.tasks:
        indexes = {key: str(_mapped_index(task, key, folder)) for key in INDEX_KEYS if task.input.get(key)}
        name = "env.yaml" if tasks == task.tasks else f"env-{'-'.join(tasks)}.yaml"
        env_file = folder / name
        write_mapping(env_file, _env(task, tasks, indexes))
    return Handover(env_file, config_file, tasks)


def _env(task: TaskConfig, tasks: tuple[str, ...], indexes: Mapping[str, str]) -> dict[str, Any]:
    switches = {f"run_{name}": name in tasks for name in protocol.TASKS}
    return {
        **task.env,
        **switches,
        "input": {**task.input, **indexes},
        "output": dict(task.output),
    }


def _mapped_index(task: TaskConfig, key: str, folder: Path) -> Path:
    """The index file with its paths mapped, as a copy; the original when nothing is mapped."""
    original = Path(task.input[key])
    if not task.paths.pairs or not original.exists():
        return original
    copy = folder / "index" / original.name
    try:
        with files.replacing(copy) as aside, aside.open("w", encoding="utf-8") as out:
            out.writelines(_mapped_lines(original, task.paths))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{original} is no text: {error}.", hint="Index files are UTF-8, one image a line."
        ) from error
    return copy


def _mapped_lines(index: Path, paths: PathMap) -> Iterator[str]:
    for line in protocol.read_index(index):
        image = paths(line.image)
        yield f"{image}\t{paths(line.annotation)}\n" if line.annotation else f"{image}\n"
