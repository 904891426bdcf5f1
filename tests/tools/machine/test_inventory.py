"""The table of frameworks: one more row, in that one file, is all that another framework takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import live_code
from live_code.tools.machine import inventory
from tests.support import repos
from tests.support.machine import task
from tests.support.task_folder import TaskFolder
from tests.support.workshop import Workshop

PACKAGE = Path(live_code.__file__).parent
TABLE = Path(inventory.__file__).relative_to(PACKAGE)
ROW = 'KnownFramework("newml", "newml/about.py", distributions="newml-gpu", companions="newml-kernels-.+"),'
FACTS = "version = '3.0'\ncuda = '12.4'\n"


class Extended(NamedTuple):
    """A copy of the package in which the table has one more row, on a machine with an image and an index."""

    root: Path
    shop: Workshop

    def image_has_it(self, code: str = "", facts: str = FACTS) -> None:
        self.shop.image.has("newml-gpu", "3.0").holds("newml", "about.py", facts).holds("newml", "__init__.py", code)
        self.shop.image.has("newml-kernels-cu12", "12.1")

    def says(self, *words: object) -> str:
        environ = {**os.environ, "LIVE_CODE_STORE": str(self.shop.store.root), "PYTHONPATH": str(self.root)}
        environ |= {"LIVE_CODE_PYTHON": str(self.shop.image.python), "PIP_INDEX_URL": self.shop.index.url}
        environ |= {"LIVE_CODE_ALLOW_LOCAL": "1", "LIVE_CODE_WORKDIR": str(self.root / "work")}
        argv = [sys.executable, "-m", "live_code", *map(str, words)]
        done = subprocess.run(argv, env=environ, cwd=self.root, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def run(self, requirements: str, start: str) -> str:
        repo = repos.make(self.root / "served")
        repo.commit(start__py=start, requirements__txt=requirements, configs___default__yaml="epochs: 7\n")
        folder = TaskFolder(self.root / "task")
        folder.out_dir.mkdir(parents=True)
        task(folder, repo)
        return self.says("run", "--in", folder.in_dir, "--out", folder.out_dir)


@pytest.fixture
def extended(tmp_path: Path, shop: Workshop) -> Extended:
    root = tmp_path / "extended"
    shutil.copytree(PACKAGE, root / "live_code", ignore=shutil.ignore_patterns("__pycache__"))
    table = root / "live_code" / TABLE
    text = table.read_text()
    assert text.count("FRAMEWORKS = (\n") == 1
    table.write_text(text.replace("FRAMEWORKS = (\n", f"FRAMEWORKS = (\n    {ROW}\n"))
    return Extended(root, shop)


def test_it_is_found_in_the_image_and_protected_with_its_companions(extended: Extended) -> None:
    extended.image_has_it()
    shown = extended.says("doctor")
    assert "framework    newml 3.0 for CUDA 12.4\n" in shown
    assert "protected    newml==3.0, newml-gpu==3.0, newml-kernels-cu12==12.1\n" in shown


def test_one_whose_files_say_no_version_has_its_packages(extended: Extended) -> None:
    extended.image_has_it(facts="")
    shown = extended.says("doctor")
    assert "framework    newml 3.0 without CUDA\n" in shown
    assert "protected    newml==3.0, newml-gpu==3.0," in shown


def test_an_inventory_that_another_version_kept_in_the_store_is_not_used(extended: Extended) -> None:
    extended.image_has_it()
    assert "newml" not in extended.shop.interpreter.frameworks
    assert "newml 3.0" in extended.says("doctor")


def test_an_interpreter_without_any_is_told_all_names(extended: Extended) -> None:
    assert "what imports newml or torch or mxnet fails here" in extended.says("doctor")


def test_another_version_of_it_is_a_conflict(extended: Extended) -> None:
    extended.image_has_it()
    extended.shop.index.add("newml", "2.0")
    shown = extended.says("lock", extended.shop.write("newml<3\n").root)
    assert "requirements.txt:1 asks for newml<3, but the image ships newml 3.0" in shown


def test_a_build_that_breaks_it_fails(extended: Extended) -> None:
    extended.image_has_it("raise ImportError('numpy is too new')")
    extended.shop.index.add("numpy", "2.1.0")
    shown = extended.run("numpy\n", "import newml\n")
    assert "the image's newml does not work with numpy 2.1.0" in shown


def test_a_job_that_lacks_it_is_not_sent_to_the_requirements(extended: Extended) -> None:
    shown = extended.run("", "import newml\n")
    assert "the job's Python has no such framework" in shown


@pytest.mark.parametrize(
    ("requirements", "missing"), [("", True), ("newml-gpu\n", False), ("newml-kernels-cu12\n", True)]
)
def test_check_misses_it_unless_a_requirement_brings_it(extended: Extended, requirements: str, missing: bool) -> None:
    extended.shop.index.add("newml-gpu", "3.0").add("newml-kernels-cu12", "12.1")
    place = extended.shop.write("import newml\n", "start.py").write(requirements).root
    assert ("image's Python" in (shown := extended.says("check", place)) and "has no newml" in shown) is missing
