"""``sweep.yaml``: what it may say, typed; whatever else stands there is refused with the file, the line and a hint."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.experiments.sweep import yaml_node
from live_code.experiments.sweep.yaml_node import Node
from live_code.stages.request.hyperparameters import REVISION_KEYS
from live_code.tools.files.yamlfile import read_mapping
from live_code.values import NamedTuple

# Hyper-parameters that the sweep itself sets: for each run its commit, its GPUs and its name.
OURS = ("git_url", *REVISION_KEYS, "gpu_id", "gpu_count", "task_id")
GRID, RANDOM, OPTUNA, TUNE = "grid", "random", "optuna", "tune"
MAX, MIN = "max", "min"
SHARED, COPIED, PULLED = "shared", "copied", "pulled"

_RANGE = re.compile(r"(?!-)[^\s:?*\[\\]+?\.\.\.?(?!-)[^\s:?*\[\\]+")
_REVISION = re.compile(r"(?!-)[^\s:?*\[\\]+")


class Selector(NamedTuple):
    """Names commits. ``kind``: revision (``text``), range (``a..b``), last (``number`` of ``text``), tags (pattern)."""

    kind: str
    text: str
    number: int = 0


_SCIENTIFIC = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class Dimension(NamedTuple):
    """What a hyper-parameter may be. ``kind``: choice (one of ``values``); uniform, log_uniform, int (from two values
    to each other, both included). ``steps``: into how many values a grid search cuts a range."""

    kind: str
    values: tuple[Any, ...]
    steps: int = 0


class Search(NamedTuple):
    """``samples`` of the space for each commit and setting. ``metric`` and ``goal`` are for those that learn (optuna,
    tune); ``searcher`` is Ray Tune's name of one."""

    kind: str
    space: Mapping[str, Dimension]
    samples: int = 0
    seed: int = 0
    metric: str = ""
    goal: str = MAX
    searcher: str = ""


class Aim(NamedTuple):
    """What runs are compared by. ``metric`` '': what the platform judges by, of which more is better."""

    metric: str = ""
    goal: str = MAX


class EarlyStop(NamedTuple):
    """Asynchronous successive halving: of the runs that came to a rung (``grace``, then times ``reduction`` each), all
    but the best 1/``reduction`` are stopped there; ``longest`` ends the rungs.

    ``metric``: one of the platform's (a step is then a stage that the job wrote) or a tensorboard tag (its own steps).
    """

    metric: str
    goal: str = MAX
    grace: int = 1
    reduction: float = 4
    longest: int = 100


class Resources(NamedTuple):
    """What one run is given. ``memory`` in bytes, 0: not counted."""

    gpus: float = 0
    cpus: float = 1
    memory: int = 0


class Spec(NamedTuple):
    """A sweep as it is asked for. ``task``: the folder with env.yaml and config.yaml. ``git_url`` '': the task's own.

    ``fixed``: hyper-parameters that all runs get. ``max_parallel`` 0: as many as there is room for.
    ``data``, ``results``: whether all nodes see the task folder and the sweep's folder, or they go over the network.
    """

    path: Path
    task: Path
    git_url: str
    commits: tuple[Selector, ...]
    fixed: Mapping[str, Any] = {}
    matrix: Mapping[str, tuple[Any, ...]] = {}
    include: tuple[Mapping[str, Any], ...] = ()
    exclude: tuple[Mapping[str, Any], ...] = ()
    search: Search | None = None
    repeats: int = 1
    resources: Resources = Resources()
    max_parallel: int = 0
    retries: int = 0
    early_stop: EarlyStop | None = None
    data: str = SHARED
    results: str = SHARED

    @property
    def constant(self) -> frozenset[str]:
        """The hyper-parameters that all runs have alike."""
        differ = {
            *self.matrix,
            *(key for row in self.include for key in row),
            *(self.search.space if self.search else ()),
        }
        return frozenset(self.fixed) - differ

    @property
    def aim(self) -> Aim:
        """What the search is for, else what early stop looks at."""
        named = (Aim(part.metric, part.goal) for part in (self.search, self.early_stop) if part and part.metric)
        return next(named, Aim())


