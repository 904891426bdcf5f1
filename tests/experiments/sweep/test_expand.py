"""The expansion of a sweep: which runs, in which order, under which names."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_code.errors import ConfigError
from live_code.experiments.sweep import expand
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.expand import Study
from live_code.experiments.sweep.spec import Dimension, Search, Selector, Spec

A, B = Commit("a" * 40), Commit("b" * 40, "v1", "Say it")


def spec(**values: Any) -> Spec:
    return Spec(Path("sweep.yaml"), Path("task"), "", (Selector("revision", "main"),), **values)


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, [{}]),
        ({"fixed": {"e": 3}}, [{"e": 3}]),
        (
            {"matrix": {"x": (1, 2), "y": (3, 4)}},
            [{"x": 1, "y": 3}, {"x": 1, "y": 4}, {"x": 2, "y": 3}, {"x": 2, "y": 4}],
        ),
        ({"matrix": {"x": (1, 2)}, "exclude": ({"x": 2},)}, [{"x": 1}]),
        ({"matrix": {"x": (1, 2)}, "exclude": ({"x": 2, "y": 1},)}, [{"x": 1}, {"x": 2}]),
        ({"matrix": {"x": (1,)}, "include": ({"x": 9, "z": 0},)}, [{"x": 1}, {"x": 9, "z": 0}]),
        ({"include": ({"x": 9},)}, [{"x": 9}]),
        ({"fixed": {"x": 0, "e": 3}, "matrix": {"x": (1,)}}, [{"x": 1, "e": 3}]),
        (
            {"matrix": {"m": (1, 2)}, "search": Search("grid", {"x": Dimension("uniform", (0, 1), 3)})},
            [{"m": m, "x": x} for m in (1, 2) for x in (0.0, 0.5, 1.0)],
        ),
    ],
)
def test_settings(asked: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    assert list(expand.settings(spec(**asked))) == rows


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Dimension("choice", ("a", "b")), ("a", "b")),
        (Dimension("uniform", (0, 2), 5), (0.0, 0.5, 1.0, 1.5, 2.0)),
        (Dimension("log_uniform", (0.001, 0.1), 3), (0.001, 0.01, 0.1)),
        (Dimension("int", (1, 4), 10), (1, 2, 3, 4)),
        (Dimension("uniform", (3, 4), 1), (3,)),
    ],
)
def test_a_grid_is_evenly_spaced(dimension: Dimension, values: tuple[Any, ...]) -> None:
    assert expand.grid(dimension) == values


def test_commits_come_one_after_the_other() -> None:
    plan = expand.expand(spec(matrix={"x": (1, 2)}), (A, B), "t")
    assert [(run.commit, run.params["x"]) for run in plan.runs] == [(A, 1), (A, 2), (B, 1), (B, 2)]


def test_a_random_search_tries_the_same_points_on_every_commit() -> None:
    search = Search("random", {"x": Dimension("uniform", (0, 1))}, samples=4, seed=1)
    plan = expand.expand(spec(search=search), (A, B), "t")
    points = {one: [run.params for run in plan.runs if run.commit == one] for one in (A, B)}
    assert len(points[A]) == 4
    assert points[A] == points[B]
    assert points[A] != [run.params for run in expand.expand(spec(search=search._replace(seed=2)), (A,), "t").runs]


def test_a_search_that_learns_leaves_its_runs_open() -> None:
    search = Search("optuna", {"x": Dimension("uniform", (0, 1))}, samples=5, metric="mAP")
    plan = expand.expand(spec(search=search, matrix={"m": (1,)}), (A, B), "t")
    assert plan.studies == (Study(A, {"m": 1}, 5), Study(B, {"m": 1}, 5))
    assert (plan.runs, plan.size) == ((), 10)


def test_a_run_is_known_by_commit_settings_repeat_and_task() -> None:
    first = expand.run(A, {"x": 1, "y": 2}, "t")
    assert first.id == expand.run(A, {"y": 2, "x": 1}, "t").id
    assert first.id == expand.run(A._replace(name="main", subject="Other words"), {"x": 1, "y": 2}, "t").id
    others = {
        expand.run(B, {"x": 1, "y": 2}, "t").id,
        expand.run(A, {"x": 1, "y": "2"}, "t").id,
        expand.run(A, {"x": 1, "y": 2}, "u").id,
        expand.run(A, {"x": 1, "y": 2}, "t", repeat=1).id,
    }
    assert len(others | {first.id}) == 5


def test_what_is_said_twice_is_run_once_and_repeats_as_often_as_asked() -> None:
    twice = spec(matrix={"x": (1, 1)}, include=({"x": 1},), repeats=3)
    assert [run.repeat for run in expand.expand(twice, (A,), "t").runs] == [0, 1, 2]


def test_more_runs_than_anyone_wants_are_refused_at_once() -> None:
    huge = {f"p{number}": tuple(range(100)) for number in range(20)}
    with pytest.raises(ConfigError, match="more than 100000"):
        expand.expand(spec(matrix=huge), (A,), "t")


_VALUES = st.lists(st.integers(0, 3) | st.booleans() | st.text(max_size=2), min_size=1, max_size=3).map(tuple)
_MATRICES = st.dictionaries(st.sampled_from("xyz"), _VALUES, max_size=3)
_ROWS = st.lists(st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3), max_size=2), max_size=3).map(tuple)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(matrix=_MATRICES, include=_ROWS, exclude=_ROWS, repeats=st.integers(1, 2))
def test_expanding_again_gives_the_same_and_no_run_twice(
    matrix: dict[str, Any], include: tuple[Any, ...], exclude: tuple[Any, ...], repeats: int
) -> None:
    asked = spec(matrix=matrix, include=include, exclude=exclude, repeats=repeats)
    plan = expand.expand(asked, (A, B), "t")
    assert plan == expand.expand(asked, (A, B), "t")
    assert len({run.id for run in plan.runs}) == len(plan.runs)
    said = {repr((run.commit, sorted(run.params.items()), run.repeat)) for run in plan.runs}
    assert len(said) == len(plan.runs)


@given(
    low=st.floats(1e-6, 10),
    width=st.floats(1e-3, 100),
    kind=st.sampled_from(["uniform", "log_uniform"]),
    seed=st.integers(),
    steps=st.integers(2, 9),
)
def test_samples_and_grids_stay_in_their_range(low: float, width: float, kind: str, seed: int, steps: int) -> None:
    high = low + width
    dimension = Dimension(kind, (low, high), steps)
    found = [expand.sample(dimension, random.Random(seed)), *expand.grid(dimension)]
    assert all(low * (1 - 1e-5) <= value <= high * (1 + 1e-5) for value in found)


def test_one_value_in_two_spellings_is_one_run() -> None:
    plan = expand.expand(spec(matrix={"x": ("1e-4", 0.0001, 0.1)}), (A,), "t")
    assert [run.params["x"] for run in plan.runs] == ["1e-4", 0.1]
