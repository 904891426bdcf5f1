"""The block `# /// script` of a Python file (PEP 723): what the script needs, as lines of requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from live_code.errors import RequirementsError
from live_code.tools.packages.forms import project_python

_BLOCK = re.compile(r"^# /// (?P<type>[A-Za-z0-9-]+)[ \t]*\r?$\n(?P<content>(?:^#(?:| .*)\r?$\n?)+)", re.MULTILINE)
_END = re.compile(r"(?m)^# ///[ \t]*\r?$")


def block(source: str) -> str:
    """All up to the end of the block, so that its lines keep their numbers; '' where there is none."""
    if "# /// script" not in source:
        return ""
    for match in _BLOCK.finditer(source):
        ends = list(_END.finditer(source, match.start("content"), match.end()))
        if match["type"] == "script" and ends:
            return "\n" * source.count("\n", 0, match.start()) + source[match.start() : ends[-1].end()] + "\n"
    return ""


def lines(text: str, name: str) -> list[tuple[int, str]]:
    """The dependencies, each with the number of its line. Raises RequirementsError."""
    listed = read(text, name).get("dependencies", [])
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise RequirementsError(f"the script block of {name} has dependencies that are no list of texts.", hint=_HINT)
    return list(_numbered(text, listed))


def read(text: str, name: str) -> dict[str, Any]:
    """What the block holds. Raises RequirementsError."""
    inner = [line[2:] if line.startswith("# ") else line[1:] for line in text.strip().splitlines()[1:-1]]
    try:
        return project_python.read_toml("\n".join(inner) + "\n")
    except ValueError as error:
        raise RequirementsError(f"the script block of {name} can't be read: {error}.", hint=_HINT) from error


def _numbered(text: str, listed: list[str]) -> Iterator[tuple[int, str]]:
    """The entries where they stand: each behind the one before it."""
    numbered = list(enumerate(text.splitlines(), 1))
    at = next((number for number, line in numbered if re.match(r"#\s*dependencies\b", line)), 1)
    for item in listed:
        at = next((number for number, line in numbered if number >= at and item in line), at)
        yield at, item


_HINT = "Correct the block: it is TOML, as PEP 723 has it."
