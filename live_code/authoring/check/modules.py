"""Modules that the code imports and nothing provides: neither the requirements, nor the image, nor the repo."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from live_code.authoring.check import sdk
from live_code.authoring.check.finding import MAY_FAIL, WILL_FAIL, Finding
from live_code.authoring.check.tree import Tree
from live_code.tools.packages.framework import brings, is_family, normalised
from live_code.tools.packages.modules import DISTRIBUTIONS, to_add
from live_code.tools.packages.requirements import DEFAULTS
from live_code.tools.processes import runner
from live_code.values import NamedTuple

# Modules that one distribution alone brings, which has their name.
_NAMESAKES = frozenset(
    [
        "albumentations",
        "certifi",
        "click",
        "colorama",
        "cycler",
        "easydict",
        "einops",
        "filelock",
        "fsspec",
        "h5py",
        "imageio",
        "imgaug",
        "jinja2",
        "joblib",
        "kiwisolver",
        "lmdb",
        "loguru",
        "markupsafe",
        "matplotlib",
        "mmdet",
        "mmengine",
        "mpmath",
        "networkx",
        "numba",
        "numpy",
        "onnx",
        "packaging",
        "pandas",
        "pycocotools",
        "pyparsing",
        "pytz",
        "requests",
        "rich",
        "scipy",
        "seaborn",
        "shapely",
        "six",
        "sympy",
        "tabulate",
        "tensorboard",
        "tensorboardx",
        "termcolor",
        "threadpoolctl",
        "timm",
        "tqdm",
        "transformers",
        "typing-extensions",
        "ultralytics",
        "urllib3",
        "wandb",
        "yacs",
    ]
)
_KNOWN = _NAMESAKES | {name for names in DISTRIBUTIONS.values() for name in names.split()}
# Which of the names on stdin this Python would find; none of them is imported.
_FIND = """\
import importlib.util, json, sys
def is_there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return name in sys.modules
print(json.dumps([name for name in json.load(sys.stdin) if is_there(name)]))
"""


class Import(NamedTuple):
    """``module`` is the first part of its name. ``surely``: whether nothing but the file's own start leads to it."""

    module: str
    file: str
    line: int
    surely: bool


class Requirements(NamedTuple):
    """What the requirements bring: distributions by normalised name. ``resolved``: with all that those need in turn.

    ``file``: where one more is to be written; ``modules``: what is known to come with some of them.
    """

    distributions: frozenset[str] = frozenset()
    resolved: bool = True
    file: str = DEFAULTS[0]
    modules: frozenset[str] = frozenset()


class Machine(NamedTuple):
    """The job's Python. ``packages``: what the inventory of an image lists, when ``python`` only stands in for it."""

    python: Path
    name: str
    packages: frozenset[str] | None = None


def examine(tree: Tree, imports: Iterable[Import], requirements: Requirements, machine: Machine) -> Iterator[Finding]:
    """One finding for each module that is missing, at its surest place."""
    own = _own(tree)
    wanted: dict[str, Import] = {}
    for item in sorted(imports, key=lambda item: (not item.surely, item.file, item.line)):
        if item.module not in own and item.module != sdk.SDK:
            wanted.setdefault(item.module, item)
    there = _there(machine, sorted(wanted)) | requirements.modules
    for name, item in wanted.items():
        if name in there or _brought(name, requirements.distributions):
            continue
        yield _missing(item, tree, requirements, machine)


def imports(file: str, code: ast.Module, is_sure: bool) -> Iterator[Import]:
    """What a file imports; not what it can do without, as the ``try`` around it tells."""
    for module, line, surely in _of(code.body, is_sure):
        yield Import(module, file, line, surely)


def _of(nodes: Iterable[ast.AST], surely: bool) -> Iterator[tuple[str, int, bool]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno, surely) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                yield node.module.split(".")[0], node.lineno, surely
        elif isinstance(node, ast.Try) and any(map(sdk.expects_absence, node.handlers)):
            yield from _of((*node.handlers, *node.orelse, *node.finalbody), False)
        elif isinstance(node, ast.If):
            test = ast.unparse(node.test)
            if not test.endswith("TYPE_CHECKING"):
                yield from _of(node.body, surely and "__name__" in test)
            yield from _of(node.orelse, False)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _of(node.body, False)
        else:
            yield from _of(ast.iter_child_nodes(node), surely)


def _own(tree: Tree) -> frozenset[str]:
    """Whatever may be a module of the repo, wherever it puts its own folders on the path."""
    names = tree.files | tree.loose
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    return frozenset(
        folders | {PurePosixPath(name).name.split(".")[0] for name in names if name.endswith((".py", ".so"))}
    )


def _there(machine: Machine, names: list[str]) -> frozenset[str]:
    """Those that the job's Python has; of an image's stand-in the standard library alone counts."""
    options = ["-I", "-B"] if machine.packages is None else ["-I", "-B", "-S"]
    output = runner.run([machine.python, *options, "-c", _FIND], stdin=json.dumps(names), timeout=60).stdout
    listed = machine.packages or frozenset()
    return frozenset(json.loads(output)) | {name for name in names if _brought(name, listed)}


def _brought(module: str, distributions: frozenset[str]) -> bool:
    names = {normalised(module), *DISTRIBUTIONS.get(module, "").split()}
    return bool(names & distributions) or any(brings(name, module) for name in distributions)


def _missing(item: Import, tree: Tree, requirements: Requirements, machine: Machine) -> Finding:
    if is_family(normalised(item.module)):
        severity = WILL_FAIL if item.surely else MAY_FAIL
        problem = f"The image's Python ({machine.name}) has no {item.module}."
        remedy = "Set LIVE_CODE_PYTHON to a Python that has it, or take another image."
        return Finding(severity, "missing-module", item.file, item.line, problem, remedy)
    strange = _strange(item.module, requirements, machine)
    severity = WILL_FAIL if item.surely and requirements.resolved and not strange else MAY_FAIL
    unless = (
        f", unless {', '.join(strange[:3])}{' or another' if len(strange) > 3 else ''} brings it" if strange else ""
    )
    problem = f"Nothing provides the module {item.module}: no requirement, not the image's Python ({machine.name})"
    own = () if normalised(item.module) in _NAMESAKES else tree.files
    remedy = to_add(item.module, own, requirements.file)
    return Finding(severity, "missing-module", item.file, item.line, f"{problem}, not the repo{unless}.", remedy)


def _strange(module: str, requirements: Requirements, machine: Machine) -> list[str]:
    """Distributions that might bring the module, as nobody knows what is in them."""
    if module in DISTRIBUTIONS or normalised(module) in _NAMESAKES:
        return []
    return sorted((requirements.distributions | (machine.packages or frozenset())) - _KNOWN)
