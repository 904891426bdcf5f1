"""What is asked: env.yaml + config.yaml, typed, with the origin of each value; the repo's own settings; the merge."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import ConfigError, is_it, nearest
from live_code.job.ymir_exc import protocol
from live_code.tools.files import inside, names
from live_code.tools.files.yamlfile import read_mapping
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

REPO_FILE = "live-code.yaml"
# The platform's form sends `git_branch`; the others are what people call it. All mean: the revision to run.
REVISION_KEYS = ("commit", "git_commit", "git_tag", "git_revision", "git_branch")

# What the platform itself puts into the hyper-parameters; the models only when one is chosen.
MODEL_KEYS = ("pretrained_model_params", "model_params_path")
PLATFORM_KEYS = ("class_names", "gpu_id", "gpu_count", "task_id", "export_format", "shm_size", *MODEL_KEYS)

# Causes of a failure that may pass by themselves; `retries` names those for which the job is started again.
RETRY_CLASSES = ("network", "infrastructure")

_CODE_CONFIG_HINT = "Name a YAML file of this commit in code_config, or leave it empty."


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
        for there, here in self.pairs:
            if text == there or text.startswith(there.rstrip("/") + "/"):
                return here + text[len(there.rstrip("/")) :]
        return text


class Request(NamedTuple):
    """The hyper-parameters that the executor itself reads; all others belong to the repo. Times in seconds, 0: none."""

    git_url: str
    revision: str
    revision_key: str
    code_config: str = ""
    git_subdir: str = ""
    git_submodules: str = "auto"
    git_lfs: str = "auto"
    git_patch: str = ""
    entrypoint: str = ""
    requirements: str = ""
    lock: str = ""
    pypi_mirror: str = ""
    extra_index_url: tuple[str, ...] = ()
    resolver: str = "uv"
    resolve_as_of: str = ""
    allow_framework_override: bool = False
    stop_grace_s: float = 10.0
    stall_timeout_s: float = 0.0
    max_duration_s: float = 0.0
    retries: int = 0
    retry_on: tuple[str, ...] = RETRY_CLASSES
    log_quota_mb: float = 1024.0
    record_content_hashes: bool = False


class Earlier(NamedTuple):
    """The results that stood in /out before the job: each file's stamp by its path, and what result.yaml said."""

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


class RepoSettings(NamedTuple):
    """The repo's ``live-code.yaml``. ``entrypoint``: task → command line or file; the key '' stands for every task."""

    entrypoint: Mapping[str, str] = {}
    requirements: str = ""
    code_config: str = ""
    python: str = ""
    launcher: str = ""


class Merged(NamedTuple):
    """The hyper-parameters as the job sees them, where each value came from, and the layers that were merged."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    layers: Mapping[str, Mapping[str, Any]] = {}


class Folders(NamedTuple):
    """The command line's view of a task: its folders, and an env.yaml that lies elsewhere ('' : in the folder)."""

    in_dir: Path | None = None
    out_dir: Path | None = None
    env_file: Path | None = None


def load(folders: Folders, environ: Mapping[str, str]) -> TaskConfig:
    """Reads a task folder. Raises ConfigError with one clear line for whatever is missing or makes no sense."""
    env_file = _env_file(folders, environ)
    env = read_mapping(env_file, hint=_env_hint(folders))
    paths = _path_map(env, folders)
    mapped = paths(env)
    inputs = _section(mapped, "input", paths(dict(protocol.INPUT_DEFAULTS)), env_file)
    outputs = _section(mapped, "output", paths(dict(protocol.OUTPUT_DEFAULTS)), env_file)
    config_file = _config_file(folders, environ, inputs)
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
    """Where ``/out`` is, known before anything is read: an early failure has to be told there."""
    return folders.out_dir.absolute() if folders.out_dir else Path(protocol.OUTPUT_DEFAULTS["root_dir"])


