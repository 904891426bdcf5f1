"""Hyper-parameters that the code reads and nothing but the form can give, and numbers that a form gives as texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

from live_code.authoring.check import sdk
from live_code.authoring.check.declarations import OF_EXECUTOR
from live_code.authoring.check.finding import MAY_FAIL, Finding
from live_code.stages.request.task_config import PLATFORM_KEYS

# So many places beside the first are named.
_LISTED = 3
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_METHODS = frozenset(dir(dict))
# `cfg.param`, however the config is called.
_PARAM = re.compile(r"(\w*\.)*\w*(cfg|config|conf)\.param", re.IGNORECASE)


Places = Mapping[str, list[tuple[str, int]]]


def examine(files: Mapping[str, ast.Module], defaults: frozenset[str]) -> Iterator[Finding]:
    """One finding for each name, at its first place. ``defaults``: the keys of code_config."""
    known = {*PLATFORM_KEYS, *OF_EXECUTOR, *_METHODS}
    known |= {name for code in files.values() for name in _given(code)}
    for name, ((file, line), *others) in _places(files, _read, known | defaults).items():
        problem = f"cfg.param.{name} is read{_also(others)}, and code_config has no {name}: it must come from the form."
        remedy = f"Add {name} with a default to code_config, or read cfg.param.get({name!r}, …)."
        yield Finding(MAY_FAIL, "unknown-param", file, line, problem, remedy)
    for name, ((file, line), *others) in _places(files, _calculated, known).items():
        problem = f"cfg.param.{name} is taken for a number{_also(others)}: a form may send it as a text."
        yield Finding(MAY_FAIL, "text-param", file, line, problem, f"Write int(cfg.param.{name}), or float(...).")


def _places(files: Mapping[str, ast.Module], select: Callable[[ast.AST], Iterator[ast.AST]], known: set[str]) -> Places:
    """Where each name that is not known is found, the first place first."""
    places: dict[str, set[tuple[str, int]]] = {}
    for file, code in files.items():
        unsure = sdk.guarded(code)
        for node in (part for whole in ast.walk(code) for part in select(whole)):
            name = _name(node)
            if name and node not in unsure and name not in known:
                places.setdefault(name, set()).add((file, getattr(node, "lineno", 0)))
    return {name: sorted(seen) for name, seen in places.items()}


def _read(node: ast.AST) -> Iterator[ast.AST]:
    yield node


def _calculated(node: ast.AST) -> Iterator[ast.AST]:
    """What has to be a number here, whatever stands in the rest of the code."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        yield from node.args
    elif isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
        yield from _beside_number(node.left, node.right)
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], _ORDER):
        yield from _beside_number(node.left, node.comparators[0])


def _beside_number(*sides: ast.expr) -> Iterator[ast.AST]:
    if any(isinstance(side, ast.Constant) and isinstance(side.value, (int, float)) for side in sides):
        yield from sides


def _also(places: list[tuple[str, int]]) -> str:
    listed = [f"{file}:{line}" for file, line in places[:_LISTED]]
    if len(places) > _LISTED:
        listed.append(f"{len(places) - _LISTED} more")
    return f" (at {', '.join(listed)} too)" if listed else ""


def _name(node: ast.AST) -> str:
    """The hyper-parameter that an expression reads or sets, '' when it is none."""
    if isinstance(node, ast.Attribute) and _PARAM.fullmatch(ast.unparse(node.value)):
        return node.attr
    if isinstance(node, ast.Subscript) and _PARAM.fullmatch(ast.unparse(node.value)):
        return str(node.slice.value) if isinstance(node.slice, ast.Constant) else ""
    return ""


def _given(code: ast.Module) -> Iterator[str]:
    """What the code sets itself, or asks for before it reads it."""
    for node in ast.walk(code):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            yield _name(node)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield from (str(constant.value) for constant in (node.left,) if isinstance(constant, ast.Constant))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("hasattr", "setdefault"):
            yield from (str(constant.value) for constant in node.args if isinstance(constant, ast.Constant))
