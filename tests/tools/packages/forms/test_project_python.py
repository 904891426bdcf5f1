"""The Pythons that a project's file asks for, in the words of each tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.tools.packages.forms import project_python
from tests.support.workshop import Workshop


def poetry(words: str) -> str:
    return f'[tool.poetry]\nname = "p"\n[tool.poetry.dependencies]\npython = "{words}"\n'


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("^3.8", ">=3.8,<4"),
        ("^3.8.1", ">=3.8.1,<4"),
        ("~3.8", ">=3.8,<3.9"),
        ("~3", ">=3,<4"),
        ("~3.8.2", ">=3.8.2,<3.9"),
        ("3.8", "==3.8.*"),
        ("3.8.*", "==3.8.*"),
        ("3.8.2", "==3.8.2"),
        (">=3.8,<3.12", ">=3.8,<3.12"),
        ("*", ""),
        ("^3.8 || ^4", ""),
    ],
)
def test_poetrys(words: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(poetry(words))
    assert project_python.wanted(tmp_path / "pyproject.toml") == wanted


def test_what_is_not_written_down_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(python_requires=open('x').read())\n")
    (tmp_path / "setup.cfg").write_text("[options\n")
    (tmp_path / "pyproject.toml").write_text("[[[")
    assert [project_python.wanted(path) for path in tmp_path.iterdir()] == ["", "", ""]


def test_another_one_by_poetry_is_refused(shop: Workshop) -> None:
    from live_code.errors import RequirementsError

    text = poetry("^4.1") + '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    with pytest.raises(RequirementsError, match=r"pyproject\.toml is for Python >=4\.1,<5, but the image has 3\."):
        shop.write(text, "pyproject.toml").lock(requirements="pyproject.toml")


def test_a_project_that_nothing_tells_the_needs_of_is_refused(shop: Workshop) -> None:
    from live_code.errors import RequirementsError

    with pytest.raises(RequirementsError, match=r"pyproject\.toml has no \[project\], and no \[build-system\]"):
        shop.write(poetry("^3.8"), "pyproject.toml").lock(requirements="pyproject.toml")
