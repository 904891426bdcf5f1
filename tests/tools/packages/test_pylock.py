"""The lock as PEP 751 has it, beside the one of pip-tools' format."""

from __future__ import annotations

import pytest

from live_code.stages.environment import lock
from live_code.stages.environment.lock import Lock
from tests.support.workshop import Workshop, pins


def pylock(shop: Workshop, locked: Lock) -> str:
    return lock.as_pylock(locked, shop.interpreter, shop.store)


def test_it_has_the_same_packages_and_can_be_locked_from(shop: Workshop) -> None:
    shop.index.add("a", "1.0", "b").add("b", "2.0")
    first = shop.write("a\n").lock()
    made = pylock(shop, first)
    shop.index.add("b", "3.0")
    again = shop.write(made, "pylock.toml").lock(requirements="pylock.toml")
    assert pins(again) == pins(first) == {"a": "1.0", "b": "2.0"}


def test_a_known_one_costs_no_process(shop: Workshop, request: pytest.FixtureRequest) -> None:
    shop.index.add("a", "1.0")
    first = pylock(shop, shop.write("a\n").lock())
    request.getfixturevalue("no_process")
    assert pylock(shop, shop.lock()) == first


def test_it_names_the_projects_that_it_can_not_hold(shop: Workshop) -> None:
    shop.index.add("a", "1.0")
    shop.write('[project]\nname = "p"\nversion = "1"\ndependencies = ["a"]\n', "pyproject.toml")
    made = pylock(shop, shop.write("-e .\n").lock())
    assert "# and of this commit: -e .\n" in made
    assert 'name = "a"' in made


def test_without_packages_there_is_none(shop: Workshop) -> None:
    assert pylock(shop, shop.write("").lock()) == ""


def test_a_file_that_the_lock_does_not_have_is_in_none(shop: Workshop) -> None:
    shop.index.add("a", "1.0")
    own = shop.index.files["a-1.0-py3-none-any.whl"].sha256
    shop.index.add("a", "1.0", source=True)
    locked = shop.write(f"a==1.0 --hash=sha256:{own}\n").lock()
    assert shop.index.files["a-1.0.tar.gz"].sha256 not in locked.text + pylock(shop, locked)