def read(path: Path, commits_needed: bool = True) -> Spec:
    """Raises ConfigError naming file, line and what could stand there."""
    values = read_mapping(path, hint="It says which commits to run with which settings: docs/sweeps.md.")
    node = Node(path, yaml_node.lines_of(path))
    yaml_node.require_known(node, values, _KEYS)
    values = {key: value for key, value in values.items() if value is not None}
    if not values.get("task"):
        node.wrong("task is missing.", "Name the task folder that all runs start from.")
    task = path.absolute().parent / str(values["task"])
    return Spec(
        path=path.absolute(),
        task=_in_folder(node.below("task"), task),
        git_url=_git_url(node.below("git_url"), values.get("git_url", "")),
        commits=_commits(node.below("commits"), values.get("commits"), commits_needed),
        fixed=_params(node.below("set"), values.get("set", {})),
        matrix=_matrix(node.below("matrix"), values.get("matrix", {})),
        include=_rows(node.below("include"), values.get("include", [])),
        exclude=_rows(node.below("exclude"), values.get("exclude", [])),
        search=_search(node.below("search"), values["search"]) if "search" in values else None,
        repeats=yaml_node.count(node.below("repeats"), values.get("repeats", 1), least=1),
        resources=_resources(node.below("resources"), values.get("resources", {})),
        max_parallel=yaml_node.count(node.below("max_parallel"), values.get("max_parallel", 0)),
        retries=yaml_node.count(node.below("retries"), values.get("retries", 0)),
        early_stop=_early_stop(node.below("early_stop"), values["early_stop"]) if "early_stop" in values else None,
        data=yaml_node.choice(node.below("data"), values.get("data", SHARED), (SHARED, COPIED)),
        results=yaml_node.choice(node.below("results"), values.get("results", SHARED), (SHARED, PULLED)),
    )


_KEYS = (
    "task", "git_url", "commits", "set", "matrix", "include", "exclude", "search", "repeats",
    "resources", "max_parallel", "retries", "early_stop", "data", "results",
)  # fmt: skip


def _in_folder(node: Node, task: Path) -> Path:
    for folder in (task / "in", task):
        if (folder / "env.yaml").is_file():
            return folder
    node.wrong(f"{task} is no task folder: it has no env.yaml, nor has its folder 'in'.", "Paths count from this file.")


def _git_url(node: Node, value: Any) -> str:
    """A folder's path as a whole one: runs are started elsewhere."""
    text = yaml_node.text(node, value)
    if text in (".", "..") or text.startswith(("./", "../")):
        return os.path.abspath(node.path.absolute().parent / text)  # noqa: PTH100 - it takes out ".."
    if text and ":" not in text and not text.startswith(("/", "~/")):
        node.wrong(f"git_url is {text!r}.", f"Write ./{text} for a folder beside this file, else https://host/path.")
    return text


def _commits(node: Node, value: Any, needed: bool) -> tuple[Selector, ...]:
    if value is None and not needed:
        return ()
    items = value if isinstance(value, list) else [value]
    if value in (None, []):
        node.wrong("commits is missing.", "Write a list of commits, main~5..main, {last: 10} or {tags: 'v1.*'}.")
    return tuple(_selector(node.below(number), item) for number, item in enumerate(items))


def _selector(node: Node, value: Any) -> Selector:
    if isinstance(value, str):
        text = value.strip()
        if _RANGE.fullmatch(text):
            return Selector("range", text)
        if ".." not in text and _REVISION.fullmatch(text):
            return Selector("revision", text)
    if isinstance(value, dict) and set(value) == {"tags"} and isinstance(value["tags"], str) and value["tags"]:
        return Selector("tags", value["tags"])
    if isinstance(value, dict) and "last" in value and set(value) <= {"last", "on"} | {True}:
        # YAML reads the key `on` as true
        on = yaml_node.text(node, value.get("on", value.get(True, "HEAD")))
        if _REVISION.fullmatch(on) and ".." not in on:
            return Selector("last", on, yaml_node.count(node, value["last"], least=1))
    hint = "Write a commit, tag or branch, a range like main~5..main, {last: 10, on: main} or {tags: 'v1.*'}."
    node.wrong(f"{value!r} names no commits.", hint)


def _params(node: Node, value: Any) -> dict[str, Any]:
    given = yaml_node.mapping(node, value)
    for key in given:
        if str(key) in OURS:
            node.below(key).wrong(
                f"{key} is set for each run by the sweep.", "Leave it out; commits and resources say it."
            )
    return {str(key): item for key, item in given.items()}


def _matrix(node: Node, value: Any) -> dict[str, tuple[Any, ...]]:
    given = _params(node, value)
    for key, items in given.items():
        if not isinstance(items, list) or not items:
            node.below(key).wrong(f"{key} is {items!r}.", "Write a list of the values that it is to have.")
    return {key: tuple(items) for key, items in given.items()}


