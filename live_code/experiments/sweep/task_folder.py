"""The task folder that all runs of a sweep start from, and each run's own: the same data, other settings."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from live_code.errors import ConfigError
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.spec import OURS, Spec
from live_code.stages.request import task_config
from live_code.tools import files
from live_code.tools.files.yamlfile import read_mapping, write_mapping
from live_code.values import NamedTuple

ENV, CONFIG = "env.yaml", "config.yaml"
COMMIT_KEY = "git_branch"  # the platform's form has the commit under this name


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


class Job(NamedTuple):
    """One run, in the words of a task folder. ``data``: where the base's files lie, for whoever does the run."""

    id: str
    env: Mapping[str, Any]
    config: Mapping[str, Any]
    data: Path


def read(spec: Spec) -> Base:
    """Raises ConfigError for a folder that no run could start from."""
    task = task_config.load(task_config.Folders(in_dir=spec.task))
    env = read_mapping(spec.task / ENV, hint="The platform writes it.")
    given = read_mapping(Path(task.input["config_file"]), hint="It holds the task's hyper-parameters.")
    git_url = spec.git_url or str(given.get("git_url") or "")
    if not git_url:
        raise ConfigError(
            f"{spec.path} has no git_url, nor has {task.input['config_file']}.", hint="Set it in one of them."
        )
    config = {key: value for key, value in given.items() if key not in OURS}
    identity = (git_url, sorted(config.items(), key=str), sorted(env.items(), key=str), sorted(_seen(spec.task)))
    return Base(spec.task, env, config, git_url, hashlib.sha256(repr(identity).encode()).hexdigest()[:32])


def job(base: Base, run: Run, gpus: float) -> Job:
    """Pure. GPUs are numbered from 0, whichever they are."""
    name, count = f"{base.env.get('task_id') or 'sweep'}-{run.id}", math.ceil(gpus)
    inputs = base.env.get("input") or {}
    env = {
        **base.env,
        "task_id": name,
        "input": {**inputs, "config_file": f"{inputs.get('root_dir') or '/in'}/{CONFIG}"},
    }
    settings = {
        **base.config,
        **run.params,
        "git_url": base.git_url,
        COMMIT_KEY: run.commit.id,
        "gpu_id": ",".join(map(str, range(count))),
        "gpu_count": count,
        "task_id": name,
    }
    return Job(run.id, env, settings, base.in_dir)


def write(folder: Path, job: Job) -> None:
    """The run's ``in`` and an empty ``out`` below ``folder``; the data stays where it is, behind links."""
    in_dir, out_dir = folder / "in", folder / "out"
    for old in (in_dir, out_dir):
        files.remove_tree(old)
    in_dir.mkdir(parents=True)
    for entry in job.data.iterdir():
        if entry.name not in (ENV, CONFIG):
            (in_dir / entry.name).symlink_to(entry.absolute())
    write_mapping(in_dir / ENV, job.env)
    write_mapping(in_dir / CONFIG, job.config)
    for part in ("models", "tensorboard"):
        (out_dir / part).mkdir(parents=True)


def _seen(folder: Path) -> Iterator[tuple[str, str]]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in names:
            path = Path(place, name)
            if path.parent != folder:
                yield path.relative_to(folder).as_posix(), str(path.stat().st_size) if path.exists() else "gone"
            elif name not in (ENV, CONFIG):
                yield name, files.sha256_file(path)