def read_request(task: TaskConfig) -> Request:
    """The executor's own hyper-parameters, typed. Values may be strings, as a web form sends them."""
    values = {**task.template, **task.given}
    git_url = _text(values, "git_url")
    if not git_url:
        raise ConfigError(
            "git_url is missing from the hyper-parameters.",
            hint=f"{_meant(values, ('git_url',))}Set it to the repository to run.",
        )
    key, revision = _revision(values)
    retries, retry_on = _retries(values.get("retries"))
    return Request(
        git_url=git_url,
        revision=revision,
        revision_key=key,
        code_config=_text(values, "code_config"),
        git_subdir=_text(values, "git_subdir"),
        git_submodules=_choice(values, "git_submodules", ("auto", "on", "off")),
        git_lfs=_choice(values, "git_lfs", ("auto", "on", "off")),
        git_patch=_text(values, "git_patch"),
        entrypoint=_text(values, "entrypoint"),
        requirements=_text(values, "requirements"),
        lock=_text(values, "lock"),
        pypi_mirror=_text(values, "pypi_mirror"),
        extra_index_url=tuple(_text(values, "extra_index_url").replace(",", " ").split()),
        resolver=_choice(values, "resolver", ("uv", "pip-tools")),
        resolve_as_of=_text(values, "resolve_as_of"),
        allow_framework_override=as_bool(values.get("allow_framework_override"), "allow_framework_override"),
        stop_grace_s=_seconds(values, "stop_grace_s", 10.0),
        stall_timeout_s=_seconds(values, "stall_timeout_s", 0.0),
        max_duration_s=_seconds(values, "max_duration_s", 0.0),
        retries=retries,
        retry_on=retry_on,
        log_quota_mb=_seconds(values, "log_quota_mb", 1024.0),
        record_content_hashes=as_bool(values.get("record_content_hashes"), "record_content_hashes"),
    )


def read_repo_settings(root: Path) -> RepoSettings:
    """The repo's ``live-code.yaml``, or the defaults when it has none. Raises ConfigError."""
    path = root / REPO_FILE
    if not path.exists():
        return RepoSettings()
    values = read_mapping(
        inside(root, REPO_FILE, "the repo's settings"), hint="Correct it in the repo.", name=REPO_FILE
    )
    unknown = sorted(set(values) - set(RepoSettings._fields))
    if unknown:
        raise _unknown(unknown)
    entry = values.get("entrypoint") or {}
    if not isinstance(entry, dict):
        entry = {"": entry}
    if wrong := sorted(str(task) for task in set(entry) - {"", *protocol.TASKS}):
        raise ConfigError(
            f"{REPO_FILE} names an entrypoint for {wrong[0]!r}.", hint=f"Tasks are {', '.join(protocol.TASKS)}."
        )
    return RepoSettings(
        entrypoint={task: command for task in entry if (command := _text(entry, task, REPO_FILE))},
        **{key: _text(values, key, REPO_FILE) for key in RepoSettings._fields if key != "entrypoint"},
    )


def _unknown(keys: list[str]) -> ConfigError:
    what = "a key that is" if len(keys) == 1 else "keys that are"
    close = "".join(f"{key}: is it {near}? " for key in keys if (near := nearest(key, RepoSettings._fields)))
    return ConfigError(
        f"{REPO_FILE} has {what} not known: {', '.join(keys)}.",
        hint=f"{close}Known keys: {', '.join(RepoSettings._fields)}.",
    )


def merge(task: TaskConfig, request: Request, repo: RepoSettings, root: Path) -> Merged:
    """Image template < the repo's ``code_config`` < config.yaml. Raises ConfigError."""
    name = request.code_config or repo.code_config
    defaults = read_defaults(root, name, "config.yaml" if request.code_config else REPO_FILE) if name else {}
    layers = (("template", task.template), (name, task.paths(defaults)), ("config.yaml", task.given))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    return Merged(values, origins, {"template": task.template, "code_config": layers[1][1], "config.yaml": task.given})


def read_defaults(root: Path, name: str, origin: str = REPO_FILE) -> dict[str, Any]:
    """The hyper-parameters of the repo's file that ``code_config`` in ``origin`` names. Raises ConfigError."""
    path = inside(root, name, "code_config")
    if not path.is_file():
        raise ConfigError(
            f"code_config ({origin}) names {name}, which is no file of this commit.",
            hint=f"{is_it(name, names(root))}{_CODE_CONFIG_HINT}",
        )
    return read_mapping(path, hint=_CODE_CONFIG_HINT, name=name)


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


def _env_file(folders: Folders, environ: Mapping[str, str]) -> Path:
    if folders.env_file:
        return folders.env_file
    if folders.in_dir:
        return folders.in_dir / "env.yaml"
    return Path(environ.get(protocol.ENV_FILE_VARIABLE) or protocol.DEFAULT_ENV_FILE)


