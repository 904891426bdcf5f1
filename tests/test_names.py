"""The names of parameters: things, not what was done to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VAGUE = {"told", "said", "asked", "found", "kept", "ended", "it", "one", "what", "at", "here", "past", "ours"}


def programs(folder: Path) -> Iterator[Path]:
    """Python files, those without a suffix too."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".py" or (path.is_file() and path.read_bytes()[:40].split(b"\n")[0].endswith(b"python3")):
            yield path


def vague(code: str) -> list[str]:
    functions = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        f"{function.name}({name.arg})"
        for function in functions
        for name in ast.walk(function.args)
        if isinstance(name, ast.arg) and name.arg in VAGUE
    ]


@pytest.mark.parametrize("folder", ["live_code", "scripts", "examples"])
def test_a_parameter_is_named_by_its_thing(folder: str) -> None:
    seen = {str(path.relative_to(ROOT)): vague(path.read_text()) for path in programs(ROOT / folder)}
    assert seen
    assert {path: names for path, names in seen.items() if names} == {}


def test_a_vague_name_is_seen_wherever_it_stands() -> None:
    assert vague("def f(found): ...\nclass A:\n    async def g(self, /, b, *, ours=1): ...") == ["f(found)", "g(ours)"]
