"""The Python that a project, or a script, is for, as its own metadata says, against the image's."""

from __future__ import annotations

import ast
import importlib
import re
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
    tables = read_toml(text)
    own = str(tables.get("project", {}).get("requires-python", ""))
    return own or _of_poetry(str(tables.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python", "")))


def _of_poetry(words: str) -> str:
    """poetry's ``^3.8`` and ``~3.8`` in PEP 440's words; '' for alternatives, which have none."""
    if "|" in words:
        return ""
    return ",".join(_term(term.strip()) for term in words.split(",") if term.strip(" *"))


def _term(term: str) -> str:
    match = re.fullmatch(r"(?P<sign>[\^~]?)(?P<version>\d+(?:\.\d+)*)(?:\.\*)?", term)
    if not match:
        return term
    parts = match["version"].split(".")
    if not match["sign"]:
        return f"=={match['version']}.*" if len(parts) < 3 else f"=={match['version']}"
    kept = parts[:1] if match["sign"] == "^" or len(parts) == 1 else parts[:2]
    return f">={match['version']},<{'.'.join([*kept[:-1], str(int(kept[-1]) + 1)])}"


def read_toml(text: str) -> dict[str, Any]:
    """Raises ValueError."""
    tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return dict(tomllib.loads(text))


def check_tables(name: str, path: Path) -> None:
    """Raises RequirementsError for a pyproject.toml that nothing tells the dependencies of."""
    if path.name != "pyproject.toml" or any((path.parent / other).is_file() for other in ("setup.py", "setup.cfg")):
        return
    try:
        tables = read_toml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # the resolver says why
    if not {"project", "build-system", "dependency-groups"} & tables.keys():
        raise RequirementsError(
            f"{name} has no [project], and no [build-system] that would tell what it needs.",
            hint="Add one of them (poetry's: requires = ['poetry-core'], build-backend = 'poetry.core.masonry.api').",
        )


def _of_setup_cfg(text: str) -> str:
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser.get("options", "python_requires", fallback="")


def _of_setup_py(text: str) -> str:
    words = [word for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) for word in node.keywords]
    values = [
        word.value.value for word in words if word.arg == "python_requires" and isinstance(word.value, ast.Constant)
    ]
    return str(values[0]) if values else ""
