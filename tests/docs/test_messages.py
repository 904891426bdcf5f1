"""The messages that docs/platform-user.md explains are those that are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_ROW = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)


def explained() -> list[str]:
    page = (ROOT / "docs" / "platform-user.md").read_text(encoding="utf-8")
    table = page.partition("| the message says |")[2].partition("\n\n")[0]
    return [cell for cell in _ROW.findall(table) if not cell.startswith("-")]


def test_some_messages_are_explained() -> None:
    assert len(explained()) > 5


@pytest.mark.parametrize("message", explained())
def test_an_explained_message_is_one_that_the_program_says(message: str) -> None:
    said = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "live_code").rglob("*.py"))
    parts = [part.strip(" .,") for part in message.split("…")]
    assert all(part in said for part in parts), f"{message!r} is nowhere in the source"
