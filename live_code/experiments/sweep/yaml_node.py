"""A node of a YAML file, and plain values read there; what is wrong is named with file, line and a hint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from live_code.errors import ConfigError, nearest
from live_code.tools import sizes
from live_code.values import NamedTuple


class Node(NamedTuple):
    """A place in the file, to be named when something is wrong there."""

    path: Path
    lines: Mapping[tuple[str, ...], int]
    keys: tuple[str, ...] = ()

    def below(self, key: object) -> Node:
        return self._replace(keys=(*self.keys, str(key)))

    @property
    def name(self) -> str:
        return ".".join(self.keys) or "the file"

    def wrong(self, message: str, hint: str) -> NoReturn:
        nearest = next(self.keys[:end] for end in range(len(self.keys), -1, -1) if self.keys[:end] in self.lines)
        raise ConfigError(f"{self.path}:{self.lines[nearest]}: {message}", hint=hint)


def lines_of(path: Path) -> dict[tuple[str, ...], int]:
    """The line on which each key and each item of a list stands; the file as a whole on the first."""
    lines: dict[tuple[str, ...], int] = {}

    def visit(node: yaml.Node | None, keys: tuple[str, ...], line: int) -> None:
        lines[keys] = line
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                visit(value, (*keys, str(key.value)), key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                visit(value, (*keys, str(number)), value.start_mark.line + 1)

    visit(yaml.compose(path.read_text(encoding="utf-8")), (), 1)
    return lines


def require_known(node: Node, values: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in values:
        if str(key) not in known:
            close = nearest(str(key), known)
            hint = f"Is it {close!r}?" if close else f"Known here: {', '.join(known)}."
            node.below(key).wrong(f"{key!r} is not known.", hint)


def mapping(node: Node, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        node.wrong(f"{node.name} is {value!r}.", "Write a mapping of keys to values.")
    return value


def text(node: Node, value: Any) -> str:
    if not isinstance(value, str):
        node.wrong(f"{node.name} is {value!r}, which is no text.", "Write it in quotes.")
    return value.strip()


def count(node: Node, value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        node.wrong(f"{node.name} is {value!r}.", f"Write a whole number, {least} or more.")
    return value


def choice(node: Node, value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        node.wrong(f"{node.name} is {value!r}.", f"It is one of {', '.join(choices)}.")
    return str(value)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def amount(node: Node, value: Any) -> float:
    if not is_number(value) or value < 0 or (value > 1 and value != int(value)):
        node.wrong(f"{node.name} is {value!r}.", "Write a whole number, or a part of one below 1.")
    return float(value)


def size(node: Node, value: Any) -> int:
    try:
        bytes_ = sizes.parse(str(value))
    except ConfigError:
        bytes_ = -1
    if bytes_ < 0 or isinstance(value, (bool, float)):
        node.wrong(f"{node.name} is {value!r}.", "Write bytes, or a size like 8G.")
    return bytes_
