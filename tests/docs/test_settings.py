"""Tables of settings in the pages are the program's own; `scripts/settings` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.stages.request.hyperparameters import KEYS, Request
from tests.support.docs.blocks import ROOT
from tests.support.docs.tables import pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_pages_tables_of_settings_are_the_programs(page: Path) -> None:
    assert page.read_text() == pages()[page], "scripts/settings writes it"


def test_each_hyperparameter_fills_the_fields_that_it_names() -> None:
    filled = [field for key in KEYS for field in key.fields or (key.name,)]
    assert sorted(filled) == sorted(Request._fields)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_each_hyperparameter_stands_in_both_readmes(readme: str) -> None:
    text = (ROOT / readme).read_text()
    assert [key.name for key in KEYS if f"`{key.name}`" not in text] == []
