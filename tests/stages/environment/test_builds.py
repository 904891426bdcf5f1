"""What a build sees: real build requirements, the image's framework and no other, dates; and that it has an end."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from live_code.errors import BuildError, BuildTimeoutError, FrameworkConflictError, RequirementsError
from live_code.tools.packages.index import PYPI
from tests.support import images
from tests.support.servers.index import File, Index
from tests.support.workshop import Workshop, pins, seen

# A build backend that writes down what it sees of the packages that it is asked about.
BACKEND = """
import base64, importlib, io, os, zipfile
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(folder, config_settings=None, metadata_directory=None):
    told = {}
    for name in LOOKED_AT:
        module = importlib.import_module(name)
        told[name] = [getattr(module, "__version__", ""), module.__file__]
    with zipfile.ZipFile(os.path.join(folder, "NAME-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("NAME/__init__.py", f"__version__ = '1.0'\\nBUILT = {told!r}\\n")
        wheel.writestr("NAME-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n")
        wheel.writestr("NAME-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("NAME-1.0.dist-info/RECORD", "")
    return "NAME-1.0-py3-none-any.whl"
build_editable = build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
"""


def backend(name: str, *modules: str) -> str:
    return BACKEND.replace("NAME", name).replace("LOOKED_AT", repr(modules))


def pyproject(*requires: str, module: str = "backend") -> str:
    own = 'backend-path = ["."]\n' if module == "backend" else ""
    return f'[build-system]\nrequires = {list(requires)!r}\nbuild-backend = "{module}"\n{own}'


def add_source(index: Index, name: str, texts: Mapping[str, str]) -> None:
    """Offers a source release that is these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", **texts}.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    index.files[f"{name}-1.0.tar.gz"] = File(
        name, f"{name}-1.0.tar.gz", "1.0", content, sha256, "2020-01-01T00:00:00Z", ""
    )


def built(shop: Workshop, name: str) -> dict[str, list[str]]:
    """What the package saw while it was built."""
    import json

    made = shop.make()
    code = f"import json, {name}; print(json.dumps({name}.BUILT))"
    done = subprocess.run([made.python, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


class TestStubs:
    """They stand for the image's packages where the job's are chosen, and nowhere else."""

    def test_a_build_gets_the_real_package_of_a_version_that_the_image_has(self, shop: Workshop) -> None:
        shop.image.has("buildtool", "1.0")
        shop.index.add("buildtool", "1.0", files={"buildtool/__init__.py": "__version__ = 'real'\n"})
        add_source(shop.index, "p", {"pyproject.toml": pyproject("buildtool"), "backend.py": backend("p", "buildtool")})
        version, file = built(shop.write("p\n"), "p")["buildtool"]
        assert version == "real"
        assert not file.startswith(str(shop.image.site_packages))

    def test_a_build_may_ask_for_an_older_one_than_the_images(self, shop: Workshop) -> None:
        shop.image.has("buildtool", "3.0")
        for version in ("1.0", "2.0", "3.0"):
            shop.index.add("buildtool", version)
        asks = pyproject("buildtool>=1,<3")
        add_source(shop.index, "p", {"pyproject.toml": asks, "backend.py": backend("p", "buildtool")})
        assert built(shop.write("p\n"), "p")["buildtool"][0] == "2.0"

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_a_platforms_wheel_of_the_same_version_does_not_come_in_their_place(
        self, shop: Workshop, resolver: str
    ) -> None:
        shop.image.has("torch", "2.6.0").has("tqdm", "4.1")
        for name, version in (("torch", "2.6.0"), ("tqdm", "4.1")):
            shop.index.add(name, version, "nvidia-cublas")
            offered = shop.index.files.pop(f"{name}-{version}-py3-none-any.whl")
            file = f"{name}-{version}-cp3{sys.version_info.minor}-abi3-manylinux_2_17_x86_64.whl"
            shop.index.files[file] = offered._replace(name=file)
        shop.index.add("nvidia-cublas", "12.1").add("p", "1.0", "torch", "tqdm")
        assert pins(shop.write("p\n").lock(resolver=resolver)) == {"p": "1.0"}

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_no_binary_is_not_about_the_images_packages(self, shop: Workshop, resolver: str) -> None:
        shop.image.torch("2.6.0+cu124").has("tqdm", "4.1")
        shop.index.add("p", "1.0", "torch", "tqdm", source=True)
        locked = shop.write("--no-binary :all:\np\n").lock(resolver=resolver)
        assert pins(locked) == {"p": "1.0"}

    def test_a_version_of_the_lock_is_never_a_stubs(self, shop: Workshop) -> None:
        shop.image.has("tqdm", "4.1").has("local", "1.0+abc")
        shop.index.add("p", "1.0", "tqdm", "local==1.0+abc")
        assert pins(shop.write("p\n").lock()) == {"p": "1.0"}


class TestFramework:
    """A build that needs the image's framework gets exactly that."""

    @pytest.fixture
    def offered(self, shop: Workshop) -> Workshop:
        shop.image.torch("2.6.0+cu124")
        shop.index.add("torch", "2.9.0", files={"torch/__init__.py": "__version__ = 'the wrong one'\n"})
        return shop

    @pytest.mark.parametrize("requires", [(), ("torch",), ("torch>=2.5.1",)])
    def test_declared_or_not(self, offered: Workshop, requires: tuple[str, ...]) -> None:
        texts = {"pyproject.toml": pyproject(*requires), "backend.py": "import torch\n" + backend("p", "torch")}
        add_source(offered.index, "p", texts)
        file = built(offered.write("p\n"), "p")["torch"][1]
        assert file.startswith(str(offered.image.site_packages))
        assert set(offered.index.downloads()) == {"p-1.0.tar.gz"}

    def test_so_does_a_project_of_the_repo(self, offered: Workshop) -> None:
        offered.write(pyproject("torch>=2.5.1"), "pyproject.toml").write(backend("p", "torch"), "backend.py")
        assert built(offered.write(".\n"), "p")["torch"][1].startswith(str(offered.image.site_packages))

    def test_the_lock_says_that_a_build_saw_the_images_packages(self, offered: Workshop) -> None:
        texts = {"pyproject.toml": pyproject(), "backend.py": "import torch\n" + backend("p", "torch")}
        add_source(offered.index, "p", texts)
        assert "# built with the image's packages in sight: p==1.0\n" in offered.write("p\n").lock().text

    def test_another_version_than_the_images_is_refused(self, offered: Workshop) -> None:
        add_source(offered.index, "p", {"pyproject.toml": pyproject("torch<2"), "backend.py": backend("p", "torch")})
        with pytest.raises((FrameworkConflictError, RequirementsError, BuildError), match="torch"):
            offered.write("p\n").make()

    def test_what_was_built_beside_one_is_not_used_beside_another(self, offered: Workshop, tmp_path: Path) -> None:
        texts = {"pyproject.toml": pyproject("torch"), "backend.py": backend("p", "torch")}
        add_source(offered.index, "p", texts)
        first = built(offered.write("p\n"), "p")["torch"][1]
        other = images.venv(tmp_path / "other").has("PyYAML", "6.0").has("EasyDict", "1.9").torch("2.7.0+cu124")
        second = built(offered._replace(image=other), "p")["torch"][1]
        assert first.startswith(str(offered.image.site_packages))
        assert second.startswith(str(other.site_packages))

    def test_a_module_that_nobody_has_stays_the_reason(self, offered: Workshop) -> None:
        texts = {"pyproject.toml": pyproject(), "backend.py": "import nowhere_to_be_found\n" + backend("p")}
        add_source(offered.index, "p", texts)
        with pytest.raises((RequirementsError, BuildError), match="p==1.0"):
            offered.write("p\n").make()

    @pytest.mark.slow
    @pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
    def test_a_real_setup_py_that_imports_the_real_torch(self, shop: Workshop, resolver: str) -> None:
        shop = shop._replace(
            image=images.real_torch(), environ={"PIP_EXTRA_INDEX_URL": os.environ.get("PIP_INDEX_URL", PYPI)}
        )
        text = "import torch\nfrom setuptools import setup\nsetup(name='ext', version='1', py_modules=['ext'])\n"
        shop.write(text, "lib/setup.py").write("import torch\n__version__ = torch.__version__\n", "lib/ext.py")
        locked = shop.write("ext @ file:./lib\n").lock(resolver=resolver)
        assert seen(shop.make(locked), "ext")["ext"][0].startswith("2.13.0")

    @pytest.mark.slow
    def test_a_real_source_release_on_an_image_with_the_newest_setuptools(self, shop: Workshop) -> None:
        shop.image.has("setuptools", "84.2.1").has("packaging", "26.4")
        shop = shop._replace(environ={"PIP_INDEX_URL": os.environ.get("PIP_INDEX_URL", PYPI)})
        made = shop.make(shop.write("omegaconf==2.3.0\n").lock())
        assert list(made.root.glob("lib/python*/site-packages/antlr4/Parser.py"))


class TestDates:
    def test_they_reach_build_requirements(self, shop: Workshop) -> None:
        shop.index.add("buildtool", "1.0", uploaded="2020-01-01T00:00:00Z")
        shop.index.add("buildtool", "2.0", uploaded="2024-01-01T00:00:00Z")
        add_source(shop.index, "p", {"pyproject.toml": pyproject("buildtool"), "backend.py": backend("p", "buildtool")})
        locked = shop.write("p\n").lock(resolve_as_of="2022-06-30")
        made = shop.make(locked)
        assert seen(made, "p")["p"][0] == "1.0"
        source = next(made.root.glob("lib/python*/site-packages/p/__init__.py")).read_text()
        assert "'buildtool': ['1.0'" in source

    def test_of_an_earlier_lock_too(self, shop: Workshop) -> None:
        shop.index.add("buildtool", "1.0", uploaded="2020-01-01T00:00:00Z")
        shop.index.add("buildtool", "2.0", uploaded="2024-01-01T00:00:00Z")
        add_source(shop.index, "p", {"pyproject.toml": pyproject("buildtool"), "backend.py": backend("p", "buildtool")})
        text = shop.write("p\n").lock(resolve_as_of="2022-06-30").text
        again = shop.write(text, "earlier.lock").lock(lock="earlier.lock")
        assert again.cutoff == "2022-06-30T23:59:59Z"


class TestVersionsOfTags:
    @pytest.fixture
    def project(self, shop: Workshop) -> Workshop:
        shop.write(pyproject() + "[tool.setuptools_scm]\n", "pyproject.toml")
        return shop.write(backend("p"), "backend.py").write(".\n")

    def git(self, shop: Workshop, *words: str) -> None:
        own = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *words]
        subprocess.run(own, cwd=shop.root, check=True, stdout=subprocess.DEVNULL)

    @pytest.mark.parametrize("tagged", [True, False])
    def test_one_without_a_tag_is_told_of(
        self, project: Workshop, tagged: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.git(project, "init", "--quiet")
        self.git(project, "add", "-A")
        self.git(project, "commit", "--quiet", "-m", "first")
        if tagged:
            self.git(project, "tag", "v1.4.0")
        project.make()
        assert ("is made from git's tags, and none was fetched" in capsys.readouterr().err) is not tagged


class TestEnd:
    def test_a_build_that_never_ends_is_ended_and_named_as_that(self, shop: Workshop) -> None:
        shop.index.add("p", "1.0", source=True, slow_s=60)
        shop = shop._replace(environ={"LIVE_CODE_BUILD_DEADLINE_S": "2"})
        with pytest.raises(BuildTimeoutError, match=r"not ready after 2 s.*LIVE_CODE_BUILD_DEADLINE_S"):
            shop.write("p\n").make()

    def test_the_work_tree_stays_as_it_is_while_projects_are_resolved(self, shop: Workshop) -> None:
        writes = backend("p") + "open('left-behind', 'w').close()\n"
        shop.write(pyproject(), "pyproject.toml").write(writes, "backend.py").write(".\n")
        before = sorted(shop.root.rglob("*"))
        shop.lock()
        assert sorted(shop.root.rglob("*")) == before
