"""A file that is no plain list of requirements, or has lines that not all resolvers read → a list that all do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from live_code.errors import RequirementsError
from live_code.tools.packages.forms import conda, pip_form, script_block
from live_code.values import NamedTuple


class Entry(NamedTuple):
    """A requirement, or a line of options, with the first and the last line of the file that it stands on, from 1."""

    first: int
    last: int
    words: str


class Whole(NamedTuple):
    """A file in one form; what to tell of it; what builds are given."""

    text: str
    notes: tuple[str, ...]
    settings: tuple[str, ...]


def of_conda(source: str, name: str) -> list[Entry]:
    """Raises ConfigError."""
    return _placed(conda.lines(source, name))


def of_script(source: str, name: str) -> tuple[list[Entry], str]:
    """The entries of its block, and the block. Raises RequirementsError."""
    block = script_block.block(source)
    if not block:
        raise RequirementsError(
            f"{name} has no block of requirements (# /// script).", hint="Add one, or name a requirements file."
        )
    return _placed(script_block.lines(block, name)), block


def _placed(numbered: list[tuple[int, str]]) -> list[Entry]:
    """Each on the line where it stands, or the next that is free."""
    entries: list[Entry] = []
    for number, words in numbered:
        free = max(number, entries[-1].last + 1 if entries else 1)
        entries.append(Entry(free, free, words))
    return entries


def whole(
    entries: list[Entry], lines: list[str], name: str, root: Path, folder: Path, find: Callable[..., str]
) -> Whole:
    """The file with these entries in one form; all other lines stay. ``find``: see ``pip_form.Place``."""
    physical = [*lines, *[""] * ((entries[-1].last if entries else 0) - len(lines))]
    further: list[str] = []
    notes: list[str] = []
    settings: list[str] = []
    for first, last, words in entries:
        line = f"{name}:{first}"
        form = pip_form.form(words, pip_form.Place(line, root, folder, partial(find, line=line)))
        physical[first - 1 : last] = [form.text, *[""] * (last - first)]
        further += form.further
        notes += form.notes
        settings += form.settings
    text = "".join(f"{words}\n" for words in (*physical, *further))
    return Whole(text, tuple(notes), tuple(settings))
