"""The tree of errors stands in one file."""

from __future__ import annotations

import ast
from pathlib import Path

from live_code import errors
from live_code.errors import LiveCodeError

PACKAGE = Path(errors.__file__).parent
KINDS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LiveCodeError)
}


def test_every_expected_error_is_declared_there() -> None:
    elsewhere = [
        f"{path}:{node.lineno} {node.name}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(errors.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and {ast.unparse(base).rpartition(".")[2] for base in node.bases} & set(KINDS)
    ]
    assert elsewhere == []


def test_each_says_what_it_stands_for() -> None:
    assert [name for name, kind in KINDS.items() if not kind.__doc__] == []
