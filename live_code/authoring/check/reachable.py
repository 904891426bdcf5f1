"""Which of the repo's files the entrypoint leads to: what it imports and what it starts, as far as the text tells."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from live_code.authoring.check import sdk
from live_code.authoring.check.tree import Tree

_SCRIPT = re.compile(r"[\w./-]+\.(?:py|sh)\b")
_MODULE = re.compile(r"-m\W+([A-Za-z_][\w.]*)")
_COMMAND = re.compile(r"\s*(python3?|torchrun)\s")
_PYTHON = re.compile(r"'(python3?|torchrun)'$|sys\.executable$")
_EXECUTOR = "ymir_exc.executor"
_EXECUTORS_SCRIPTS = ("ymir/ymir_training.py", "ymir/ymir_mining.py", "ymir/ymir_infer.py")


def scripts_of(command: str) -> tuple[str, ...]:
    """The scripts and modules that a command line names, as paths."""
    modules = (match[1].replace(".", "/") + ".py" for match in _MODULE.finditer(command))
    return (*(_plain(match[0]) for match in _SCRIPT.finditer(command)), *modules)


def reached(tree: Tree, starts: Iterable[str]) -> frozenset[str]:
    """The starts, and all files that they lead to."""
    return _followed(tree, starts, lambda name, text: (*_started(tree, name, text), *_imported(tree, name, text)))


def imported(tree: Tree, starts: Iterable[str]) -> frozenset[str]:
    """The starts, and the files that they import or start by a command line, but not those they can do without."""
    return _followed(tree, starts, lambda name, text: tuple(_sure(tree, name, text)))


def _followed(tree: Tree, starts: Iterable[str], leads: Callable[[str, str], tuple[str, ...]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = [name for name in starts if tree.has(name)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += leads(name, tree.text(name))
    return frozenset(reached)


def _started(tree: Tree, name: str, text: str) -> Iterator[str]:
    yield from _scripts(tree, name, scripts_of(text) + (_EXECUTORS_SCRIPTS if _EXECUTOR in text else ()))


def _scripts(tree: Tree, name: str, wanted: Iterable[str]) -> Iterator[str]:
    for script in wanted:
        for base in _bases(name):
            if tree.has(path := _plain(f"{base}/{script}")):
                yield path
                break


def _imported(tree: Tree, name: str, text: str) -> Iterator[str]:
    if name.endswith(".py"):
        yield from _modules(tree, name, ast.walk(_parsed(text)))


def _sure(tree: Tree, name: str, text: str) -> Iterator[str]:
    if not name.endswith(".py"):
        return
    code = _parsed(text)
    unsure = sdk.guarded(code)
    yield from _modules(tree, name, (node for node in ast.walk(code) if node not in unsure))
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _COMMAND.match(node.value):
            yield from _scripts(tree, name, scripts_of(node.value))
        elif isinstance(node, ast.List) and node.elts and _PYTHON.match(ast.unparse(node.elts[0])):
            yield from _scripts(tree, name, scripts_of(ast.unparse(node)))


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _modules(tree: Tree, name: str, nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(tree, _bases(name), alias.name)
        elif isinstance(node, ast.ImportFrom):
            bases = [_up(name, node.level)] if node.level else _bases(name)
            for alias in node.names:
                yield from _module(tree, bases, ".".join(filter(None, (node.module, alias.name))))


def _module(tree: Tree, bases: list[str], dotted: str) -> Iterator[str]:
    """The files that importing a dotted name runs: each package on the way, then the module."""
    parts = dotted.split(".")
    for base in bases:
        ways = ("/".join((base, *parts[:count])) for count in range(1, len(parts) + 1))
        files = [_plain(end) for way in ways for end in (f"{way}.py", f"{way}/__init__.py")]
        if existing := [file for file in files if tree.has(file)]:
            yield from existing
            return


def _bases(name: str) -> list[str]:
    """Where a script looks for modules: its own folder, and those above it up to the repo's root."""
    return [str(parent) for parent in PurePosixPath(name).parents]


def _up(name: str, level: int) -> str:
    parents = _bases(name)
    return parents[min(level, len(parents)) - 1]


def _plain(path: str) -> str:
    """Without `.` and doubled slashes."""
    return str(PurePosixPath(path))
