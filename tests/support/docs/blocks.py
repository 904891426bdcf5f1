"""The code blocks of a page, each with how it is checked. CONTRIBUTING.md tells authors what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
MARK = re.compile(r"<!--\s*(run|write|output|sample|says|diagram)(?::\s*(.*?))?\s*-->\s*")


class Block(NamedTuple):
    """``language`` and ``title`` are of the block's first line, ``mark`` and ``argument`` of the comment before it."""

    page: Path
    line: int
    language: str
    title: str
    mark: str
    argument: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}" if self.page.is_relative_to(ROOT) else str(self.page)


def pages() -> list[Path]:
    """All that a reader may open: the READMEs, the pages of docs, the examples' own."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("examples/*/*.md"))]


def of(page: Path) -> list[Block]:
    return list(_blocks(page, MarkdownIt().enable("table").parse(page.read_text())))


def spans(page: Path) -> Iterator[tuple[int, str]]:
    """The `code` within the text: its line and what it says."""
    for token in MarkdownIt().enable("table").parse(page.read_text()):
        for child in token.children or ():
            if child.type == "code_inline":
                yield (token.map or [0])[0] + 1, child.content


def _blocks(page: Path, tokens: list[Token]) -> Iterator[Block]:
    before: Token | None = None
    for token in tokens:
        if token.type in ("fence", "code_block"):
            language, _, options = token.info.strip().partition(" ")
            titles = re.findall('title="([^"]*)"', options)  # without the quotes the site shows no block at all
            marked = MARK.fullmatch(before.content) if before and before.type == "html_block" else None
            mark, argument = (marked[1], marked[2] or "") if marked else ("", "")
            line = (token.map or [0])[0] + 1
            yield Block(page, line, language, titles[0] if titles else "", mark, argument, token.content)
        before = token


def samples(name: str) -> list[Block]:
    """The outputs of that name in all pages, for the test that has the real one."""
    found = [block for page in pages() for block in of(page)]
    return [block for block in found if (block.mark, block.argument) == ("sample", name)]
