"""Which requirements a task has, and the texts of all files that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from live_code import files
from live_code.errors import ConfigError, RequirementsError

DEFAULTS = ("extra-requirements.txt", "requirements.txt")
_INCLUDE = re.compile(r"\s*(?:-[rc](?:\s+|=)?|--(?:requirement|constraint)(?:\s+|=))(?P<name>\S+)")


class Chosen(NamedTuple):
    """The requirements files, relative to the root, and where their choice comes from; none is an empty choice."""

    files: tuple[str, ...]
    origin: str


class Text(NamedTuple):
    """One file of the closure: its name relative to the root, and what stands in it."""

    name: str
    text: str


def choose(root: Path, by_config: str, by_repo: str) -> Chosen:
    """The config's choice, else the repo's, else the file that live repos use, else none. Raises ConfigError."""
    for named, origin in ((by_config, "config.yaml"), (by_repo, "live-code.yaml")):
        if named:
            return Chosen(tuple(_existing(root, name, origin) for name in named.replace(",", " ").split()), origin)
    for name in DEFAULTS:
        if (root / name).exists():
            return Chosen((_existing(root, name, "the repo"),), name)
    return Chosen((), "")


def closure(root: Path, chosen: Chosen) -> tuple[Text, ...]:
    """The texts of the chosen files and all that they include. Raises ConfigError, RequirementsError."""
    texts: dict[str, Text] = {}
    for name in chosen.files:
        _collect(root.resolve(), name, texts, ())
    return tuple(texts.values())


def _existing(root: Path, name: str, origin: str) -> str:
    path = files.inside(root, name, "requirements")
    if not path.is_file():
        raise ConfigError(
            f"requirements names {name}, which is no file of this commit.", hint=f"Correct it in {origin}."
        )
    return name


def _collect(root: Path, name: str, texts: dict[str, Text], path: tuple[str, ...]) -> None:
    if name in path:
        circle = " → ".join((*path[path.index(name) :], name))
        raise RequirementsError(f"requirements files include each other in a circle: {circle}.", hint="Break it.")
    if name in texts:
        return
    file = files.inside(root, name, "requirements")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        where = f", included by {path[-1]}" if path else ""
        raise RequirementsError(f"the requirements file {name}{where} can't be read: {error}.") from error
    texts[name] = Text(name, text)
    for included in _included(name, text):
        beside = (file.parent / included).resolve()
        if not beside.is_relative_to(root):
            raise ConfigError(f"{name} includes {included}, which leaves the repo.", hint="Keep it in the repo.")
        _collect(root, beside.relative_to(root).as_posix(), texts, (*path, name))


def _included(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _INCLUDE.match(line):
            if "://" in match["name"]:
                raise RequirementsError(
                    f"{name}:{number} includes {match['name']} from the network, where it may change.",
                    hint="Copy it into the repo.",
                )
            yield match["name"]
