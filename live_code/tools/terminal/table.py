"""Rows of text in columns, for a terminal or a pipe."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

GAP = "  "


def lines(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str] = frozenset()) -> Iterator[str]:
    """Aligned lines, the head first. ``right``: names of the columns whose cells stand at their right edge."""
    cells = [head, *rows]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        yield GAP.join(_padded(cell, widths[column], head[column] in right) for column, cell in enumerate(row)).rstrip()


def width(text: str) -> int:
    """Columns that a terminal needs: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _padded(text: str, wanted: int, right: bool) -> str:
    room = " " * (wanted - width(text))
    return room + text if right else text + room
