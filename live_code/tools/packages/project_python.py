"""The Python that a project, or a script, is for, as its own metadata says, against the image's."""

from __future__ import annotations

import ast
import importlib
import sys
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import Any

from live_code.errors import RequirementsError
from live_code.tools.machine.interpreter import Interpreter


def check(name: str, wanted: str, image: Interpreter) -> None:
    """Raises RequirementsError when the file ``name`` is for other Pythons, in PEP 440's words, than the image's."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        is_met = SpecifierSet(wanted).contains(image.version, prereleases=True)
    except InvalidSpecifier:
        return  # whoever builds it says so
    if not is_met:
        raise RequirementsError(
            f"{name} is for Python {wanted}, but the image has {image.version}.",
            hint="Use another image tag, or loosen that.",
        )


def wanted(path: Path) -> str:
    """The versions that a project's file asks for, in PEP 440's words; '' when it names none in words of its own."""
    readers = {"pyproject.toml": _of_pyproject, "setup.cfg": _of_setup_cfg, "setup.py": _of_setup_py}
    reader = readers.get(path.name)
    try:
        return reader(path.read_text(encoding="utf-8")) if reader else ""
    except (OSError, ValueError, ConfigParserError, SyntaxError, AttributeError):
        return ""


def _of_pyproject(text: str) -> str:
    tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return str(tomllib.loads(text).get("project", {}).get("requires-python", ""))


def _of_setup_cfg(text: str) -> str:
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser.get("options", "python_requires", fallback="")


def _of_setup_py(text: str) -> str:
    words = [word for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) for word in node.keywords]
    values = [word.value.value for word in words if word.arg == "python_requires" and isinstance(word.value, ast.Constant)]
    return str(values[0]) if values else ""
