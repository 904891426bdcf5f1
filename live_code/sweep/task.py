"""The task folder that all runs of a sweep start from, and each run's own: the same data, other settings."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from live_code import config, files
from live_code.config import REVISION_KEYS
from live_code.errors import ConfigError
from live_code.sweep.expand import Run
from live_code.sweep.spec import OURS, Spec
from live_code.yamlfile import read_mapping, write_mapping

ENV, CONFIG = "env.yaml", "config.yaml"


class Base(NamedTuple):
    """A task folder as it was given. ``env``, ``config``: its two files; ``git_url``: where the commits are from.

    ``fingerprint`` changes with what a run may see of it: the files at its top by their bytes, those in folders by
    their names and sizes (a data set has millions).
    """

    in_dir: Path
    env: Mapping[str, Any]
    config: Mapping[str, Any]
    git_url: str
    fingerprint: str


def read(spec: Spec) -> Base:
    """Raises ConfigError for a folder that no run could start from."""
    task = config.load(config.Folders(in_dir=spec.task), {})
    env = read_mapping(spec.task / ENV, hint="The platform writes it.")
    given = read_mapping(Path(task.input["config_file"]), hint="It holds the task's hyper-parameters.")
    git_url = spec.git_url or str(given.get("git_url") or "")
    if not git_url:
        raise ConfigError(
            f"{spec.path} has no git_url, nor has {task.input['config_file']}.", hint="Set it in one of them."
        )
    kept = {key: value for key, value in given.items() if key not in OURS}
    said = (git_url, sorted(kept.items(), key=str), sorted(env.items(), key=str), sorted(_seen(spec.task)))
    return Base(spec.task, env, kept, git_url, hashlib.sha256(repr(said).encode()).hexdigest()[:32])


def _seen(folder: Path) -> Iterator[tuple[str, str]]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in names:
            path = Path(place, name)
            if path.parent != folder:
                yield path.relative_to(folder).as_posix(), str(path.stat().st_size) if path.exists() else "gone"
            elif name not in (ENV, CONFIG):
                yield name, files.sha256_file(path)


def write(folder: Path, base: Base, run: Run, gpus: float) -> None:
    """The run's ``in`` and an empty ``out`` below ``folder``; the data stays where it is, behind links."""
    in_dir, out_dir = folder / "in", folder / "out"
    files.remove_tree(in_dir)
    in_dir.mkdir(parents=True)
    for entry in base.in_dir.iterdir():
        if entry.name not in (ENV, CONFIG):
            (in_dir / entry.name).symlink_to(entry.absolute())
    name = f"{base.env.get('task_id') or 'sweep'}-{run.id}"
    write_mapping(in_dir / ENV, _env(base, name))
    write_mapping(in_dir / CONFIG, settings(base, run, gpus, name))
    files.remove_tree(out_dir)
    for part in ("models", "tensorboard"):
        (out_dir / part).mkdir(parents=True)


def settings(base: Base, run: Run, gpus: float, name: str) -> dict[str, Any]:
    """The run's hyper-parameters. GPUs are numbered from 0, whichever they are."""
    count = math.ceil(gpus)
    return {
        **base.config,
        **run.params,
        "git_url": base.git_url,
        REVISION_KEYS[-1]: run.commit.id,
        "gpu_id": ",".join(map(str, range(count))),
        "gpu_count": count,
        "task_id": name,
    }


def _env(base: Base, name: str) -> dict[str, Any]:
    inputs = base.env.get("input") or {}
    root = inputs.get("root_dir") or "/in"
    return {**base.env, "task_id": name, "input": {**inputs, "config_file": f"{root}/{CONFIG}"}}
