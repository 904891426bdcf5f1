"""Requirements and constraints that the task itself gives: as text, or as a file in /in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from live_code.errors import ConfigError

_FILE = r"\S+\.(?:txt|in|lock)|/\S+"
_INCLUDE = r"\s*(?:-(?P<short>[rc])|--(?P<long>requirement|constraint)\b)[\s=]*(?P<name>[^\s#]+)"
# One requirement without spaces in it; a web form sends several in a line.
_WORD = r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?(?:(?:===|[=<>!~]=|[<>])[^\s,;]+(?:,(?:[=<>!~]=|[<>])[^\s,;]+)*)?"


def read(value: str, key: str, folder: Path) -> str:
    """The lines, with those of files that they include in place: a lock is kept by what it was made from.

    ``value``: them, or a file's name, seen from ``folder``. Raises ConfigError.
    """
    if re.fullmatch(_FILE, value):
        return "\n".join(_lines_in(value, key, folder, ()))
    return "\n".join(part for line in _whole(value, key, folder, ()) for part in _parts(line))


def _lines_in(name: str, key: str, folder: Path, within: tuple[Path, ...]) -> Iterator[str]:
    path = Path(folder, name)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{key} names {name}, which can't be read: {why}.", hint="Put it into /in.") from error
    if path in within:
        raise ConfigError(f"{key} names {name}, which includes itself.", hint="Break the circle.")
    yield from _whole(text, key, path.parent, (*within, path))


def _whole(text: str, key: str, folder: Path, within: tuple[Path, ...]) -> Iterator[str]:
    for line in text.splitlines():
        included = re.match(_INCLUDE, line)
        if not included:
            yield line
        elif (included["short"] or included["long"])[0] == "c" and key != "constraints":
            raise ConfigError(
                f"{key} has {line.strip()}, which only bounds.", hint="Name that file in the key constraints."
            )
        else:
            yield from _lines_in(included["name"], key, folder, within)


def _parts(line: str) -> list[str]:
    words = line.split()
    return words if all(re.fullmatch(_WORD, word) for word in words) else [line.strip()]
