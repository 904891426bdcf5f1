"""Environments in a store of layers: one of a read-only layer is used, a damaged one is built anew on top."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from live_code.stages.environment.build import Environment
from live_code.tools.processes import runner
from tests.support.layers import Layers, two, unwritten
from tests.support.servers.index import BACKEND, PYPROJECT, wheel
from tests.support.workshop import Workshop, seen

PROJECT = '[project]\nname = "own"\nversion = "3.0"\n'


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return two(tmp_path)


class Site:
    """A checkout whose environment is made with the lower layer alone, or with both."""

    def __init__(self, shop: Workshop, layers: Layers) -> None:
        shop.index.add("a", "1.0")
        self.layers, self.shop = layers, shop.write("a\n")

    def below(self) -> Environment:
        return self.shop._replace(store=self.layers.below).make()

    def in_both(self) -> Environment:
        with unwritten(self.layers.below):
            return self.shop._replace(store=self.layers.store).make()

    def add_project(self) -> None:
        built = base64.b64encode(wheel("own", "3.0")).decode()
        self.shop.write("a\n-e .\n").write(PYPROJECT + PROJECT, "pyproject.toml")
        self.shop.write(BACKEND.format(wheel=built, fail="", stem="own-3.0"), "backend.py")


@pytest.fixture
def site(shop: Workshop, layers: Layers) -> Site:
    return Site(shop, layers)


def is_in(layer: Path, made: Environment) -> bool:
    return made.root.is_relative_to(layer)


def damage(made: Environment) -> None:
    (made.root / "pyvenv.cfg").unlink()


def test_one_of_the_lower_layer_is_used_without_a_process(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site.below()
    monkeypatch.setattr(runner, "run", None)
    second = site.in_both()
    assert (second.root, second.cached) == (first.root, True)
    assert not site.layers.store.root.exists()


def test_one_that_is_damaged_below_is_built_on_top_and_the_reason_told(site: Site) -> None:
    damage(site.below())
    made, again = site.in_both(), site.in_both()
    assert (made.cached, made.why, is_in(site.layers.store.root, made)) == (False, "pyvenv.cfg is missing", True)
    assert (again.root, again.cached) == (made.root, True)
    assert seen(made, "a")["a"][0] == "1.0"


def test_the_next_one_of_the_lower_layer_is_used_when_the_first_is_damaged(site: Site) -> None:
    damage(site.below())
    second = site.below()  # the first is in use until this process ends
    assert site.in_both() == second._replace(cached=True, why="")


def test_what_sets_a_new_one_apart_from_one_below_is_told(site: Site) -> None:
    site.below()
    site.shop.index.add("a", "2.0")
    site.shop.write("a>1\n")
    assert site.in_both().why == "a 1.0 → 2.0"


class TestProject:
    """A commit's own project, in an environment on top of the one that many commits share."""

    def test_it_is_built_on_top_over_a_shared_one_of_the_lower_layer(self, site: Site) -> None:
        shared = site.below()
        site.add_project()
        made, again = site.in_both(), site.in_both()
        assert (is_in(site.layers.store.root, made), again.root) == (True, made.root)
        found = seen(made, "a", "own")
        assert found["own"][0] == "3.0"
        assert found["a"][1].startswith(str(shared.root))

    def test_all_of_it_is_used_from_the_lower_layer(self, site: Site) -> None:
        site.add_project()
        first = site.below()
        assert site.in_both() == first._replace(cached=True, why="")

    def test_it_is_built_anew_when_the_lower_layer_has_lost_what_it_stands_on(self, site: Site) -> None:
        shared = site.below()
        site.add_project()
        assert site.in_both().root
        shutil.rmtree(shared.root)
        made = site.in_both()
        assert seen(made, "a", "own")["a"][1].startswith(str(site.layers.store.root))
        assert made.why == "what it stands on is elsewhere now"