def _rows(node: Node, value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        node.wrong(f"{node.name} is {value!r}.", "Write a list of mappings from hyper-parameter to value.")
    return tuple(_params(node.below(number), row) for number, row in enumerate(value))


def _search(node: Node, value: Any) -> Search:
    given = yaml_node.mapping(node, value)
    yaml_node.require_known(node, given, ("with", "space", "samples", "seed", "metric", "goal", "searcher"))
    kind = yaml_node.choice(node.below("with"), given.get("with", RANDOM), (RANDOM, GRID, OPTUNA, TUNE))
    space = _params(node.below("space"), given.get("space", {}))
    if not space:
        node.wrong("search has no space.", "Write space: {learning_rate: {log_uniform: [0.001, 0.1]}}.")
    made = Search(
        kind=kind,
        space={key: _dimension(node.below("space").below(key), item) for key, item in space.items()},
        samples=yaml_node.count(node.below("samples"), given.get("samples", 0)),
        seed=yaml_node.count(node.below("seed"), given.get("seed", 0)),
        metric=yaml_node.text(node.below("metric"), given.get("metric", "")),
        goal=yaml_node.choice(node.below("goal"), given.get("goal", MAX), (MAX, MIN)),
        searcher=yaml_node.text(node.below("searcher"), given.get("searcher", "")),
    )
    _fits(node, made)
    return made


def _fits(node: Node, search: Search) -> None:
    """What one kind needs and another has no use for."""
    if search.kind == GRID:
        if search.samples:
            node.below("samples").wrong("a grid has no samples.", "It takes all values; leave samples out.")
        for key, dimension in search.space.items():
            if dimension.kind != "choice" and not dimension.steps:
                node.below("space").below(key).wrong(
                    f"a grid needs steps for {key}.", "Add steps: 5, or write a choice."
                )
        return
    if not search.samples:
        node.wrong(
            f"search with {search.kind} has no samples.", "Write how many to try for each commit, like samples: 20."
        )
    if search.kind in (OPTUNA, TUNE) and not search.metric:
        node.wrong(f"search with {search.kind} has no metric.", "Name what it is to learn from, like metric: mAP.")
    if (search.kind == TUNE) != bool(search.searcher):
        node.wrong("searcher and with: tune go together.", "Name one of Ray Tune's, like searcher: hyperopt.")


def _dimension(node: Node, value: Any) -> Dimension:
    if isinstance(value, list) and value:
        return Dimension("choice", tuple(value))
    given = dict(yaml_node.mapping(node, value))
    steps = yaml_node.count(node.below("steps"), given.pop("steps", 0))
    if len(given) == 1:
        kind, items = next(iter(given.items()))
        items = [as_number(item) for item in items] if isinstance(items, list) and kind != "choice" else items
        if kind == "choice" and isinstance(items, list) and items:
            return Dimension("choice", tuple(items))
        if kind in ("uniform", "log_uniform", "int") and _is_range(kind, items):
            return Dimension(kind, tuple(items), steps)
    hint = "Write a list, or {uniform: [0, 1]}, {log_uniform: [0.001, 0.1]}, {int: [1, 8]}, for a grid with steps."
    node.wrong(f"{node.keys[-1]} is {value!r}, which is no range.", hint)


def as_number(value: Any) -> Any:
    """YAML reads 1e-5 as a text; a person means a number."""
    if isinstance(value, str) and _SCIENTIFIC.fullmatch(value.strip()):
        return float(value)
    return value


def _is_range(kind: str, items: Any) -> bool:
    if not isinstance(items, list) or len(items) != 2 or not all(yaml_node.is_number(item) for item in items):
        return False
    low, high = items
    if kind == "int" and not all(isinstance(item, int) for item in items):
        return False
    return bool(low < high and (low > 0 or kind != "log_uniform"))


def _early_stop(node: Node, value: Any) -> EarlyStop:
    given = yaml_node.mapping(node, value)
    yaml_node.require_known(node, given, EarlyStop._fields)
    if not given.get("metric"):
        node.wrong("early_stop has no metric.", "Name one of the platform's, like mAP, or a tensorboard tag.")
    reduction = given.get("reduction", 4)
    if not yaml_node.is_number(reduction) or not reduction > 1:
        node.below("reduction").wrong(f"reduction is {reduction!r}.", "Write a number above 1: 4 lets a quarter go on.")
    return EarlyStop(
        metric=yaml_node.text(node.below("metric"), given["metric"]),
        goal=yaml_node.choice(node.below("goal"), given.get("goal", MAX), (MAX, MIN)),
        grace=yaml_node.count(node.below("grace"), given.get("grace", 1), least=1),
        reduction=reduction,
        longest=yaml_node.count(node.below("longest"), given.get("longest", 100), least=1),
    )


def _resources(node: Node, value: Any) -> Resources:
    given = yaml_node.mapping(node, value)
    yaml_node.require_known(node, given, Resources._fields)
    return Resources(
        gpus=yaml_node.amount(node.below("gpus"), given.get("gpus", 0)),
        cpus=yaml_node.amount(node.below("cpus"), given.get("cpus", 1)),
        memory=yaml_node.size(node.below("memory"), given.get("memory", 0)),
    )
