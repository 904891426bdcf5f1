"""`sweep.yaml`: what it may say, and that whatever else it says is refused with its line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from live_code.errors import ConfigError
from live_code.experiments.sweep import spec
from live_code.experiments.sweep.spec import Aim, Dimension, EarlyStop, Resources, Search, Selector, Spec

SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs" / "sweep.schema.json").read_text()))
LEAST = "task: task\ncommits: main\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "task" / "in").mkdir(parents=True)
    (tmp_path / "task" / "in" / "env.yaml").write_text("run_training: true\n")
    return tmp_path / "sweep.yaml"


def read(place: Path, text: str) -> Spec:
    place.write_text(text)
    return spec.read(place)


def test_little_is_needed(place: Path) -> None:
    asked = read(place, LEAST)
    assert asked.task == place.parent / "task" / "in"
    assert asked.commits == (Selector("revision", "main"),)
    assert (asked.matrix, asked.resources, asked.data, asked.results) == ({}, Resources(), "shared", "shared")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[v1.0, 'main~3']", (Selector("revision", "v1.0"), Selector("revision", "main~3"))),
        ("main~5..main", (Selector("range", "main~5..main"),)),
        ("{last: 10}", (Selector("last", "HEAD", 10),)),
        ("{last: 10, on: dev}", (Selector("last", "dev", 10),)),
        ("[{tags: 'v1.*'}]", (Selector("tags", "v1.*"),)),
    ],
)
def test_commits_are_named_in_four_ways(place: Path, text: str, meant: tuple[Selector, ...]) -> None:
    assert read(place, f"task: task\ncommits: {text}\n").commits == meant


def test_a_search_has_a_space_of_ranges_and_choices(place: Path) -> None:
    text = "search: {samples: 5, seed: 3, space: {rate: {log_uniform: [0.001, 0.1]}, width: [8, 16], n: {int: [1, 4]}}}"
    space = {
        "rate": Dimension("log_uniform", (0.001, 0.1)),
        "width": Dimension("choice", (8, 16)),
        "n": Dimension("int", (1, 4)),
    }
    assert read(place, LEAST + text).search == Search("random", space, 5, 3)


def test_resources_and_early_stop_are_typed(place: Path) -> None:
    asked = read(place, LEAST + "resources: {gpus: 2, memory: 1.5G}\nearly_stop: {metric: mAP, grace: 2}\n")
    assert asked.resources == Resources(2, 1, 3 << 29)
    assert asked.early_stop == EarlyStop("mAP", "max", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("matrx: {}", "sweep.yaml:3: 'matrx' is not known. Is it 'matrix'?"),
        ("matrix:\n  rate: 0.1", "sweep.yaml:4: rate is 0.1. Write a list of the values that it is to have."),
        ("git_url: mine", "sweep.yaml:3: git_url is 'mine'. Write ./mine for a folder beside this file"),
        ("matrix: {git_branch: [a, b]}", "git_branch is set for each run by the sweep."),
        ("set: {gpu_id: '0'}", "gpu_id is set for each run by the sweep."),
        ("include: {rate: 1}", "include is {'rate': 1}. Write a list of mappings"),
        ("include:\n  - 7", "sweep.yaml:4: include.0 is 7. Write a mapping"),
        ("max_parallel: -1", "max_parallel is -1. Write a whole number, 0 or more."),
        ("retries: many", "retries is 'many'. Write a whole number"),
        ("resources: {gpus: 1.5}", "resources.gpus is 1.5. Write a whole number, or a part of one below 1."),
        ("resources: {memory: 1.5}", "resources.memory is 1.5. Write bytes, or a size like 8G."),
        ("resources: {memory: lots}", "resources.memory is 'lots'. Write bytes, or a size like 8G."),
        ("resources: {gpu: 1}", "'gpu' is not known. Is it 'gpus'?"),
        ("search: {space: {rate: {uniform: [0, 1]}}}", "search with random has no samples."),
        ("search: {with: grid, space: {rate: {uniform: [0, 1]}}}", "a grid needs steps for rate."),
        ("search: {samples: 3, space: {rate: {log_uniform: [0, 1]}}}", "which is no range."),
        ("search: {samples: 3, space: {rate: {uniform: [1, 0]}}}", "which is no range."),
        ("search: {with: optuna, samples: 3, space: {rate: [1, 2]}}", "search with optuna has no metric."),
        ("search: {with: tune, samples: 3, metric: m, space: {rate: [1, 2]}}", "searcher and with: tune go together."),
        ("early_stop: {grace: 1}", "early_stop has no metric."),
        ("early_stop: {metric: mAP, reduction: 1}", "reduction is 1. Write a number above 1"),
        ("data: near", "data is 'near'. It is one of shared, copied."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(place: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(place, f"{LEAST}{text}\n")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text", ["--upload-pack=x", "a b", "-x..y", "{last: 0}", "{last: 3, tags: v}", "7", "main..a..b c"]
)
def test_what_names_no_commit_is_refused(place: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="names no commits|Write a whole number"):
        read(place, f"task: task\ncommits:\n- {text}\n")


@pytest.mark.parametrize(("text", "folder"), [("./mine", "mine"), ("../mine", "../mine")])
def test_the_path_of_a_repository_counts_from_the_file(place: Path, text: str, folder: str) -> None:
    assert read(place, f"{LEAST}git_url: {text}\n").git_url == str((place.parent / folder).resolve())


def test_what_a_search_or_an_early_stop_is_for_is_what_runs_are_compared_by(place: Path) -> None:
    search = "search: {samples: 2, metric: fn, goal: min, space: {rate: [1, 2]}}\n"
    early = "early_stop: {metric: loss, goal: min}\n"
    asked = [read(place, LEAST + more).aim for more in ("", early, search + early)]
    assert asked == [Aim(), Aim("loss", "min"), Aim("fn", "min")]


def test_what_is_set_for_all_runs_and_nowhere_else_is_the_same_in_all(place: Path) -> None:
    more = "set: {epochs: 3, rate: 1, width: 2}\nmatrix: {rate: [1, 2]}\ninclude: [{width: 4}]\n"
    assert read(place, LEAST + more).constant == {"epochs"}


def test_a_task_that_is_no_task_folder_is_refused(place: Path) -> None:
    with pytest.raises(ConfigError, match="sweep.yaml:1: .*elsewhere is no task folder"):
        read(place, "task: elsewhere\ncommits: main\n")


_WORDS = st.sampled_from(
    ["rate", "width", "mAP", "max", "min", "random", "grid", "shared", "copied", "pulled", "", "8G"]
)
_PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.floats(-1, 2), _WORDS)
_ANY = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["rate", "gpus", "memory", "metric", "with", "space", "samples", "uniform", "int", "seed"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=st.dictionaries(st.sampled_from([*spec._KEYS, "other"]), _ANY, max_size=4))
def test_what_is_accepted_fits_the_published_schema(place: Path, values: dict[str, Any]) -> None:
    """A key without a value is as if it were not there. Nothing but ConfigError is ever raised."""
    place.write_text(yaml.safe_dump({"commits": "main", **values, "task": "task"}))
    with contextlib.suppress(ConfigError):
        spec.read(place)
        told = {key: value for key, value in yaml.safe_load(place.read_text()).items() if value is not None}
        assert [error.message for error in SCHEMA.iter_errors(told)] == []


def test_the_schema_knows_the_same_keys() -> None:
    assert set(SCHEMA.schema["properties"]) == set(spec._KEYS)


def test_the_example_is_accepted(place: Path) -> None:
    text = (Path(__file__).parents[3] / "examples" / "sweep" / "sweep.yaml").read_text()
    asked = read(place, text.replace("../task", "task"))
    assert (asked.resources.gpus, asked.exclude) == (1, ({"learning_rate": 0.01, "width": 28},))
