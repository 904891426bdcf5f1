"""Forms that pip takes in requirements files: they are locked and installed as pip would, by both resolvers."""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from live_code.errors import ConfigError, RequirementsError
from live_code.tools.packages import solution
from tests.support import checkouts
from tests.support.servers.index import Index, sdist, wheel
from tests.support.servers.repos import Repo
from tests.support.workshop import Workshop, pins, seen

RESOLVERS = ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)]
PROJECT = '[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["a<2"]\n'
BACKEND = """
import base64, os
WHEEL = base64.b64decode({wheel!r})
def get_requires_for_build_wheel(*_): return []
def build_wheel(folder, *_):
    open(os.path.join(folder, "{name}-1.0-py3-none-any.whl"), "wb").write(WHEEL)
    return "{name}-1.0-py3-none-any.whl"
"""


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("a", "b", "c"):
        shop.index.add(name, "1.0").add(name, "2.0")
    return shop


def put(shop: Workshop, name: str, content: bytes) -> Workshop:
    path = shop.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return shop


def project(shop: Workshop, folder: str, name: str) -> Workshop:
    """A project whose build needs nothing: its backend lies in it."""
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    built = base64.b64encode(wheel(name, "1.0", ("a<2",))).decode()
    shop.write(PROJECT.format(name=name) + system, f"{folder}/pyproject.toml")
    return shop.write(BACKEND.format(wheel=built, name=name), f"{folder}/backend.py")


