"""The house of docs/architecture.md, held: folders are layers, stages stand in the order of the story, nothing goes in
circles. It knows the folders' names and their order, and no module's."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "live_code"

# A folder may import from those behind it in its row, and from the files beside the folders.
FOLDERS = ("commands", "authoring", "experiments", "records", "run", "stages", "tools")
STAGES = ("request", "code", "environment", "launch", "supervise", "results", "record")
# What both interpreters read: the platform's formats, and where the job's side lies.
SHARED_WITH_THE_JOB = ("live_code.job.ymir_exc.protocol", "live_code.job.JOB_PATH", "live_code.job.pth_line")


class Import(NamedTuple):
    """One name that a module imports, at its top or within a function. ``module``: where it is looked for."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self.name}".rstrip(".")


def imports(module: str, source: str, is_package: bool = False) -> Iterator[Import]:
    """All that ``source`` imports of the package, relative imports made whole."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [Import(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            found = [Import(".".join(filter(None, (*above, node.module))), alias.name) for alias in node.names]
        else:
            continue
        yield from (one for one in found if one.dotted.split(".")[0] == "live_code")


def breaches(module: str, source: str, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of ``module``, a dotted name."""
    found = imports(module, source, is_package)
    return [f"{module} imports {one.dotted}: {why}" for one in found if (why := _why(module, one))]


def _why(module: str, imported: Import) -> str:
    here, there = module.split(".")[1:], imported.dotted.split(".")[1:]
    if here[0] == "job":
        return "" if there[:1] == ["job"] else "the job's side knows nothing of the rest"
    if there[:1] == ["job"]:
        return "" if imported.dotted.startswith(SHARED_WITH_THE_JOB) else "only the protocol is shared with the job"
    if not there or there[0] not in FOLDERS or here[0] not in FOLDERS:
        is_below = not there or there[0] not in FOLDERS or here[0] == "__main__"
        return "" if is_below else "files beside the folders import none of them"
    if FOLDERS.index(there[0]) < FOLDERS.index(here[0]):
        return f"{there[0]} stands above {here[0]}"
    if here[0] == there[0] == "stages":
        return _between_stages(here[1], there[1], imported.name)
    return ""


def _between_stages(here: str, there: str, name: str) -> str:
    if here == there:
        return ""
    if STAGES.index(there) > STAGES.index(here):
        return f"{there} comes after {here}"
    return "" if name[:1].isupper() else "a stage takes only values from an earlier one"


def sources() -> dict[str, str]:
    """The package's modules by their dotted names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "templates" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return found


def is_package(module: str, modules: Iterable[str]) -> bool:
    return any(other.startswith(f"{module}.") for other in modules)


def graph(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Which modules each imports; a name that is no module stands for the module that has it."""
    edges: dict[str, set[str]] = {}
    for module, source in modules.items():
        edges[module] = set()
        for one in imports(module, source, is_package(module, modules)):
            target = one.dotted if one.dotted in modules else one.module
            if target in modules and target != module:
                edges[module].add(target)
    return edges


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Modules that import each other, however far around: Tarjan's strongly connected components of more than one."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in edges[module]:
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            members = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(members) > 1:
                found.append(sorted(members))

    for module in edges:
        if module not in index:
            visit(module)
    return found


@pytest.mark.parametrize("module", sources())
def test_module_imports_only_what_stands_below_it(module: str) -> None:
    modules = sources()
    assert breaches(module, modules[module], is_package(module, modules)) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(graph(sources())) == []


def test_the_package_shows_its_layers_at_a_glance() -> None:
    entries = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert entries == {*FOLDERS, "job", "__init__.py", "__main__.py", "errors.py", "values.py"}
    assert {path.name for path in (PACKAGE / "stages").iterdir() if path.is_dir()} - {"__pycache__"} == set(STAGES)


def test_each_folder_says_in_a_sentence_what_belongs_there() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if "templates" not in path.parts:
            said = ast.get_docstring(ast.parse(path.read_text()))
            assert said, f"{path} says nothing"
            assert said.split("\n\n")[0].rstrip().endswith("."), f"{path} says no sentence"


def test_an_import_from_a_folder_above_is_found() -> None:
    assert breaches("live_code.tools.store", "from live_code.stages.code import source") != []
    assert breaches("live_code.stages.code.source", "from live_code.run import story") != []
    assert breaches("live_code.experiments.sweep.spec", "from live_code.commands import cache") != []


def test_a_late_import_from_a_folder_above_is_found() -> None:
    late = "def f():\n    from live_code.run.story import run"
    assert breaches("live_code.stages.request.task", late) != []


def test_an_import_of_a_folder_by_the_files_beside_them_is_found() -> None:
    assert breaches("live_code.errors", "from live_code.tools import files") != []


def test_a_stage_that_calls_an_earlier_one_is_found() -> None:
    lock = "live_code.stages.environment.lock"
    assert breaches(lock, "from live_code.stages.code import checkout") != []
    assert breaches(lock, "from live_code.stages.code.checkout import make") != []
    assert breaches(lock, "from live_code.stages.code.checkout import Checkout") == []


def test_a_stage_that_knows_a_later_one_is_found() -> None:
    assert breaches("live_code.stages.code.checkout", "from live_code.stages.environment.lock import Lock") != []


def test_the_bootstrapper_importing_the_jobs_side_is_found() -> None:
    assert breaches("live_code.run.story", "from live_code.job.ymir_exc import monitor") != []
    assert breaches("live_code.run.story", "from live_code.job.ymir_exc import protocol") == []


def test_the_jobs_side_importing_the_bootstrapper_is_found() -> None:
    assert breaches("live_code.job.ymir_exc.env", "from live_code.tools import files") != []
    assert breaches("live_code.job.ymir_exc.env", "from live_code.job.ymir_exc import protocol") == []


def test_a_circle_of_three_modules_is_found() -> None:
    modules = {
        "live_code.a": "from live_code import b",
        "live_code.b": "def f():\n    from live_code.c import g",
        "live_code.c": "import live_code.a",
        "live_code.d": "from live_code import a",
    }
    assert circles(graph(modules)) == [["live_code.a", "live_code.b", "live_code.c"]]


def test_a_circle_through_a_relative_import_is_found() -> None:
    modules = {
        "live_code.p": "",
        "live_code.p.a": "from . import b",
        "live_code.p.b": "from .a import f",
    }
    assert circles(graph(modules)) == [["live_code.p.a", "live_code.p.b"]]