def _env_hint(folders: Folders) -> str:
    if folders.env_file:
        return "--env names it; a relative path counts from the current folder."
    if folders.in_dir and (folders.in_dir / "in" / "env.yaml").is_file():
        return f"There is one in {folders.in_dir / 'in'}: name that with --in."
    if folders.in_dir:
        return "--in has to name a task folder, which holds it; --env names one that lies elsewhere."
    return "The platform writes it; on a laptop name the task folder with --in."


def _config_file(folders: Folders, environ: Mapping[str, str], inputs: Mapping[str, str]) -> Path:
    if not folders.in_dir and (moved := environ.get(protocol.CONFIG_FILE_VARIABLE)):
        return Path(moved)
    return Path(inputs["config_file"])


def _path_map(env: Mapping[str, Any], folders: Folders) -> PathMap:
    pairs: list[tuple[str, str]] = []
    sides = (("input", protocol.INPUT_DEFAULTS, folders.in_dir), ("output", protocol.OUTPUT_DEFAULTS, folders.out_dir))
    for section, defaults, here in sides:
        if here is None:
            continue
        named = env.get(section)
        root = str((named.get("root_dir") if isinstance(named, dict) else "") or defaults["root_dir"])
        for there in dict.fromkeys((root, defaults["root_dir"])):
            if there != os.fspath(here.absolute()):
                pairs.append((there, os.fspath(here.absolute())))
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


def _revision(values: Mapping[str, Any]) -> tuple[str, str]:
    found = {key: text for key in REVISION_KEYS if (text := _text(values, key))}
    for key in found:
        if isinstance(values[key], int):  # YAML reads 0123456 as an octal number: the id would silently be another
            raise ConfigError(f"{key} is the number {values[key]}, which is no text.", hint="Write it in quotes.")
    if not found:
        raise ConfigError(
            "no revision is given: none of " + ", ".join(REVISION_KEYS) + " is set.",
            hint=f"{_meant(values, REVISION_KEYS)}Set git_branch to the commit id to run.",
        )
    if len(set(found.values())) > 1:
        said = ", ".join(f"{key}={text}" for key, text in found.items())
        raise ConfigError(f"the hyper-parameters name different revisions: {said}.", hint="Set one of them only.")
    return next(iter(found.items()))


def _meant(values: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    """The keys that may be meant for one of those that are wanted, as questions."""
    own = {*Request._fields, *REVISION_KEYS, *PLATFORM_KEYS}
    return "".join(f"{key}: is it {near}? " for key in values if key not in own and (near := nearest(key, wanted)))


def _text(values: Mapping[str, Any], key: str, file: str = "") -> str:
    value = values.get(key)
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    if isinstance(value, (dict, list, float, bool)):
        raise ConfigError(
            f"{key}{' in ' * bool(file)}{file} is {value!r}, which is no text.",
            hint="Write it in quotes.",
        )
    return str(value).strip()


def _choice(values: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = values.get(key)
    if isinstance(value, bool):  # YAML reads on and off as true and false
        value = "on" if value else "off"
    word = "" if value is None else str(value).strip().lower()
    if not word:
        return choices[0]
    if word not in choices:
        raise ConfigError(f"{key} is {value!r}.", hint=f"It is one of {', '.join(choices)}.")
    return word


def _retries(value: Any) -> tuple[int, tuple[str, ...]]:
    """``{max: 2, on: [network]}``; a number alone is the maximum for every class."""
    given = value if isinstance(value, dict) else {"max": value}
    # YAML reads the key `on` as true
    named = given.get("on", given.get(True, RETRY_CLASSES))
    classes = tuple(named) if isinstance(named, (list, tuple)) else tuple(str(named).split())
    count = str(given.get("max") or 0).strip()
    if not count.isdigit() or set(classes) - set(RETRY_CLASSES) or set(given) - {"max", "on", True}:
        raise ConfigError(
            f"retries is {value!r}.",
            hint=f"Write a number, or {{max: 2, on: [{', '.join(RETRY_CLASSES)}]}} with one of these or both.",
        )
    return int(count), classes


def _seconds(values: Mapping[str, Any], key: str, default: float) -> float:
    value = values.get(key)
    if value is None or value == "":
        return default
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"{key} is {value!r}, which is no number of seconds.", hint="Write a number, 0 for none.")
    return seconds