def source(name: str, backend: str) -> bytes:
    """A source archive with metadata and a backend of its own."""
    contents = {
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": backend,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in contents.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


class TestArchives:
    """K15: wheels and source archives that lie in the repo."""

    WHEEL = wheel("x", "1.0", ('c<2; extra == "more"', "a<2"), extras=("more",))

    @pytest.mark.parametrize("resolver", RESOLVERS)
    @pytest.mark.parametrize(
        "line",
        [
            "./wheels/x-1.0-py3-none-any.whl",
            "wheels/x-1.0-py3-none-any.whl",
            "file:./wheels/x-1.0-py3-none-any.whl",
            "file:wheels/x-1.0-py3-none-any.whl",
            "x @ file:./wheels/x-1.0-py3-none-any.whl",
            "./wheels/x-1.0-py3-none-any.whl ; python_version > '3'",
        ],
    )
    def test_a_wheel_is_locked_by_its_hash_and_installed(self, offered: Workshop, line: str, resolver: str) -> None:
        put(offered, "wheels/x-1.0-py3-none-any.whl", self.WHEEL)
        locked = offered.write(f"{line}\nb<2\n").lock(resolver=resolver)
        entries = {pin.name: (pin.url or pin.version, pin.is_hashed) for pin in solution.parse(locked.text)}
        wanted = ("file:./wheels/x-1.0-py3-none-any.whl", True)
        assert entries == {"x": wanted, "a": ("1.0", True), "b": ("1.0", True)}
        assert {name: value[0] for name, value in seen(offered.make(locked), "x", "a").items()} == {
            "x": "1.0",
            "a": "1.0",
        }

    def test_one_by_its_whole_path_in_the_repo_is_locked_without_that(self, offered: Workshop) -> None:
        put(offered, "wheels/x-1.0-py3-none-any.whl", self.WHEEL)
        locked = offered.write(f"file://{offered.root}/wheels/x-1.0-py3-none-any.whl\n").lock()
        assert str(offered.root) not in locked.text
        assert seen(offered.make(locked), "x")["x"][0] == "1.0"

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_extras_of_it(self, offered: Workshop, resolver: str) -> None:
        put(offered, "x-1.0-py3-none-any.whl", self.WHEEL)
        locked = offered.write("./x-1.0-py3-none-any.whl[more]\n").lock(resolver=resolver)
        assert {pin.name for pin in solution.parse(locked.text)} == {"x", "a", "c"}

    @pytest.mark.parametrize("resolver", RESOLVERS)
    @pytest.mark.parametrize("line", ["./my wheels/w-1.0.tar.gz", "file:./my%20wheels/w-1.0.tar.gz"])
    def test_a_source_archive_in_a_folder_with_a_space(self, offered: Workshop, line: str, resolver: str) -> None:
        put(offered, "my wheels/w-1.0.tar.gz", sdist("w", "1.0"))
        locked = offered.write(f"{line}\n").lock(resolver=resolver)
        assert [(pin.name, pin.is_hashed) for pin in solution.parse(locked.text)] == [("w", True)]
        assert seen(offered.make(locked), "w")["w"][0] == "1.0"

    def test_its_marker_counts(self, offered: Workshop) -> None:
        put(offered, "x-1.0-py3-none-any.whl", self.WHEEL)
        assert pins(offered.write("./x-1.0-py3-none-any.whl ; sys_platform == 'win32'\nb<2\n").lock()) == {"b": "1.0"}

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"Not Found\n", "is no zip file, or was cut off"),
            (WHEEL[: len(WHEEL) // 2], "is no zip file, or was cut off"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "only Git LFS's pointer"),
        ],
    )
    def test_a_wheel_that_is_none_is_refused_with_its_line(self, offered: Workshop, content: bytes, why: str) -> None:
        put(offered, "w/x-1.0-py3-none-any.whl", content)
        with pytest.raises(RequirementsError, match=rf"requirements\.txt:2 names \./w/x-1\.0-py3-none-any\.whl.*{why}"):
            offered.write("b\nw/x-1.0-py3-none-any.whl\n").lock()

    def test_a_zip_without_metadata_is_no_wheel(self, offered: Workshop) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("x.py", "")
        put(offered, "x-1.0-py3-none-any.whl", buffer.getvalue())
        with pytest.raises(RequirementsError, match="which is no wheel: it has no metadata"):
            offered.write("x-1.0-py3-none-any.whl\n").lock()

    def test_a_source_archive_that_is_none_is_refused(self, offered: Workshop) -> None:
        put(offered, "x-1.0.tar.gz", b"no")
        with pytest.raises(RequirementsError, match="which is no archive: it can't be unpacked"):
            offered.write("./x-1.0.tar.gz\n").lock()

    def test_one_that_is_not_there_is_named(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 names \./gone\.whl, which is no file"):
            offered.write("./gone.whl\n").lock()


class TestFolders:
    @pytest.mark.parametrize("resolver", RESOLVERS)
    @pytest.mark.parametrize(
        "line", ["-e ./lib", "lib/", "--editable=lib/.", "file:./lib", "-e file:lib#egg=lib", '-e "./lib"']
    )
    def test_a_project_in_any_spelling(self, offered: Workshop, line: str, resolver: str) -> None:
        locked = project(offered, "lib", "lib").write(f"{line}\n").lock(resolver=resolver)
        assert [line.removeprefix("-e ") for line in locked.projects.lines] == ["./lib"]
        assert pins(locked) == {"a": "1.0"}
        assert seen(offered.make(locked), "lib")["lib"][0] == "1.0"

    def test_a_folder_that_is_no_project_is_named(self, offered: Workshop) -> None:
        (offered.root / "lib").mkdir()
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 names \./lib, which is no project"):
            offered.write("-e ./lib\n").lock()

    def test_a_path_of_another_machine_is_no_project_of_the_repo(self, offered: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"requirements\.txt:1 names /croot/x/work, which leaves the repo"):
            offered.write("/croot/x/work\n").lock()


@pytest.fixture
def served(tmp_path: Path, offered: Workshop) -> str:
    """A repository with a project below it, by a URL that git reads without a server."""
    built = base64.b64encode(wheel("lib", "1.0", ("a<2", 'c<2; extra == "more"'), extras=("more",))).decode()
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    text = PROJECT.format(name="lib") + '[project.optional-dependencies]\nmore = ["c<2"]\n' + system
    repo = Repo(tmp_path / "lib.git")
    backend = BACKEND.format(wheel=built, name="lib")
    files = {"pyproject.toml": text, "backend.py": backend, "sub/pyproject.toml": text, "sub/backend.py": backend}
    repo.commit(files)
    return f"git+file://{repo.path}"


class TestGit:
    """K7: git sources in the forms that published repos have."""

    @pytest.mark.parametrize(
        "line",
        [
            "-e {url}@main#egg=lib",
            '-e "{url}@main#egg=lib"',
            "--editable={url}#egg=lib",
            "{url}#egg=lib",
            "-e {url}",
            "{url}",
        ],
    )
    def test_it_is_locked_to_its_commit(
        self, offered: Workshop, served: str, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        locked = offered.write(f"{line.format(url=served)}\n").lock()
        entries = {pin.name: pin.url or pin.version for pin in solution.parse(locked.text)}
        assert set(entries) == {"lib", "a"}
        assert len(entries["lib"].partition("@")[2].partition("#")[0]) == 40
        assert ("requirements.txt:1: " in capsys.readouterr().err) is line.startswith("-")
        assert seen(offered.make(locked), "lib")["lib"][0] == "1.0"

    def test_extras_and_a_folder_below_it(self, offered: Workshop, served: str) -> None:
        line = f"-e {served}@main#egg=lib[more]&subdirectory=sub\n"
        locked = offered.write(line).lock()
        assert {pin.name for pin in solution.parse(locked.text)} == {"lib", "a", "c"}
        assert "#subdirectory=sub" in locked.text

    @pytest.mark.parametrize("kind", ["hg", "svn", "bzr"])
    def test_others_than_git_are_refused_by_their_line(self, offered: Workshop, kind: str) -> None:
        with pytest.raises(RequirementsError, match=rf"requirements\.txt:2 asks for {kind}\+https.* not {kind}\."):
            offered.write(f"a\n-e {kind}+https://host/lib#egg=lib\n").lock()


class TestOptions:
    """P9: options as pip takes them, on lines of their own and behind a requirement."""

    def test_one_behind_a_requirement_changes_nothing_as_with_pip(
        self, offered: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offered.write("-r requirements/more.txt\nb<2\n").write("a<2 --no-binary c\n", "requirements/more.txt")
        assert pins(offered.lock()) == {"a": "1.0", "b": "1.0"}
        assert "requirements/more.txt:1: --no-binary counts only on a line of its own" in capsys.readouterr().err

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_sources_instead_of_wheels_for_the_lock_and_for_the_installation(
        self, offered: Workshop, resolver: str
    ) -> None:
        offered.index.add("both", "1.0").add("both", "1.0", source=True)
        locked = offered.write("--no-binary both,other\nboth\n").lock(resolver=resolver)
        assert "--no-binary both\n--no-binary other\n" in locked.text
        offered.index.asked.clear()
        assert seen(offered.make(locked), "both")["both"][0] == "1.0"
        assert {name for name in offered.index.downloads() if name.startswith("both")} <= {"both-1.0.tar.gz"}
        assert [pin.name for pin in solution.parse(locked.text)] == ["both"]

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_wheels_alone(self, offered: Workshop, resolver: str) -> None:
        offered.index.add("b", "3.0", source=True)
        assert pins_of(offered.write("--only-binary=:all:\nb\n").lock(resolver=resolver).text) == {"b": "2.0"}

    @pytest.mark.parametrize("form", ["--no-binary :all:", "--only-binary :all:"])
    def test_files_of_the_repo_are_taken_as_they_are(self, offered: Workshop, form: str) -> None:
        put(offered, "x-1.0-py3-none-any.whl", wheel("x", "1.0"))
        put(offered, "w-1.0.tar.gz", sdist("w", "1.0"))
        locked = offered.write(f"{form}\n./x-1.0-py3-none-any.whl\n./w-1.0.tar.gz\n").lock()
        assert {name: value[0] for name, value in seen(offered.make(locked), "x", "w").items()} == {
            "x": "1.0",
            "w": "1.0",
        }

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_previews(self, offered: Workshop, resolver: str) -> None:
        offered.index.add("a", "3.0rc1")
        assert pins(offered.write("--pre\na\n").lock(resolver=resolver)) == {"a": "3.0rc1"}

    @pytest.mark.parametrize("resolver", RESOLVERS)
    @pytest.mark.parametrize(
        "line",
        [
            "--prefer-binary",
            "--use-feature=fast-deps",
            "--use-feature 2020-resolver",
            "-Z",
            "--process-dependency-links",
        ],
    )
    def test_what_changes_nothing_here_is_passed_over_with_a_note(
        self, offered: Workshop, line: str, resolver: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert pins(offered.write(f"b<2\n{line}\na<2\n").lock(resolver=resolver)) == {"a": "1.0", "b": "1.0"}
        assert "requirements.txt:2: " in capsys.readouterr().err

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_several_on_one_line(self, offered: Workshop, second_index: Index, resolver: str) -> None:
        second_index.add("only-there", "1.0")
        put(offered, "wheels/mine-3.0-py3-none-any.whl", wheel("mine", "3.0"))
        text = f"--extra-index-url {second_index.url} -f wheels --prefer-binary\nonly-there\nmine\na<2\n"
        locked = offered.write(text).lock(resolver=resolver)
        assert pins(locked) == {"only-there": "1.0", "mine": "3.0", "a": "1.0"}

    @pytest.mark.parametrize("line", ["--extra-index {url}", '--extra-index-url="{url}"', "--extra-index-url={url}"])
    def test_shortened_and_quoted_ones(self, offered: Workshop, second_index: Index, line: str) -> None:
        second_index.add("only-there", "1.0")
        text = f"{line.format(url=second_index.url)}\nonly-there\n"
        assert pins(offered.write(text).lock()) == {"only-there": "1.0"}

    def test_build_options_of_a_requirement_reach_its_build(self, offered: Workshop) -> None:
        build = BACKEND.format(wheel=base64.b64encode(wheel("told", "1.0")).decode(), name="told")
        build = build.replace(
            "def build_wheel(folder, *_):", "def build_wheel(folder, settings, *_):\n    check(settings)"
        )
        wanted = {"x": "y", "--global-option": "--z"}
        build += f"def check(settings):\n    if settings != {wanted!r}: raise SystemExit(repr(settings))\n"
        put(offered, "told-1.0.tar.gz", source("told", build))
        line = './told-1.0.tar.gz --config-settings="x=y" --global-option="--z"'
        locked = offered.write(f"{line.replace('./', 'told @ file:./')}\n").lock()
        assert seen(offered.make(locked), "told")["told"][0] == "1.0"

    def test_those_that_cannot_are_told_of(self, offered: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
        assert pins(offered.write("a<2 --install-option=x\n").lock()) == {"a": "1.0"}
        assert "requirements.txt:1: --install-option is not handed on to the build" in capsys.readouterr().err

    def test_one_that_pip_does_not_know_is_an_error_that_names_it(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 .*no such option: --target"):
            offered.write("--target x\na\n").lock()

    def test_a_variable_that_the_container_lacks_is_named(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:2 has \$\{LIVE_TEST_VER\}, and the container"):
            offered.write("b\na==${LIVE_TEST_VER}\n").lock()


class TestBesideTheRoot:
    """K9: with git_subdir, paths may leave it and stay in the commit's tree."""

    @pytest.fixture
    def below(self, offered: Workshop) -> Workshop:
        (offered.root / "det").mkdir()
        (offered.root / ".git").mkdir()
        return offered._replace(root=offered.root / "det")

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_an_included_file(self, below: Workshop, resolver: str) -> None:
        below.write("-r ../common/base.txt\na<2\n").write("-r more.txt\n-c ../det/limits.txt\n", "../common/base.txt")
        below.write("b\n", "../common/more.txt").write("b<2\n", "limits.txt")
        locked = below.lock(resolver=resolver, place=below.root.parent)
        assert pins(locked) == {"a": "1.0", "b": "1.0"}
        assert "-r ../common/more.txt" in locked.text
        assert "plain" not in locked.text

    def test_a_fault_in_it_is_told_by_its_line(self, below: Workshop) -> None:
        below.write("-r ../common/base.txt\na<2\n").write("b\n\nc => 1\n", "../common/base.txt")
        with pytest.raises(RequirementsError, match=r"^\.\./common/base\.txt:3 can't be read"):
            below.lock(place=below.root.parent)

    @pytest.mark.parametrize("resolver", RESOLVERS)
    @pytest.mark.parametrize("line", ["-e ../lib", "../lib"])
    def test_a_project(self, below: Workshop, line: str, resolver: str) -> None:
        locked = project(below, "../lib", "lib").write(f"{line}\n").lock(resolver=resolver, place=below.root.parent)
        assert (pins(locked), locked.projects.lines[0].removeprefix("-e ")) == ({"a": "1.0"}, "../lib")
        assert seen(below.make(locked), "lib")["lib"][0] == "1.0"

    def test_files_that_the_checkout_left_out_are_written(self, offered: Workshop, tmp_path: Path) -> None:
        repo = Repo(tmp_path / "source")
        files = {"det/requirements.txt": "-r ../common/base.txt\n", "common/base.txt": "a<2\n", "det/start.py": ""}
        made = checkouts.made(tmp_path, repo.url, repo.commit(files), git_subdir="det")
        assert not (made.place / "common").exists()
        shop = offered._replace(root=made.root)
        assert pins(shop.lock(place=made.place)) == {"a": "1.0"}

    def test_what_leaves_the_commit_is_refused(self, below: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"requirements\.txt:1 names \.\./\.\./x\.txt, which leaves the repo"):
            below.write("-r ../../x.txt\n").lock(place=below.root.parent)


def pins_of(text: str) -> dict[str, str]:
    return {pin.name: pin.version for pin in solution.parse(text)}
