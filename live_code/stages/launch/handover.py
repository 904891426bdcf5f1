"""Writes what the job finds of its task: the merged config, env and index where paths are mapped, output folders."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import PathMap, TaskConfig
from live_code.tools import files
from live_code.tools.files.yamlfile import write_mapping
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any, BinaryIO

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
    """The index file with its paths mapped, as a copy; the original when nothing in it is to be mapped."""
    original = Path(task.input[key])
    if not task.paths.pairs or not original.exists() or not _names_any(original, task.paths):
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


def _names_any(index: Path, paths: PathMap) -> bool:
    """Whether a folder that is mapped stands anywhere in it: one that names others is not worth a copy."""
    folders = [prefix.rstrip("/").encode() for prefix, _ in paths.pairs]
    with index.open("rb") as lines:
        return any(folder in block for block in _blocks(lines) for folder in folders)


def _map_blocks(index: Path, paths: PathMap, target: Path) -> bool:
    """Maps a plain index, as most are, thousands of lines at once: it may have ten million. False for one that has to
    be read line by line: blank lines, spaces, or folders that lie in each other."""
    pairs = [(prefix.rstrip("/").encode(), local.encode()) for prefix, local in paths.pairs]
    if any((b"%b/" % local).startswith(b"%b/" % prefix) for _, local in pairs for prefix, _ in pairs):
        return False
    with index.open("rb") as lines, target.open("wb") as out:
        if lines.read(len(BOM_UTF8)) != BOM_UTF8:
            lines.seek(0)
        for block in _blocks(lines):
            mapped = _mapped_block(b"\n%b" % block if block.endswith(b"\n") else b"\n%b\n" % block, pairs)
            if not mapped:
                return False
            out.write(memoryview(mapped)[1:])
    return True


def _blocks(lines: BinaryIO) -> Iterator[bytes]:
    """Whole lines, many at once."""
    while block := lines.read(_BLOCK) + lines.readline():
        yield block


def _mapped_block(block: bytes, pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The lines, each begun and ended by a line end, mapped; b"" when each has to be looked at by itself.

    Mostly the first folder begins every path. As many bytes more as that makes prove it, and that nothing else is odd.
    """
    if not block.isascii():
        block.decode()
    if b" " in block or b"\r" in block:
        return b""
    mapped = _replaced(block, *pairs[0])
    paths = block.count(b"\n") - 1 + block.count(b"\t")
    longer = len(pairs[0][1]) - len(pairs[0][0])
    if longer and len(mapped) - len(block) == paths * longer:
        return mapped
    odd = (b"\n\n", b"\n\t", b"\t\n", *(prefix + end for prefix, _ in pairs for end in (b"\t", b"\n")))
    if any(word in block for word in odd):
        return b""
    for prefix, local in pairs[1:]:
        mapped = _replaced(mapped, prefix, local)
    return mapped


def _replaced(block: bytes, prefix: bytes, local: bytes) -> bytes:
    for mark in (b"\n", b"\t"):
        block = block.replace(b"%b%b/" % (mark, prefix), b"%b%b/" % (mark, local))
    return block


def _mapped_lines(index: Path, paths: PathMap) -> Iterator[str]:
    for line in protocol.read_index(index):
        image = paths(line.image)
        yield f"{image}\t{paths(line.annotation)}\n" if line.annotation else f"{image}\n"
