"""Every form in which a repo may state its requirements, and what is wrong with them told by file and line."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.errors import ConfigError, RequirementsError
from live_code.tools.packages import solution
from live_code.tools.packages.index import PYPI
from tests.support import images
from tests.support.servers import https
from tests.support.servers.index import BACKEND, PYPROJECT, wheel
from tests.support.servers.repos import Repo
from tests.support.workshop import Workshop, pins, seen

ROOT = Path(__file__).parents[3]
PROJECT = """
[project]
name = "proj"
version = "1.0"
dependencies = ["a"]
[project.optional-dependencies]
train = ["b"]
[dependency-groups]
dev = ["c"]
"""


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("a", "b", "c"):
        shop.index.add(name, "1.0").add(name, "2.0")
    return shop


class TestForms:
    def test_included_files_and_constraints(self, offered: Workshop) -> None:
        offered.write("-r more/base.txt\n-c limits.txt\nb\n").write("a\n", "more/base.txt").write("b<2\n", "limits.txt")
        assert pins(offered.lock()) == {"a": "2.0", "b": "1.0"}

    def test_markers_hold_for_the_jobs_interpreter(self, offered: Workshop) -> None:
        text = 'a; python_version < "3"\nb; python_version >= "3.8"\nc; sys_platform == "win32"\n'
        assert pins(offered.write(text).lock()) == {"b": "2.0"}

    def test_extras(self, offered: Workshop) -> None:
        offered.index.add("d", "1.0", 'a; extra == "more"', extras=("more",))
        assert pins(offered.write("d[more]\n").lock()) == {"d": "1.0", "a": "2.0"}

    def test_continuations_and_comments(self, offered: Workshop) -> None:
        digest = "sha256:" + "0" * 64
        text = f"a==1.0 \\\n  --hash={digest} # the old one\n\n# b\n"
        assert pins(offered.write(text).lock()) == {"a": "1.0"}

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark_as_editors_and_powershell_write_it(self, offered: Workshop, encoding: str) -> None:
        (offered.root / "requirements.txt").write_bytes("a<2\r\n-r more.txt\r\n".encode(encoding))
        (offered.root / "more.txt").write_bytes("b==1.0\r\n".encode(encoding))
        assert pins(offered.lock()) == {"a": "1.0", "b": "1.0"}

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_a_line_continued_anywhere(self, offered: Workshop, resolver: str) -> None:
        text = 'a \\\n  <2\nb>=1, \\\n  <2 \\\n  ; python_version > "3"\n-r more/c.txt\n'
        offered.write(text).write("c\\\n==1.0\n", "more/c.txt")
        locked = offered.lock(resolver=resolver)
        assert pins(locked) == {"a": "1.0", "b": "1.0", "c": "1.0"}
        assert "# via -r more/c.txt" in locked.text

    def test_a_fault_below_a_continued_line_is_told_with_its_own_number(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:4 can't be read"):
            offered.write("a \\\n  <2\n\nb == == 1\n").lock()

    def test_a_wheel_by_url_keeps_its_hash(self, offered: Workshop) -> None:
        url = offered.index.url.replace("/simple", "/files/b-1.0-py3-none-any.whl")
        entries = solution.parse(offered.write(f"b @ {url}\n").lock().text)
        assert [(entry.name, entry.url, entry.is_hashed) for entry in entries] == [("b", url, True)]
        assert seen(offered.make(), "b")["b"][0] == "1.0"

    def test_an_index_that_a_file_names_is_asked_too(self, offered: Workshop, second_index: object) -> None:
        from tests.support.servers.index import Index

        assert isinstance(second_index, Index)
        second_index.add("only-there", "1.0")
        offered.write(f"--extra-index-url {second_index.url}\nonly-there\na\n")
        assert pins(offered.lock()) == {"only-there": "1.0", "a": "2.0"}
        assert set(seen(offered.make(), "only_there", "a")) == {"only_there", "a"}

    def test_a_folder_of_wheels_that_a_file_names(self, offered: Workshop) -> None:
        offered.root.joinpath("wheels").mkdir()
        offered.root.joinpath("wheels", "mine-3.0-py3-none-any.whl").write_bytes(wheel("mine", "3.0"))
        assert pins(offered.write("--find-links wheels\nmine\n").lock()) == {"mine": "3.0"}
        assert seen(offered.make(), "mine")["mine"][0] == "3.0"

    def test_a_project_with_chosen_extras_and_groups(self, offered: Workshop) -> None:
        offered.write(PROJECT, "pyproject.toml")
        assert pins(offered.lock(requirements="pyproject.toml")) == {"a": "2.0"}
        assert pins(offered.lock(requirements="pyproject.toml[train]")) == {"a": "2.0", "b": "2.0"}
        assert pins(offered.lock(requirements="pyproject.toml:dev"))["c"] == "2.0"

    def test_the_pip_part_of_condas_file(self, offered: Workshop) -> None:
        offered.write("dependencies:\n- python=3.11\n- pip\n- pip:\n  - a==1.0\n  - -r more.txt\n", "environment.yml")
        offered.write("b\n", "more.txt")
        assert pins(offered.lock(requirements="environment.yml")) == {"a": "1.0", "b": "2.0"}

    def test_what_only_conda_has_is_refused_by_name(self, offered: Workshop) -> None:
        offered.write("dependencies:\n- faiss-gpu=1.7\n- pip:\n  - a\n", "environment.yml")
        words = r"environment\.yml:2 asks conda for faiss-gpu=1\.7; live-code installs with pip"
        with pytest.raises(RequirementsError, match=words):
            offered.lock(requirements="environment.yml")

    def test_a_python_that_is_not_the_images_is_refused(self, offered: Workshop) -> None:
        offered.write("dependencies:\n- python=3.6\n", "environment.yml")
        with pytest.raises(RequirementsError, match=r"asks for python=3\.6, but the image has Python 3\."):
            offered.lock(requirements="environment.yml")


class TestExistingLock:
    def test_its_versions_and_its_hashes_are_kept(self, offered: Workshop) -> None:
        offered.index.add("d", "1.0", "a").add("d", "2.0")
        known = offered.write("d<2\na<2\n").lock()
        own = "".join(entry.text for entry in solution.parse(known.text))
        again = offered.write(own, "pinned.txt").lock(requirements="pinned.txt")
        assert pins(again) == {"a": "1.0", "d": "1.0"}
        assert "".join(entry.text for entry in solution.parse(again.text)) == own

    def test_a_whole_one_is_used_as_it_is_without_an_index(self, offered: Workshop) -> None:
        offered.index.add("d", "1.0", "a").add("PyYAML", "6.0")
        own = "".join(entry.text for entry in solution.parse(offered.write("d\n").lock().text))
        offered.index.asked.clear()
        offered.image.has("tqdm", "4.1").torch("2.6.0+cu124")
        there = "".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in ("tqdm==4.1", "torch==2.6.0"))
        locked = offered.write(f"--index-url {offered.index.url}\n{own}{there}", "pinned.txt").lock(
            requirements="pinned.txt"
        )
        assert "".join(entry.text for entry in solution.parse(locked.text)) == own
        assert offered.index.asked == []
        assert seen(offered.make(locked), "d", "a")["a"][0] == "2.0"

    def test_what_the_job_side_needs_is_added_to_a_whole_one(self, offered: Workshop, tmp_path: Path) -> None:
        digest = "sha256:" + "0" * 64
        bare = offered._replace(image=images.venv(tmp_path / "bare"))
        locked = bare.write(f"a==1.0 --hash={digest}\nPyYAML==6.0 --hash={digest}\n").lock()
        assert pins(locked) == {"a": "1.0", "PyYAML": "6.0", "easydict": "1.9"}

    def test_it_meets_the_torch_contract_like_any_other(self, offered: Workshop) -> None:
        offered.image.torch("2.6.0+cu124")
        offered.index.add("torch", "1.13.0", "typing-extensions")
        digest = "sha256:" + "0" * 64
        with pytest.raises(RequirementsError, match=r"the image ships torch 2\.6\.0\+cu124"):
            offered.write(f"torch==1.13.0 --hash={digest}\n").lock()

    def test_uvs_own(self, offered: Workshop) -> None:
        from live_code.tools.packages import uv

        text = PROJECT.replace("dependencies = [", 'requires-python = ">=3.8"\ndependencies = [', 1)
        offered.write(text, "pyproject.toml")
        command = [uv.binary(), "lock", "-q", "--default-index", offered.index.url, "--cache-dir", offered.root / ".c"]
        subprocess.run([*command, "--python", offered.image.python], cwd=offered.root, check=True)
        offered.index.add("a", "3.0")
        assert pins(offered.lock(requirements="uv.lock")) == {"a": "2.0"}


class TestProjects:
    def project(self, shop: Workshop, name: str, module: str) -> None:
        """A project whose build needs nothing: its backend stands in it, and packs `module` as it is."""
        built = base64.b64encode(wheel("proj", "1.0", files={"proj/__init__.py": module})).decode()
        shop.write(PYPROJECT + PROJECT.split("[project.opt")[0], f"{name}/pyproject.toml")
        shop.write(BACKEND.format(wheel=built, fail="", stem="proj-1.0"), f"{name}/backend.py")

    def test_its_dependencies_are_locked_and_it_is_built_for_its_commit(self, offered: Workshop) -> None:
        self.project(offered, ".", "__version__ = 'this commit'\n")
        locked = offered.write("-e .\nb\n").lock()
        assert pins(locked) == {"a": "2.0", "b": "2.0"}
        assert locked.projects.lines == ("-e .",)
        found = seen(offered.make(locked), "proj", "a", "b")
        assert {name: value[0] for name, value in found.items()} == {"proj": "this commit", "a": "2.0", "b": "2.0"}

    def test_commits_with_the_same_dependencies_share_them(self, offered: Workshop) -> None:
        self.project(offered, "lib", "__version__ = 'first'\n")
        first = offered.write("./lib\n").lock()
        made = offered.make(first)
        self.project(offered, "lib", "__version__ = 'second'\n")
        second = offered.lock()._replace(projects=first.projects._replace(content="another commit's"))
        again = offered.make(second)
        assert (seen(made, "proj")["proj"][0], seen(again, "proj")["proj"][0]) == ("first", "second")
        assert seen(made, "a")["a"][1] == seen(again, "a")["a"][1]
        assert again.why == "another commit's project"

    def test_the_work_tree_stays_as_it_is(self, offered: Workshop) -> None:
        self.project(offered, ".", "")
        before = sorted(offered.write("-e .\n").root.rglob("*"))
        offered.make()
        assert sorted(offered.root.rglob("*")) == before

    @pytest.mark.slow
    @pytest.mark.parametrize("form", ["setup.py", "setup.cfg"])
    def test_one_with_only_setuptools_own_files(self, offered: Workshop, form: str) -> None:
        offered.index.add("live-code-tests-own", "1.0")  # no name that PyPI has too
        texts = {
            "setup.py": "from setuptools import setup\nsetup(name='old', version='1', py_modules=['old'], "
            "install_requires=['live-code-tests-own<2'])\n",
            "setup.cfg": "[metadata]\nname = old\nversion = 1\n[options]\npy_modules = old\n"
            "install_requires = live-code-tests-own<2\n",
        }
        offered.write(texts[form], form).write("__version__ = '1'\n", "old.py")
        if form == "setup.cfg":
            offered.write("from setuptools import setup\nsetup()\n", "setup.py")
        on_pypi = {"PIP_EXTRA_INDEX_URL": os.environ.get("PIP_INDEX_URL", PYPI)}  # it has setuptools
        offered = offered._replace(environ=on_pypi)
        assert pins(offered.lock(requirements=form)) == {"live-code-tests-own": "1.0"}
        assert seen(offered.make(offered.write("-e .\n").lock()), "old", "live_code_tests_own")["old"][0] == "1"

    @pytest.mark.slow
    def test_one_whose_setup_py_imports_torch_is_built_where_the_images_is(self, offered: Workshop) -> None:
        shop = offered._replace(image=images.real_torch())
        if "setuptools" not in shop.interpreter.packages:
            pytest.skip("this image has no setuptools")
        text = "import torch\nfrom setuptools import setup\nsetup(name='ext', version='1', py_modules=['ext'])\n"
        shop.write(text, "setup.py").write("import torch\n__version__ = torch.__version__\n", "ext.py")
        shop = shop._replace(environ={"PIP_EXTRA_INDEX_URL": os.environ.get("PIP_INDEX_URL", PYPI)})
        assert seen(shop.make(shop.write("-e .\n").lock()), "ext")["ext"][0].startswith("2.13.0")

    def test_one_outside_the_repo_is_refused(self, offered: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"requirements\.txt:1 names \.\./other, which leaves the repo"):
            offered.write("-e ../other\n").lock()


@pytest.mark.slow
class TestGit:
    """git+https: the same logins as for the source, and a commit in the lock whatever was asked for."""

    @pytest.fixture
    def served(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[https.Server, Repo]]:
        subprocess.run([f"{ROOT}/scripts/install-test-servers"], check=True)
        repo = Repo(tmp_path / "repos" / "lib.git")
        built = base64.b64encode(wheel("lib", "1.0", ("a",))).decode()
        backend = BACKEND.format(wheel=built, fail="", stem="lib-1.0")
        project = '[project]\nname = "lib"\nversion = "1.0"\ndependencies = ["a"]\n'
        repo.commit({"pyproject.toml": PYPROJECT + project, "backend.py": backend})
        with https.running(tmp_path / "https", repo.path.parent) as server:
            monkeypatch.setenv("LIVE_CODE_CA_FILE", str(server.ca_file))
            yield server, repo

    @pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
    @pytest.mark.parametrize("line", ["lib @ {url}@main", "-e {url}@main#egg=lib", "{url}"])
    def test_a_branch_is_locked_to_its_commit(
        self, line: str, resolver: str, offered: Workshop, served: tuple[https.Server, Repo]
    ) -> None:
        server, repo = served
        commit = repo.git("rev-parse", "HEAD")
        url = f"git+{server.url}/open/lib.git"
        locked = offered.write(f"{line.format(url=url)}\n").lock(resolver=resolver)
        assert f"lib @ git+{server.url}/open/lib.git@{commit}" in locked.text
        assert set(seen(offered.make(locked), "lib", "a")) == {"lib", "a"}

    def test_a_private_one_takes_the_containers_token(
        self, offered: Workshop, served: tuple[https.Server, Repo], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server, _ = served
        for name, value in (("TOKEN", https.TOKEN), ("HOST", server.host), ("USER", https.USER)):
            monkeypatch.setenv(f"LIVE_CODE_GIT_{name}", value)
        made = offered.make(offered.write(f"lib @ git+{server.url}/private/lib.git\n").lock())
        assert seen(made, "lib")["lib"][0] == "1.0"
        kept = [path for path in offered.store.root.rglob("*") if path.is_file()]
        assert [path for path in kept if https.TOKEN.encode() in path.read_bytes()] == []

    def test_without_the_token_it_is_refused(self, offered: Workshop, served: tuple[https.Server, Repo]) -> None:
        with pytest.raises(RequirementsError, match="lib"):
            offered.write(f"lib @ git+{served[0].url}/private/lib.git\n").lock()


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("a\nb=>1\n", "requirements.txt:2"),
            ("a==\n", "requirements.txt:1"),
            ("a\n\n--what x\n", "requirements.txt:3"),
        ],
    )
    def test_a_syntax_error_is_told_by_file_and_line(self, text: str, where: str, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=where):
            offered.write(text).lock()

    def test_a_syntax_error_in_an_included_file(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"more/base\.txt:2"):
            offered.write("-r more/base.txt\n").write("a\nb=>1\n", "more/base.txt").lock()

    def test_a_circle(self, offered: Workshop) -> None:
        offered.write("-r x.txt\n").write("-r requirements.txt\n", "x.txt")
        with pytest.raises(RequirementsError, match=r"circle: requirements\.txt → x\.txt → requirements\.txt"):
            offered.lock()

    def test_an_included_file_that_is_not_there(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 includes gone\.txt, which is no file"):
            offered.write("-r gone.txt\n").lock()

    def test_one_from_the_network(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 includes https://host/r\.txt"):
            offered.write("-r https://host/r.txt\n").lock()

    def test_what_nobody_offers(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 asks for nosuch, which was not found"):
            offered.write("nosuch\n").lock()

    def test_versions_that_exclude_each_other(self, offered: Workshop) -> None:
        with pytest.raises(
            RequirementsError, match=r"txt:1 asks for a==1\.0, but requirements\.txt:2 asks for a==2\.0"
        ):
            offered.write("a==1.0\na==2.0\n").lock()

    def test_ten_thousand_lines(self, offered: Workshop) -> None:
        assert pins(offered.write("a>=1\n" * 10_000).lock()) == {"a": "2.0"}

    def test_ten_thousand_different_names_and_the_line_of_the_wrong_one(self, offered: Workshop) -> None:
        lines = [f"name-{number}=={number}.0  # {number}" for number in range(10_000)]
        lines[7654] = "name-7654=>1"
        with pytest.raises(RequirementsError, match=r"requirements\.txt:7655 can't be read as a requirement"):
            offered.write("\n".join(lines)).lock()

    def test_ten_thousand_pins_with_hashes_are_a_lock_within_seconds(self, offered: Workshop) -> None:
        digest = "sha256:" + "0" * 64
        lines = [
            f"name-{number}=={number}.0 ; python_version >= '3' \\\n    --hash={digest}\n" for number in range(10_000)
        ]
        started = time.monotonic()
        assert len(pins(offered.write("".join(lines)).lock())) == 10_000
        assert time.monotonic() - started < 10

    def test_bytes_that_are_no_text(self, offered: Workshop) -> None:
        offered.root.joinpath("requirements.txt").write_bytes(b"\xff\x00a")
        with pytest.raises(RequirementsError, match=r"requirements\.txt can't be read"):
            offered.lock()


class TestEncoding:
    @pytest.mark.parametrize(
        ("line", "encoding"),
        [
            ("# -*- coding: gbk -*-", "gbk"),
            ("# coding=latin-1", "latin-1"),
            ("#!/x\n# vim: set fileencoding=cp1251 :", "cp1251"),
        ],
    )
    def test_the_one_that_its_first_lines_name(self, offered: Workshop, line: str, encoding: str) -> None:
        comment = {"gbk": "依赖", "latin-1": "für", "cp1251": "для"}[encoding]
        (offered.root / "requirements.txt").write_bytes(f"{line}\na<2  # {comment}\nb==1.0\n".encode(encoding))
        assert pins(offered.lock()) == {"a": "1.0", "b": "1.0"}

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
    def test_a_mark(self, offered: Workshop, encoding: str) -> None:
        mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
        (offered.root / "requirements.txt").write_bytes(f"{mark}a<2\n".encode(encoding))
        assert pins(offered.lock()) == {"a": "1.0"}

    def test_bytes_of_another_one_do_no_harm_in_comments(self, offered: Workshop) -> None:
        (offered.root / "requirements.txt").write_bytes("# 依赖\na<2 # 旧\n".encode("gbk"))
        assert pins(offered.lock()) == {"a": "1.0"}

    def test_elsewhere_they_are_refused_with_what_helps(self, offered: Workshop) -> None:
        (offered.root / "requirements.txt").write_bytes("a<2\n依赖\n".encode("gbk"))
        with pytest.raises(RequirementsError, match=r"requirements\.txt can't be read: .* # -\*- coding: gbk -\*-"):
            offered.lock()

    def test_one_that_does_not_exist_is_refused(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match="unknown encoding: klingon"):
            offered.write("# coding: klingon\na\n").lock()


class TestProjectsPython:
    TEXTS = {
        "pyproject.toml": '[project]\nname = "p"\nversion = "1"\nrequires-python = "{python}"\n'
        'dependencies = ["a<2"]\n',
        "setup.cfg": "[metadata]\nname = p\nversion = 1\n[options]\npython_requires = {python}\n",
        "setup.py": "from setuptools import setup\nsetup(name='p', version='1', python_requires='{python}')\n",
    }

    @pytest.mark.parametrize("form", TEXTS)
    def test_another_one_than_the_images_is_refused(self, offered: Workshop, form: str) -> None:
        offered.write(self.TEXTS[form].replace("{python}", ">=3.99"), form)
        with pytest.raises(RequirementsError, match=r"is for Python >=3\.99, but the image has 3\.") as caught:
            offered.lock(requirements=form)
        assert str(caught.value).startswith(form)

    def test_the_images_own_is_taken(self, offered: Workshop) -> None:
        offered.write(self.TEXTS["pyproject.toml"].replace("{python}", ">=3.8,<4"), "pyproject.toml")
        assert pins(offered.lock(requirements="pyproject.toml")) == {"a": "1.0"}


class TestUvsTable:
    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_constraints_of_a_project_count(self, offered: Workshop, resolver: str) -> None:
        text = '[project]\nname = "p"\nversion = "1"\ndependencies = ["a", "b"]\n[build-system]\nrequires = []\n'
        text += 'build-backend = "backend"\nbackend-path = ["."]\n[tool.uv]\nconstraint-dependencies = ["a<2"]\n'
        offered.write(text, "pyproject.toml")
        built = base64.b64encode(wheel("p", "1", ("a", "b"))).decode()
        offered.write(BACKEND.format(wheel=built, fail="", stem="p-1"), "backend.py")
        assert pins(offered.lock(requirements="pyproject.toml", resolver=resolver)) == {"a": "1.0", "b": "2.0"}

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_overrides_count_for_uv_and_are_told_of_with_the_other(
        self, offered: Workshop, resolver: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offered.index.add("d", "1.0", "a>=2")
        text = '[project]\nname = "p"\nversion = "1"\ndependencies = ["d"]\n[build-system]\nrequires = []\n'
        text += 'build-backend = "backend"\nbackend-path = ["."]\n[tool.uv]\noverride-dependencies = ["a==1.0"]\n'
        offered.write(text, "pyproject.toml")
        built = base64.b64encode(wheel("p", "1", ("d",))).decode()
        offered.write(BACKEND.format(wheel=built, fail="", stem="p-1"), "backend.py")
        locked = pins(offered.lock(requirements="pyproject.toml", resolver=resolver))
        assert locked == {"d": "1.0", "a": "1.0" if resolver == "uv" else "2.0"}
        assert ("override-dependencies is for uv" in capsys.readouterr().err) is (resolver != "uv")
