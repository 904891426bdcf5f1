"""The model of docs/scale.md: formula and simulation agree, and both keep the store's rule."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))

from scale_model import WAYS, Costs, Site, Sweep, Way, expected, simulate

NAIVE, ANY_ORDER, KEPT, RACKS = WAYS
small_sweeps = st.builds(
    Sweep,
    nodes=st.integers(1, 12),
    slots=st.integers(1, 3),
    commits=st.integers(1, 8),
    settings=st.integers(1, 12),
    locks=st.integers(1, 3),
    racks=st.integers(1, 3),
    run_s=st.floats(1, 1000),
)


@pytest.mark.parametrize("way", [NAIVE, ANY_ORDER, RACKS], ids=lambda way: way.name)
def test_formula_and_simulation_agree(way: Way) -> None:
    sweep = Sweep(nodes=60, commits=20, settings=120, locks=4, racks=6)
    load, (fetches, installs) = simulate(sweep, way, Costs(), Site()), expected(sweep, way)
    assert load.fetches == pytest.approx(fetches, rel=0.03)
    assert load.installs == pytest.approx(installs, rel=0.03)


def test_nodes_that_keep_to_their_commits_fetch_little_more_than_once() -> None:
    sweep = Sweep(nodes=60, commits=20, settings=120, locks=4)
    assert 60 <= simulate(sweep, KEPT, Costs(), Site()).fetches <= 90


@settings(max_examples=30, deadline=None)
@given(small_sweeps, st.sampled_from([ANY_ORDER, KEPT, RACKS]))
def test_a_store_never_gets_the_same_twice(sweep: Sweep, way: Way) -> None:
    stores = sweep.racks if way.store == "rack" else sweep.nodes
    load = simulate(sweep, way, Costs(), Site())
    assert load.fetches <= min(sweep.runs, stores * sweep.commits)
    assert load.installs <= min(sweep.runs, stores * sweep.locks)


@settings(max_examples=30, deadline=None)
@given(small_sweeps, st.sampled_from(WAYS))
def test_no_sweep_ends_before_its_jobs_could(sweep: Sweep, way: Way) -> None:
    load = simulate(sweep, way, Costs(), Site())
    assert load.hours >= 0.8 * load.ideal


def test_the_same_seed_plays_the_same_sweep() -> None:
    sweep = Sweep(nodes=10, commits=5, settings=10)
    assert simulate(sweep, ANY_ORDER, Costs(), Site()) == simulate(sweep, ANY_ORDER, Costs(), Site())
