"""The hyper-parameters that the executor itself reads: one table of names, forms, defaults and meanings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import ConfigError, nearest
from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import PLATFORM_KEYS, TaskConfig, as_bool
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # Takes all hyper-parameters and the name of one; raises ConfigError.
    Reader = Callable[[Mapping[str, Any], str], Any]

# The platform's form sends `git_branch`; the others are what people call it. All mean: the revision to run.
REVISION_KEYS = ("commit", "git_commit", "git_tag", "git_revision", "git_branch")

# Causes of a failure that may pass by themselves; `retries` names those for which the job is started again.
RETRY_CLASSES = ("network", "infrastructure")


class Key(NamedTuple):
    """A hyper-parameter of the executor. ``meaning``: Markdown, for the tables of the documentation. ``fields``: those
    of ``Request`` that it fills; none: the one of its own name."""

    name: str
    read: Reader
    meaning: str
    fields: tuple[str, ...] = ()


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
    entrypoint: str | Mapping[str, str] = ""
    requirements: str = ""
    extra_requirements: str = ""
    constraints: str = ""
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
    keep_work: float = 1024.0
    record_content_hashes: bool = False


def read(task: TaskConfig) -> Request:
    """The executor's own, typed. Values may be strings, as a web form sends them. Raises ConfigError."""
    values = {**task.template, **task.given}
    fields: dict[str, Any] = {}
    for key in KEYS:
        value = key.read(values, key.name)
        fields.update(zip(key.fields or (key.name,), value if key.fields else (value,), strict=True))
    for name in ("extra_requirements", "constraints"):
        if fields[name]:
            fields[name] = _task_text(fields[name], name, task)
    return Request(**fields)


def _task_text(value: str, key: str, task: TaskConfig) -> str:
    from live_code.tools.packages.forms import task_texts  # few tasks have them

    return task_texts.read(value, key, Path(task.paths("/in")))


def _git_url(values: Mapping[str, Any], key: str) -> str:
    git_url = text(values, key)
    if not git_url:
        raise ConfigError(
            "git_url is missing from the hyper-parameters.",
            hint=f"{_meant(values, (key,))}Set it to the repository to run.",
        )
    return git_url


def _revision(values: Mapping[str, Any], _: str) -> tuple[str, str]:
    """The revision, and the key that names it."""
    named = {key: revision for key in REVISION_KEYS if (revision := text(values, key))}
    for key in named:
        if isinstance(values[key], int):  # YAML reads 0123456 as an octal number: the id would silently be another
            raise ConfigError(f"{key} is the number {values[key]}, which is no text.", hint="Write it in quotes.")
    if not named:
        raise ConfigError(
            "no revision is given: none of " + ", ".join(REVISION_KEYS) + " is set.",
            hint=f"{_meant(values, REVISION_KEYS)}Set git_branch to the commit id to run.",
        )
    if len(set(named.values())) > 1:
        different = ", ".join(f"{key}={revision}" for key, revision in named.items())
        raise ConfigError(f"the hyper-parameters name different revisions: {different}.", hint="Set one of them only.")
    key, revision = next(iter(named.items()))
    return revision, key


