"""A lock that the repo brings, made by the real tools, is used as it is: never resolved again, for the job's
interpreter, around the image's framework."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.errors import FrameworkConflictError, RequirementsError
from live_code.tools.packages import solution, uv
from live_code.tools.store import Store
from tests.support import images
from tests.support.servers.index import Index
from tests.support.workshop import Workshop, pins, seen

PROJECT = """
[project]
name = "proj"
version = "1.0"
requires-python = ">=3.8"
dependencies = [
    "a<3", "old; python_version < '3.9'", "forked<2; python_version < '3.9'", "forked; python_version >= '3.9'",
]
[project.optional-dependencies]
more = ["c"]
[dependency-groups]
dev = ["d"]
"""
HEAD = 'lock-version = "1.0"\ncreated-by = "me"\n'


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("c", "d", "old"):
        shop.index.add(name, "1.0")
    shop.index.add("a", "1.0").add("b", "1.0").add("a", "2.0", "b", "win; sys_platform == 'win32'").add("win", "1.0")
    return shop.index.add("forked", "1.0").add("forked", "2.0") and shop.write(PROJECT, "pyproject.toml")


def made(shop: Workshop, form: str) -> str:
    """The name of a lock that its own tool made of the project; newer releases come out after that."""
    index, python = ["--default-index", shop.index.url], ["--python", str(shop.image.python)]
    universal = ["--universal", "--python-version", "3.8", "--generate-hashes"]
    commands = {
        "uv.lock": ["lock", *index, *python],
        "pylock.toml": [
            "export",
            "--format",
            "pylock.toml",
            "--no-emit-project",
            "--no-dev",
            "-o",
            "pylock.toml",
            *index,
            *python,
        ],
        "universal.txt": ["pip", "compile", "pyproject.toml", *universal, "-o", "universal.txt", *index, *python],
    }
    words = ["--cache-dir", str(shop.root.parent / "tools-cache"), "--no-config", "--quiet"]
    subprocess.run([uv.binary(), *commands[form], *words], cwd=shop.root, check=True)
    shop.index.add("a", "2.5").add("b", "7.0").add("forked", "3.0")
    shop.index.asked.clear()
    return form


LOCKS = ["uv.lock", "pylock.toml", "universal.txt"]


@pytest.mark.parametrize("form", LOCKS)
def test_it_is_not_resolved_again_and_no_index_is_asked(form: str, offered: Workshop) -> None:
    locked = offered.lock(requirements=made(offered, form))
    assert pins(locked) == {"a": "2.0", "b": "1.0", "forked": "2.0"}
    assert offered.index.asked == []
    assert all(pin.is_hashed and ";" not in pin.text for pin in solution.parse(locked.text))
    found = seen(offered.make(locked), "a", "b", "forked")
    assert {name: value[0] for name, value in found.items()} == {"a": "2.0", "b": "1.0", "forked": "2.0"}


@pytest.mark.slow
@pytest.mark.parametrize("form", LOCKS)
def test_its_markers_are_those_of_the_jobs_interpreter(form: str, offered: Workshop, tmp_path: Path) -> None:
    name = made(offered, form)
    old = images.venv(tmp_path / "old", images.base_python("3.8")).has("PyYAML", "6.0").has("EasyDict", "1.9")
    on_old = offered._replace(image=old)
    assert pins(on_old.lock(requirements=name)) == {"a": "2.0", "b": "1.0", "forked": "1.0", "old": "1.0"}


@pytest.mark.slow
def test_pip_tools_own(offered: Workshop) -> None:
    offered.write("a<3\nold; python_version < '3.9'\nd; python_version >= '3'\n", "requirements.in")
    words = ["-m", "piptools", "compile", "-q", "--generate-hashes", "--no-config", "-i", offered.index.url]
    env = {"PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin", "HOME": str(offered.root.parent)}
    subprocess.run([sys.executable, *words, "requirements.in"], cwd=offered.root, check=True, env=env)
    offered.index.add("a", "2.5")
    offered.index.asked.clear()
    assert pins(offered.lock()) == {"a": "2.0", "b": "1.0", "d": "1.0"}
    assert offered.index.asked == []


@pytest.mark.parametrize("form", ["uv.lock", "pylock.toml"])
def test_it_is_found_where_the_repo_has_nothing_else(form: str, offered: Workshop) -> None:
    made(offered, form)
    assert offered.lock().requirements == form


@pytest.mark.parametrize("choice", ["uv.lock[more]:dev", "pylock.toml"])
def test_extras_and_groups_of_it_are_chosen(choice: str, offered: Workshop) -> None:
    made(offered, "uv.lock")
    made(offered, "pylock.toml")
    locked = pins(offered.lock(requirements=choice))
    assert {"c", "d"} <= set(locked) if "more" in choice else "c" not in locked


def test_a_project_of_the_workspace_belongs_to_it(offered: Workshop) -> None:
    member = '[project]\nname = "lib"\nversion = "1.0"\ndependencies = ["c"]\n'
    sources = '[tool.uv.sources]\nlib = { path = "lib", editable = true }\n'
    offered.write(member, "lib/pyproject.toml").write("", "lib/lib/__init__.py")
    offered.write(PROJECT.replace('"a<3"', '"a<3", "lib"') + sources, "pyproject.toml")
    locked = offered.lock(requirements=made(offered, "uv.lock"))
    assert locked.projects.lines == ("-e ./lib",)
    assert pins(locked)["c"] == "1.0"


class TestFramework:
    @pytest.fixture
    def on_torch(self, offered: Workshop) -> Workshop:
        offered.image.torch("2.6.0+cu124", cuda="12.4", numpy=1).has("numpy", "1.26.4").has("nvidia-blas-cu12", "12.4")
        offered.index.add("torch", "1.13.0", "typing-extensions").add("typing-extensions", "4.12.2")
        cuda = ("nvidia-blas-cu12==12.1", "nvidia-nccl-cu12==2.20", "triton>=3")
        offered.index.add("torch", "2.6.0", "typing-extensions", *cuda).add("nvidia-ml-py", "12.0")
        offered.index.add("nvidia-blas-cu12", "12.1").add("nvidia-nccl-cu12", "2.20").add("triton", "3.2")
        return offered.index.add("numpy", "1.25.0").add("numpy", "2.1.0") and offered

    def asking(self, shop: Workshop, *dependencies: str) -> Workshop:
        listed = ", ".join(f'"{one}"' for one in dependencies)
        text = f'[project]\nname = "proj"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = [{listed}]\n'
        return shop.write(text, "pyproject.toml")

    @pytest.mark.parametrize("form", ["uv.lock", "universal.txt"])
    def test_one_that_fits_is_the_images_and_so_is_what_only_it_needs(self, form: str, on_torch: Workshop) -> None:
        shop = self.asking(on_torch, "torch==2.6.0", "a<2", "nvidia-ml-py")
        locked = shop.lock(requirements=made(shop, form))
        assert pins(locked) == {"a": "1.0", "nvidia-ml-py": "12.0"}

    @pytest.mark.parametrize("form", LOCKS)
    def test_another_one_is_a_conflict(self, form: str, on_torch: Workshop) -> None:
        if form == "pylock.toml":
            made(self.asking(on_torch, "torch==1.13.0"), "uv.lock")
        shop = self.asking(on_torch, "torch==1.13.0")
        name = made(shop, form)
        words = r"^(\S+):(\d+) asks for torch==1\.13\.0, but the image ships torch 2\.6\.0"
        with pytest.raises(FrameworkConflictError, match=words) as caught:
            shop.lock(requirements=name)
        match = re.match(words, str(caught.value))
        assert match
        assert "torch" in (shop.root / name).read_text().splitlines()[int(match[2]) - 1]
        assert shop.index.downloads() == []

    def test_a_numpy_that_torch_works_with_is_taken(self, on_torch: Workshop) -> None:
        shop = self.asking(on_torch, "numpy==1.25.0")
        assert pins(shop.lock(requirements=made(shop, "uv.lock"))) == {"numpy": "1.25.0"}

    def test_another_numpy_is_a_conflict(self, on_torch: Workshop) -> None:
        shop = self.asking(on_torch, "numpy==2.1.0")
        with pytest.raises(FrameworkConflictError, match=r"asks for numpy==2\.1\.0, but numpy<2 has to hold"):
            shop.lock(requirements=made(shop, "uv.lock"))


def test_an_index_that_it_names_is_asked_for_its_files(offered: Workshop, second_index: Index, tmp_path: Path) -> None:
    second_index.add("elsewhere", "1.0")
    source = '[tool.uv.sources]\nelsewhere = { index = "own" }\n[[tool.uv.index]]\nname = "own"\nexplicit = true\n'
    source += f'url = "{second_index.url}"\n'
    offered.write(PROJECT.replace('"a<3"', '"a<3", "elsewhere"') + source, "pyproject.toml")
    locked = offered.lock(requirements=made(offered, "uv.lock"))
    assert seen(offered._replace(store=Store(tmp_path / "other")).make(locked), "elsewhere")["elsewhere"][0] == "1.0"


class TestBad:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("uv.lock", "version = 1\n[[package]]\nname =", r"uv\.lock can't be read: "),
            ("pylock.toml", "lock-version = 1.0\n[[", r"pylock\.toml can't be read: "),
            ("pylock.toml", 'created-by = "me"\n', r"pylock\.toml can't be read: .*lock-version"),
            ("pylock.toml", f'{HEAD}requires-python = "<3"\npackages = []\n', "is for Python <3, but the image has 3"),
        ],
    )
    def test_one_that_cannot_be_read_says_why(self, name: str, text: str, words: str, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=words):
            offered.write(text, name).lock(requirements=name)

    def test_uvs_for_another_python(self, offered: Workshop) -> None:
        made(offered, "uv.lock")
        text = (offered.root / "uv.lock").read_text().replace('requires-python = ">=3.8"', 'requires-python = ">=3.99"')
        offered.write(text, "uv.lock").write(PROJECT.replace(">=3.8", ">=3.99"), "pyproject.toml")
        with pytest.raises(RequirementsError, match=r"uv\.lock is for Python >=3\.99, but the image has 3"):
            offered.lock(requirements="uv.lock")
