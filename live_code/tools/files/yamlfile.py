"""YAML files that hold a mapping: read with errors that name file and line, written in the order of their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import ConfigError
from live_code.tools import files
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class _WhenUsed:
    """A pattern that is compiled when it is used."""

    def __init__(self, *words: Any) -> None:
        self._words = words

    def __getattr__(self, name: str) -> Any:
        return getattr(_compile(*self._words), name)


# A fifth of what a start loads is one pattern of PyYAML, which only its loader without libyaml needs. There is nothing
# smaller to import: libyaml's parser needs the whole package, which compiles the pattern when it is imported.
_compile = re.compile
re.compile = _WhenUsed  # type: ignore[assignment]
try:
    import yaml
finally:
    re.compile = _compile


def read_mapping(path: Path, *, hint: str, name: str = "") -> dict[str, Any]:
    """A YAML file that holds a mapping (an empty one counts as {}). Raises ConfigError naming file and line.

    ``name``: what its reader knows it by, when that is not its path. ``hint``: what to do when there is no mapping.
    """
    name = name or str(path)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as file:
            value = yaml.load(file, loader)  # noqa: S506 - it is a safe loader
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror}.", hint=hint) from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).replace(str(path), name).split())
        raise ConfigError(f"{name} is not valid YAML: {reason}.", hint="Correct it there.") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name} holds a {type(value).__name__}, not a mapping of keys to values.", hint=hint)
    return {str(key): item for key, item in value.items()}


def write_mapping(path: Path, values: Mapping[str, Any]) -> None:
    """Replaces the file at once. Raises OSError."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    files.write_text(path, yaml.dump(dict(values), Dumper=dumper, sort_keys=False, allow_unicode=True))


def nodes(text: str, name: str) -> Any:
    """What stands in a YAML text as its nodes, each with the line that it begins on; None for an empty one.

    Raises ConfigError.
    """
    try:
        return yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split()).replace('"<unicode string>"', name)
        raise ConfigError(f"{name} is not valid YAML: {reason}.", hint="Correct it there.") from error
