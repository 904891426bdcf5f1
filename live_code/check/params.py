"""Hyper-parameters that the code reads and nothing but the task's form can give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from live_code.check import sdk
from live_code.check.finding import MAY_FAIL, Finding
from live_code.check.settings import OF_EXECUTOR
from live_code.config import PLATFORM_KEYS

# So many places beside the first are named.
_TOLD = 3
_METHODS = frozenset(dir(dict))
# `cfg.param`, however the config is called.
_PARAM = re.compile(r"(\w*\.)*\w*(cfg|config|conf)\.param", re.IGNORECASE)


def examine(files: Mapping[str, ast.Module], defaults: frozenset[str]) -> Iterator[Finding]:
    """One finding for each name, at its first place. ``defaults``: the keys of code_config."""
    known = {*defaults, *PLATFORM_KEYS, *OF_EXECUTOR, *_METHODS}
    known |= {name for code in files.values() for name in _given(code)}
    places: dict[str, dict[tuple[str, int], None]] = {}
    for file, code in files.items():
        unsure = sdk.guarded(code)
        for node in ast.walk(code):
            name = _name(node)
            if name and node not in unsure and name not in known:
                places.setdefault(name, {})[file, getattr(node, "lineno", 0)] = None
    for name, found in places.items():
        (file, line), *others = sorted(found)
        what = f"cfg.param.{name} is read{_also(others)}, and code_config has no {name}: it must come from the form."
        remedy = f"Add {name} with a default to code_config, or read cfg.param.get({name!r}, …)."
        yield Finding(MAY_FAIL, "unknown-param", file, line, what, remedy)


def _also(places: list[tuple[str, int]]) -> str:
    told = [f"{file}:{line}" for file, line in places[:_TOLD]]
    if len(places) > _TOLD:
        told.append(f"{len(places) - _TOLD} more")
    return f" (at {', '.join(told)} too)" if told else ""


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
            yield from (str(one.value) for one in (node.left,) if isinstance(one, ast.Constant))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("hasattr", "setdefault"):
            yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))