def _meant(values: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    """The keys that may be meant for one of those that are wanted, as questions."""
    own = {*Request._fields, *REVISION_KEYS, *PLATFORM_KEYS}
    return "".join(f"{key}: is it {near}? " for key in values if key not in own and (near := nearest(key, wanted)))


def text(values: Mapping[str, Any], key: str, file: str = "") -> str:
    """A value as text, '' when there is none; a list of words is joined. Raises ConfigError."""
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


def _lines(values: Mapping[str, Any], key: str) -> str:
    """A text of lines; a list has one in each item."""
    value = values.get(key)
    if isinstance(value, list):
        return "\n".join(text({key: item}, key) for item in value)
    return text(values, key)


def _entrypoint(values: Mapping[str, Any], key: str) -> str | dict[str, str]:
    """A command, or one for each task."""
    value = values.get(key)
    if not isinstance(value, dict):
        return text(values, key)
    if wrong := set(map(str, value)) - set(protocol.TASKS):
        raise ConfigError(f"{key} names {sorted(wrong)[0]!r}.", hint=f"Tasks are {', '.join(protocol.TASKS)}.")
    return {str(task): command for task in value if (command := text(value, task, key))}


def _words(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Words between which commas or spaces stand."""
    return tuple(text(values, key).replace(",", " ").split())


def _switch(values: Mapping[str, Any], key: str) -> bool:
    return as_bool(values.get(key), key)


def _one_of(*choices: str) -> Reader:
    """Reads one of the words; the first is the default."""

    def read_choice(values: Mapping[str, Any], key: str) -> str:
        value = values.get(key)
        if isinstance(value, bool):  # YAML reads on and off as true and false
            value = "on" if value else "off"
        word = "" if value is None else str(value).strip().lower()
        if not word:
            return choices[0]
        if word not in choices:
            raise ConfigError(f"{key} is {value!r}.", hint=f"It is one of {', '.join(choices)}.")
        return word

    return read_choice


def _retries(values: Mapping[str, Any], key: str) -> tuple[int, tuple[str, ...]]:
    """``{max: 2, on: [network]}``; a number alone is the maximum for every class."""
    value = values.get(key)
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


def _number(unit: str) -> Reader:
    """Reads a number that is not negative; ``unit``: what it counts."""

    def read_number(values: Mapping[str, Any], key: str) -> float:
        value = values.get(key)
        if value is None or value == "":
            default: float = Request._field_defaults[key]
            return default
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number < math.inf:
            raise ConfigError(f"{key} is {value!r}, which is no number of {unit}.", hint="Write a number, 0 for none.")
        return number

    return read_number


_AUTO_ON_OFF = _one_of("auto", "on", "off")
_SECONDS = _number("seconds")

# All of them, in the order in which the README has them.
KEYS = (
    Key("git_url", _git_url, "the repository: `https://`, `ssh://`, `git@host:path`; on a laptop also a folder"),
    Key(
        "git_branch",
        _revision,
        "the commit id to run; a tag is fine; a branch runs as it is now, with a warning. `commit`, `git_commit`,"
        " `git_tag` and `git_revision` mean the same",
        fields=("revision", "revision_key"),
    ),
    Key("code_config", text, "a YAML file of the repository with defaults for the hyper-parameters"),
    Key("git_subdir", text, "the folder of the repository that is run, in place of its root"),
    Key("git_submodules", _AUTO_ON_OFF, "submodules: `auto` fetches them where the commit has any; `on`, `off`"),
    Key("git_lfs", _AUTO_ON_OFF, "files of Git LFS: `auto` fetches them where the commit has any; `on`, `off`"),
    Key("git_patch", text, "a patch file in `/in`, applied to the work tree"),
    Key(
        "entrypoint",
        _entrypoint,
        "the command to run, in place of the one that the repository names; or a command for each task, like"
        " `{training: train.py}`",
    ),
    Key(
        "requirements",
        text,
        "the requirements to install, in place of those that the repository names; `none` for nothing",
    ),
    Key(
        "extra_requirements",
        _lines,
        "requirements to install besides those of the repository: lines, or a file in `/in`",
    ),
    Key("constraints", _lines, "ranges that all packages have to stay in: lines, or a file in `/in`"),
    Key("lock", text, "a lock of an earlier run, installed as it is"),
    Key("pypi_mirror", text, "the package index; of several, those that follow take the place of one that is down"),
    Key("extra_index_url", _words, "further package indexes; the best version of all wins"),
    Key("resolver", _one_of("uv", "pip-tools"), "what chooses the packages: `uv` or `pip-tools`"),
    Key("resolve_as_of", text, "a date, or `commit`: packages as the index had them then"),
    Key("allow_framework_override", _switch, "let the requirements replace the image's torch or mxnet"),
    Key("stop_grace_s", _SECONDS, "seconds between the request to stop and the end"),
    Key("stall_timeout_s", _SECONDS, "seconds without any sign of work after which the job is ended; 0: no limit"),
    Key("max_duration_s", _SECONDS, "seconds that the job may take in all; 0: no limit"),
    Key(
        "retries",
        _retries,
        "how often the job is started again, and after what: `{max: 2, on: [network, infrastructure]}`",
        fields=("retries", "retry_on"),
    ),
    Key("log_quota_mb", _number("MB"), "how much of the job's output `job.log` keeps, in MB"),
    Key(
        "keep_work",
        _number("MB"),
        "how much of what a job wrote into its work tree is kept in `/out/live-code/work` when it failed or left no"
        " results, in MB",
    ),
    Key("record_content_hashes", _switch, "hash each image and annotation into the record, too"),
)
