"""The task folder as the platform hands it over: env.yaml, config.yaml and the image's templates, typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.tools.files.yamlfile import read_mapping
from live_code.tools.settings import TaskFiles
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

# What the platform itself puts into the hyper-parameters; the models only when one is chosen.
MODEL_KEYS = ("pretrained_model_params", "model_params_path")
PLATFORM_KEYS = ("class_names", "gpu_id", "gpu_count", "task_id", "export_format", "shm_size", *MODEL_KEYS)

NOT_MOVED = TaskFiles()


class PathMap(NamedTuple):
    """Where the task folder's own paths (``/in/...``) lie on this machine. Empty in a container."""

    pairs: tuple[tuple[str, str], ...] = ()

    def __call__(self, value: Any) -> Any:
        """The value with its paths mapped: strings, and strings within lists and mappings."""
        if isinstance(value, str):
            return self._path(value)
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        return value

    def _path(self, text: str) -> str:
        for prefix, local in self.pairs:
            if text == prefix or text.startswith(prefix.rstrip("/") + "/"):
                return local + text[len(prefix.rstrip("/")) :]
        return text


class Earlier(NamedTuple):
    """The results that stood in /out before the job: each file's stamp by its path, and the contents of result.yaml."""

    stamps: Mapping[str, tuple[int, ...]]
    training: Mapping[str, Any]


class TaskConfig(NamedTuple):
    """A task as the platform asks for it. All paths are paths of this machine (mapped when a folder is replayed)."""

    task_id: str
    protocol_version: str
    tasks: tuple[str, ...]
    input: Mapping[str, str]
    output: Mapping[str, str]
    env_file: Path
    manifest_file: str
    template: Mapping[str, Any]
    given: Mapping[str, Any]
    env: Mapping[str, Any]
    paths: PathMap


class Folders(NamedTuple):
    """The command line's view of a task: its folders, and an env.yaml that lies elsewhere ('' : in the folder)."""

    in_dir: Path | None = None
    out_dir: Path | None = None
    env_file: Path | None = None


def load(folders: Folders, moved: TaskFiles = NOT_MOVED) -> TaskConfig:
    """Reads a task folder. Raises ConfigError with one clear line for whatever is missing or makes no sense."""
    env_file = _env_file(folders, moved)
    env = read_mapping(env_file, hint=_env_hint(folders))
    paths = _path_map(env, folders)
    mapped = paths(env)
    inputs = _section(mapped, "input", paths(dict(protocol.INPUT_DEFAULTS)), env_file)
    outputs = _section(mapped, "output", paths(dict(protocol.OUTPUT_DEFAULTS)), env_file)
    config_file = _config_file(folders, moved, inputs)
    given = paths(read_mapping(config_file, hint="It holds the task's hyper-parameters, git_url among them."))
    tasks = tuple(task for task in protocol.TASKS if as_bool(mapped.get(f"run_{task}"), f"run_{task}"))
    if not tasks:
        raise ConfigError(
            f"no task is switched on in {env_file}.", hint="Set one of run_training, run_mining, run_infer to true."
        )
    manifest = str(mapped.get("manifest_file") or "/img-man/manifest.yaml")
    template = _templates(Path(manifest).parent, tasks)
    return TaskConfig(
        task_id=str(mapped.get("task_id") or given.get("task_id") or ""),
        protocol_version=str(mapped.get("protocol_version") or ""),
        tasks=tasks,
        input=inputs,
        output=outputs,
        env_file=env_file,
        manifest_file=manifest,
        template=template,
        given=given,
        env=mapped,
        paths=paths,
    )


def out_dir(folders: Folders) -> Path:
    """Where ``/out`` is, known before anything is read: an early failure has to be reported there."""
    return folders.out_dir.absolute() if folders.out_dir else Path(protocol.OUTPUT_DEFAULTS["root_dir"])


def as_bool(value: Any, key: str) -> bool:
    """A switch as YAML or a web form writes it: true, 'True', '1', 'yes', 'on' … ; '' and None are false."""
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip().lower()
    if word in ("true", "1", "yes", "on", "y"):
        return True
    if word in ("false", "0", "no", "off", "n", "none", ""):
        return False
    raise ConfigError(f"{key} is {value!r}, which is neither true nor false.", hint="Write true or false.")


def _env_file(folders: Folders, moved: TaskFiles) -> Path:
    if folders.env_file:
        return folders.env_file
    if folders.in_dir:
        return folders.in_dir / "env.yaml"
    return Path(moved.env_file or protocol.DEFAULT_ENV_FILE)


def _env_hint(folders: Folders) -> str:
    if folders.env_file:
        return "--env names it; a relative path counts from the current folder."
    if folders.in_dir and (folders.in_dir / "in" / "env.yaml").is_file():
        return f"There is one in {folders.in_dir / 'in'}: name that with --in."
    if folders.in_dir:
        return "--in has to name a task folder, which holds it; --env names one that lies elsewhere."
    return "The platform writes it; on a laptop name the task folder with --in."


def _config_file(folders: Folders, moved: TaskFiles, inputs: Mapping[str, str]) -> Path:
    if not folders.in_dir and moved.config_file:
        return Path(moved.config_file)
    return Path(inputs["config_file"])


def _path_map(env: Mapping[str, Any], folders: Folders) -> PathMap:
    pairs: list[tuple[str, str]] = []
    sides = (("input", protocol.INPUT_DEFAULTS, folders.in_dir), ("output", protocol.OUTPUT_DEFAULTS, folders.out_dir))
    for section, defaults, folder in sides:
        if folder is None:
            continue
        named = env.get(section)
        root = str((named.get("root_dir") if isinstance(named, dict) else "") or defaults["root_dir"])
        for prefix in dict.fromkeys((root, defaults["root_dir"])):
            if prefix != os.fspath(folder.absolute()):
                pairs.append((prefix, os.fspath(folder.absolute())))
    return PathMap(tuple(pairs))


def _section(env: Mapping[str, Any], name: str, defaults: Mapping[str, str], env_file: Path) -> dict[str, str]:
    section = env.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigError(f"{name} in {env_file} is not a mapping.", hint="It names the task's folders and files.")
    return {**defaults, **{str(key): str(value) for key, value in section.items() if value not in (None, "")}}


def _templates(folder: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for task in tasks:
        path = folder / f"{task}-template.yaml"
        if path.exists():
            values.update(read_mapping(path, hint="It is a file of the image: tell who maintains the image."))
    return values
