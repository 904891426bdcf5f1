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

_BLOCK = 1 << 22
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
        with files.replacing(copy) as aside:
            if not _map_blocks(original, task.paths, aside):
                with aside.open("w", encoding="utf-8") as out:
                    out.writelines(_mapped_lines(original, task.paths))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{original} is no text: {error}.", hint="Index files are UTF-8, one image a line."
        ) from error
    return copy


def _map_blocks(index: Path, paths: PathMap, target: Path) -> bool:
    """Maps a plain index, as most are, thousands of lines at once: it may have ten million. False for one that has to
    be read line by line: blank lines, spaces, or folders that lie in each other."""
    pairs = [(there.rstrip("/"), here) for there, here in paths.pairs]
    if any(f"{here}/".startswith(f"{there}/") for _, here in pairs for there, _ in pairs):
        return False
    odd = (" ", "\r", "\n\n", "\n\t", "\t\n", *(f"{there}{end}" for there, _ in pairs for end in "\t\n"))
    with (
        index.open(encoding="utf-8-sig", newline="\n") as lines,
        target.open("w", encoding="utf-8", newline="\n") as out,
    ):
        while block := lines.read(_BLOCK) + lines.readline():
            text = f"\n{block}" if block.endswith("\n") else f"\n{block}\n"
            if any(word in text for word in odd):
                return False
            for there, here in pairs:
                text = text.replace(f"\n{there}/", f"\n{here}/").replace(f"\t{there}/", f"\t{here}/")
            out.write(text[1:])
    return True


def _mapped_lines(index: Path, paths: PathMap) -> Iterator[str]:
    for line in protocol.read_index(index):
        image = paths(line.image)
        yield f"{image}\t{paths(line.annotation)}\n" if line.annotation else f"{image}\n"
