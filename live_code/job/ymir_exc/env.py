"""The task as the platform describes it in ``env.yaml``, and its hyper-parameters.

Both files are read again when they change, so a test that patches ``settings`` or rewrites a file sees it at once.
"""

from __future__ import annotations

import os
from enum import IntEnum

from . import protocol, settings
from ._record import Record, ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple, TypeVar

    Stamp = Tuple[str, str, int, int, int]
    Section = TypeVar("Section", bound=Record)


class DatasetType(IntEnum):
    UNKNOWN = 1
    TRAINING = 2
    VALIDATION = 3
    CANDIDATE = 4


class EnvInputConfig(Record):
    root_dir: str
    assets_dir: str
    annotations_dir: str
    models_dir: str
    training_index_file: str
    val_index_file: str
    candidate_index_file: str
    config_file: str

    __slots__ = _fields = tuple(protocol.INPUT_DEFAULTS)

    def __init__(self, **values: Any) -> None:
        for name, default in {**protocol.INPUT_DEFAULTS, "config_file": settings.DEFAULT_CONFIG_FILE_PATH}.items():
            setattr(self, name, _text(self, name, values.get(name), default))


class EnvOutputConfig(Record):
    root_dir: str
    models_dir: str
    tensorboard_dir: str
    training_result_file: str
    mining_result_file: str
    infer_result_file: str
    monitor_file: str
    executor_log_file: str

    __slots__ = _fields = tuple(protocol.OUTPUT_DEFAULTS)

    def __init__(self, **values: Any) -> None:
        for name, default in protocol.OUTPUT_DEFAULTS.items():
            setattr(self, name, _text(self, name, values.get(name), default))


class EnvConfig(Record):
    task_id: str
    protocol_version: str
    run_training: bool
    run_mining: bool
    run_infer: bool
    manifest_file: str
    input: EnvInputConfig
    output: EnvOutputConfig

    __slots__ = _fields = (
        "task_id",
        "protocol_version",
        "run_training",
        "run_mining",
        "run_infer",
        "manifest_file",
        "input",
        "output",
    )

    def __init__(self, **values: Any) -> None:
        get = values.get
        self.task_id = _text(self, "task_id", get("task_id"), protocol.DEFAULT_TASK_ID)
        self.protocol_version = _text(
            self, "protocol_version", get("protocol_version"), protocol.DEFAULT_PROTOCOL_VERSION
        )
        self.run_training = _truth(self, "run_training", get("run_training"))
        self.run_mining = _truth(self, "run_mining", get("run_mining"))
        self.run_infer = _truth(self, "run_infer", get("run_infer"))
        self.manifest_file = _text(self, "manifest_file", get("manifest_file"), "/img-man/manifest.yaml")
        self.input = _section(EnvInputConfig, get("input"))
        self.output = _section(EnvOutputConfig, get("output"))


def get_current_env() -> EnvConfig:
    """A fresh copy of the task's description: changing it changes nothing else.

    Raises FileNotFoundError when ``settings.DEFAULT_ENV_FILE_PATH`` is not there, ValueError when it can't be read.
    """
    return _current_env().copy(deep=True)


def get_executor_config() -> Dict[str, Any]:
    """The hyper-parameters. Raises FileNotFoundError or ValueError like :func:`get_current_env`."""
    return _read_mapping(_config_file(), "hyper-parameters")


_known: Dict[Stamp, EnvConfig] = {}


def _current_env() -> EnvConfig:
    """The same, shared and read only when the file changed: what is called for every progress line."""
    path = settings.DEFAULT_ENV_FILE_PATH
    try:
        stat = os.stat(path)
    except OSError as error:
        raise type(error)(error.errno, f"no task description: {error.strerror}", str(path)) from error
    stamp = (str(path), settings.DEFAULT_CONFIG_FILE_PATH, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    if stamp not in _known:
        config = EnvConfig.parse_obj(_read_mapping(path, "task description"))
        _known.clear()
        _known[stamp] = config
    return _known[stamp]


def _config_file() -> str:
    """An env.yaml that was assigned wins over everything; an assigned config file stands where env.yaml names none."""
    if settings.env_file_is_patched():
        return _current_env().input.config_file
    merged = os.environ.get(protocol.MERGED_CONFIG_VARIABLE)
    if merged or os.environ.get(protocol.CONFIG_FILE_VARIABLE):
        return merged or settings.DEFAULT_CONFIG_FILE_PATH
    return _current_env().input.config_file


def _config_is_merged() -> bool:
    merged = os.environ.get(protocol.MERGED_CONFIG_VARIABLE)
    return bool(merged) and _config_file() == merged


def _read_mapping(path: str, subject: str) -> Dict[str, Any]:
    import yaml

    with open(path, encoding="utf-8-sig") as file:
        try:
            content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both are safe)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValidationError(f"{path}: the {subject} are not valid YAML: {error}") from error
    if content is None:
        raise ValidationError(f"{path}: the {subject} file is empty")
    if not isinstance(content, dict):
        raise ValidationError(f"{path}: the {subject} must be a mapping of keys to values, not {str(content)[:80]!r}")
    return content


def _section(kind: type[Section], value: object) -> Section:
    return kind.parse_obj({} if value is None else value)


def _text(owner: Record, name: str, value: object, default: str) -> str:
    if value is None:
        return default
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    if hasattr(value, "__fspath__"):
        return str(os.fspath(value))
    raise ValidationError(f"{type(owner).__name__}.{name} must be text, not {value!r}")


_TRUTHS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", "", "none"), False),
}


def _truth(owner: Record, name: str, value: object) -> bool:
    known = _TRUTHS.get(str(value).strip().lower())
    if known is None:
        raise ValidationError(f"{type(owner).__name__}.{name} must be true or false, not {value!r}")
    return known
