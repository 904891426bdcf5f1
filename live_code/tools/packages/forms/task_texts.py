"""Requirements and constraints that the task itself gives: as text, or as a file in /in."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.errors import ConfigError

_FILE = r"\S+\.(?:txt|in|lock)|/\S+"
# One requirement without spaces in it; a web form sends several in a line.
_WORD = r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?(?:(?:===|[=<>!~]=|[<>])[^\s,;]+(?:,(?:[=<>!~]=|[<>])[^\s,;]+)*)?"


def read(value: str, key: str, folder: Path) -> str:
    """The lines. ``value``: them, or a file's name, seen from ``folder``. Raises ConfigError."""
    if re.fullmatch(_FILE, value):
        try:
            return Path(folder, value).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(f"{key} names {value}, which can't be read: {why}.", hint="Put it into /in.") from error
    return "\n".join(part for line in value.splitlines() for part in _parts(line))


def _parts(line: str) -> list[str]:
    words = line.split()
    return words if all(re.fullmatch(_WORD, word) for word in words) else [line.strip()]
