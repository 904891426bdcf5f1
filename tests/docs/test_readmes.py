"""The Chinese README is the English one: the same commands, keys and links."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from live_code.stages.request import hyperparameters
from tests.support.docs import blocks

ENGLISH, CHINESE = (blocks.ROOT / name for name in ("README.md", "README.zh-CN.md"))
COMMENT = re.compile(r"(\A|\s+)#.*")


def tokens(text: str) -> list[Token]:
    return MarkdownIt().enable("table").parse(text)


def links(text: str) -> list[str]:
    inline = (child for token in tokens(text) for child in token.children or ())
    found = [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for child in inline
        if child.type in ("link_open", "image")
    ]
    return [link for link in found if not link.startswith("README")]


def keys(text: str) -> list[list[str]]:
    """The code in the first cell of each row."""
    rows = [line.split("|")[1] for line in text.replace("\\|", "/").splitlines() if line.startswith("|")]
    return [found for row in rows if (found := re.findall("`([^`]+)`", row))]


def test_both_show_the_same_commands() -> None:
    english, chinese = ([COMMENT.sub("", block.text) for block in blocks.of(page)] for page in (ENGLISH, CHINESE))
    assert english == chinese


def test_both_tables_have_the_same_keys() -> None:
    assert keys(ENGLISH.read_text()) == keys(CHINESE.read_text())


def test_both_have_the_same_links() -> None:
    assert links(ENGLISH.read_text()) == links(CHINESE.read_text())


def test_each_page_has_its_place_in_the_site() -> None:
    nav = (blocks.ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in (blocks.ROOT / "docs").glob("*.md") if f": {page.name}\n" not in nav] == []


def test_the_settings_are_all_that_the_executor_reads() -> None:
    told = {key for row in keys(ENGLISH.read_text()) for key in row}
    read = {*hyperparameters.Request._fields, *hyperparameters.REVISION_KEYS} - {
        "revision",
        "revision_key",
        "retry_on",
    }  # within `retries`
    assert sorted(read - told) == []
