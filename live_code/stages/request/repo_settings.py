"""The repository's own settings: its live-code.yaml, and its defaults merged under the task's hyper-parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import ConfigError, is_it, nearest
from live_code.job.ymir_exc import protocol
from live_code.stages.request.hyperparameters import Request, text
from live_code.stages.request.task_config import TaskConfig
from live_code.tools.files import inside, names
from live_code.tools.files.yamlfile import read_mapping
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

REPO_FILE = "live-code.yaml"
# What is started where nobody names an entrypoint.
CLASSIC_ENTRYPOINTS = ("start.py", "ymir/start.py")
_CODE_CONFIG_HINT = "Name a YAML file of this commit in code_config, or leave it empty."


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


NO_PARAMETERS = Merged({}, {})


def read(root: Path) -> RepoSettings:
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
        entrypoint={task: command for task in entry if (command := text(entry, task, REPO_FILE))},
        **{key: text(values, key, REPO_FILE) for key in RepoSettings._fields if key != "entrypoint"},
    )


def _unknown(keys: list[str]) -> ConfigError:
    subject = "a key that is" if len(keys) == 1 else "keys that are"
    close = "".join(f"{key}: is it {near}? " for key in keys if (near := nearest(key, RepoSettings._fields)))
    return ConfigError(
        f"{REPO_FILE} has {subject} not known: {', '.join(keys)}.",
        hint=f"{close}Known keys: {', '.join(RepoSettings._fields)}.",
    )


def merge(task: TaskConfig, request: Request, repo: RepoSettings, root: Path) -> Merged:
    """Image template < the repo's ``code_config`` < config.yaml. Raises ConfigError.

    The form sends an empty ``code_config`` for none. Published repos open whatever the key holds, so there is no such
    key then; where live-code.yaml names the file, it does.
    """
    name = request.code_config or repo.code_config
    defaults = read_defaults(root, name, "config.yaml" if request.code_config else REPO_FILE) if name else {}
    layers = (("template", task.template), (name, task.paths(defaults)), ("config.yaml", task.given))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    if not str(values.get("code_config") or "").strip():
        values.pop("code_config", None)
        origins.pop("code_config", None)
        if name:
            values["code_config"], origins["code_config"] = name, REPO_FILE
    return Merged(values, origins, {"template": task.template, "code_config": layers[1][1], "config.yaml": task.given})


def read_defaults(root: Path, name: str, origin: str = REPO_FILE) -> dict[str, Any]:
    """The hyper-parameters of the repo's file that ``code_config`` in ``origin`` names. Raises ConfigError."""
    path = inside(root, name, "code_config")
    if not path.is_file():
        raise ConfigError(
            f"code_config ({origin}) names {name}, which is no file of this commit.",
            hint=f"{_proposal(name, path.is_dir(), root)}{_CODE_CONFIG_HINT}",
        )
    return read_mapping(path, hint=_CODE_CONFIG_HINT, name=name)


def _proposal(name: str, is_folder: bool, root: Path) -> str:
    """A YAML file that may have been meant: of a folder that was named, else one nearly named so."""
    written = [file for file in names(root) if file.endswith((".yaml", ".yml"))]
    if not is_folder:
        return is_it(name, written)
    place = os.path.normpath(name)
    within = [file for file in written if place == os.curdir or file.startswith(f"{place}/")]
    return f"It is a folder with {', '.join(within[:3])}{', …' * (len(within) > 3)}. " if within else "It is a folder. "
