"""The tables of settings in the pages, made from the program's own. `scripts/settings` writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from live_code.stages.request import hyperparameters
from live_code.stages.request.hyperparameters import Request
from live_code.tools.settings import table
from tests.support.docs.blocks import ROOT

_BLOCK = re.compile(r"(<!-- settings: (\w+) -->\n).*?(<!-- end of settings -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Each page that has such tables, with its text as it has to be."""
    found = {path: path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
    return {path: _BLOCK.sub(_filled, text) for path, text in found.items() if _BLOCK.search(text)}


def _filled(match: re.Match[str]) -> str:
    return match[1] + "\n" + "\n".join(TABLES[match[2]]()) + "\n\n" + match[3]


def of_hyperparameters() -> Iterator[str]:
    yield from ("| key | what it is | default |", "|---|---|---|")
    for key in hyperparameters.KEYS:
        yield f"| `{key.name}` | {key.meaning} | {_shown(Request._field_defaults.get(key.name, ''))} |"


def of_variables(name: str) -> Callable[[], Iterator[str]]:
    def rows() -> Iterator[str]:
        yield from ("| variable | what it is | default |", "|---|---|---|")
        for variable in table.VARIABLES:
            if variable.table == name:
                yield f"| `{variable.name}` | {variable.meaning} | {_shown(variable.default)} |"

    return rows


def _shown(value: Any) -> str:
    if value in ("", ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "hyperparameters": of_hyperparameters,
    **{name: of_variables(name) for name in (table.PLACES, table.LOGINS, table.LIMITS, table.INDEXES, table.JOB)},
}

if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
