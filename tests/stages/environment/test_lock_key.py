"""A lock's key covers what the lock depends on: nothing of another commit, repo, image or index is taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_code.stages.code.checkout import Checkout
from live_code.stages.environment.lock import Lock
from live_code.tools import files
from tests.support import images
from tests.support.images import Image
from tests.support.servers.index import Index, wheel
from tests.support.workshop import Workshop, pins, seen

# Builds without any package, reading what it depends on from a file of the repo: as many a setup.py does.
BACKEND = """
import os
def get_requires_for_build_wheel(config_settings=None): return []
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    wanted = open("run.txt").read().split()
    os.makedirs(f"{folder}/proj-1.0.dist-info")
    with open(f"{folder}/proj-1.0.dist-info/METADATA", "w") as file:
        file.write("Metadata-Version: 2.1\\nName: proj\\nVersion: 1.0\\n")
        file.write("".join(f"Requires-Dist: {line}\\n" for line in wanted))
    return "proj-1.0.dist-info"
get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
"""
PROJECT = (
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "proj"\nversion = "1.0"\ndynamic = ["dependencies"]\n'
)


def project(shop: Workshop, folder: str, wanted: str) -> Workshop:
    """A project in the repo that reads run.txt to say what it needs."""
    shop.index.add("a", "1.0").add("a", "2.0")
    shop.write(PROJECT, f"{folder}/pyproject.toml").write(BACKEND, f"{folder}/backend.py")
    return shop.write(wanted, f"{folder}/run.txt")


def committed(shop: Workshop) -> Workshop:
    """As the commit that its files make: another one for each change."""
    paths = sorted(path for path in shop.root.rglob("*") if path.is_file())
    told = "".join(f"{path.relative_to(shop.root)} {files.sha256_file(path)}\n" for path in paths)
    return shop._replace(tree=files.sha256_text(told)[:40])


class TestWhatIsBuilt:
    """A changed file that a build of the repo reads makes another lock."""

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    @pytest.mark.parametrize(
        ("folder", "requirements", "asked"),
        [
            (".", "-e .\n", {}),
            (".", ".\n", {}),
            ("lib", "./lib\n", {}),
            ("lib", "lib/\n", {}),
            ("lib", "-e lib\n", {}),
            ("lib", "proj @ file:./lib\n", {}),
            ("lib", "--editable=./lib\n", {}),
            (".", "", {"requirements": "pyproject.toml"}),
            ("lib", "-r more/all.txt\n", {}),
        ],
    )
    def test_a_file_that_the_projects_build_reads(
        self, shop: Workshop, folder: str, requirements: str, asked: dict[str, Any], resolver: str
    ) -> None:
        shop.write("./lib\n", "more/all.txt").write(requirements)
        first = committed(project(shop, folder, "a==1.0")).lock(resolver=resolver, **asked)
        second = committed(project(shop, folder, "a==2.0")).lock(resolver=resolver, **asked)
        assert (pins(first)["a"], pins(second)["a"]) == ("1.0", "2.0")

    def test_a_project_that_the_task_itself_asks_for(self, shop: Workshop) -> None:
        asked = {"extra_requirements": "./lib"}
        first = committed(project(shop, "lib", "a==1.0")).lock(**asked)
        second = committed(project(shop, "lib", "a==2.0")).lock(**asked)
        assert (pins(first)["a"], pins(second)["a"]) == ("1.0", "2.0")

    def test_the_same_texts_in_another_repo(self, shop: Workshop, tmp_path: Path) -> None:
        first = committed(project(shop.write("-e .\n"), ".", "a==1.0")).lock()
        other = shop._replace(root=tmp_path / "other")
        second = committed(project(other.write("-e .\n"), ".", "a==2.0")).lock()
        assert (pins(first)["a"], pins(second)["a"]) == ("1.0", "2.0")

    def test_a_patch_that_the_commit_does_not_have(self) -> None:
        from live_code.tools.git.patch import Patch

        assert _content(patch=None) != _content(patch=Patch("0" * 64, "d" * 40))

    def test_submodules_large_files_and_the_folder_that_is_run(self) -> None:
        from live_code.tools.git.contents import Submodule

        plain = Checkout(Path("/w"), Path("/w"), "c" * 40, "e" * 40, cached=False)
        inner = plain._replace(submodules=(Submodule("lib", "https://host/lib", "a" * 40),))
        below = plain._replace(root=Path("/w/det"))
        assert len({each.content for each in (plain, inner, below, plain._replace(lfs_files=1))}) == 4

    def test_what_is_no_commit_is_resolved_each_time(self, shop: Workshop) -> None:
        nothing = project(shop.write("-e .\n"), ".", "a==1.0")._replace(tree="")
        assert pins(nothing.lock())["a"] == "1.0"
        project(nothing, ".", "a==2.0")
        assert pins(nothing.lock())["a"] == "2.0"

    def test_one_whose_pyproject_says_all_is_locked_once_for_all_commits(self, shop: Workshop) -> None:
        text = PROJECT.replace('dynamic = ["dependencies"]', 'dependencies = ["a"]')
        shop.index.add("a", "1.0")
        shop.write("-e .\n").write(text, "pyproject.toml").write(BACKEND, "backend.py").write("", "run.txt")
        first = committed(shop).lock(requirements="pyproject.toml")
        second = committed(shop.write("changed", "model.py")).lock(requirements="pyproject.toml")
        assert (second.key, second.cached) == (first.key, True)

    @pytest.mark.parametrize(
        "words", ['dynamic = [  # as [1] has it\n "dependencies"]', '"dynamic" = ["dependencies"]']
    )
    def test_a_project_that_tells_in_other_words_what_its_build_finds(self, shop: Workshop, words: str) -> None:
        versions = []
        for version in ("1.0", "2.0"):
            project(shop, ".", f"a=={version}")
            shop.write(PROJECT.replace('dynamic = ["dependencies"]', words), "pyproject.toml")
            versions.append(pins(committed(shop).lock(requirements="pyproject.toml"))["a"])
        assert versions == ["1.0", "2.0"]

    @pytest.mark.parametrize("extra", ["./lib", "lib/", "-e ./lib", "proj @ file:./lib"])
    def test_a_project_that_the_task_asks_for_besides(self, shop: Workshop, extra: str) -> None:
        first = committed(project(shop, "lib", "a==1.0")).lock(extra_requirements=extra)
        second = committed(project(shop, "lib", "a==2.0")).lock(extra_requirements=extra)
        assert (pins(first)["a"], pins(second)["a"]) == ("1.0", "2.0")

    def test_a_member_of_a_workspace_beside_a_framework(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0")
        whole = '[tool.uv.sources]\nproj = { workspace = true }\n[tool.uv.workspace]\nmembers = ["lib"]\n'
        shop.write(f'[project]\nname = "top"\nversion = "1"\ndependencies = ["proj"]\n{whole}', "pyproject.toml")
        first = committed(project(shop, "lib", "a==1.0")).lock(requirements="pyproject.toml")
        second = committed(project(shop, "lib", "a==2.0")).lock(requirements="pyproject.toml")
        assert (pins(first)["a"], pins(second)["a"]) == ("1.0", "2.0")
        assert second.projects.lines == ("./lib",)


class TestWhatIsIncluded:
    def test_what_a_linked_file_includes_is_seen_from_the_link(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("a", "2.0")
        shop.write("-r all.txt\n").write("-r base.txt\n", "req/all.txt").write("b\n", "req/base.txt")
        (shop.root / "all.txt").symlink_to("req/all.txt")
        first, second = (committed(shop.write(f"a=={version}\n", "base.txt")).lock() for version in ("1.0", "2.0"))
        assert (pins(first), pins(second)) == ({"a": "1.0"}, {"a": "2.0"})

    def test_also_where_files_are_copied(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("a", "2.0")
        shop.write("--extra-index-url http://127.0.0.1:9/simple\n-r ../all.txt\n", "det/requirements.txt")
        shop.write("-r base.txt\n", "req/all.txt").write("b\n", "req/base.txt").write("a==1.0\n", "base.txt")
        (shop.root / "all.txt").symlink_to("req/all.txt")
        assert pins(shop.lock(requirements="det/requirements.txt")) == {"a": "1.0"}


class TestWhatIsLinked:
    """A wheel of the repo is more than its name."""

    @pytest.mark.parametrize(
        "line",
        [
            "./wheels/localw-1.0-py3-none-any.whl",
            "wheels/localw-1.0-py3-none-any.whl",
            "localw @ file:./wheels/localw-1.0-py3-none-any.whl",
            "--find-links wheels\nlocalw",
            "--no-index\n--find-links=wheels\nlocalw",
        ],
    )
    def test_a_wheel_that_changed_under_its_name_is_the_one_that_runs(self, shop: Workshop, line: str) -> None:
        (shop.root / "wheels").mkdir()
        versions = []
        for content in ("old", "new"):
            built = wheel("localw", "1.0", files={"localw/__init__.py": f"__version__ = {content!r}\n"})
            (shop.root / "wheels" / "localw-1.0-py3-none-any.whl").write_bytes(built)
            versions.append(seen(committed(shop.write(f"{line}\n")).make(), "localw")["localw"][0])
        assert versions == ["old", "new"]

    @pytest.mark.parametrize("place", ["file://${PROJECT_ROOT}/wheels", "file:///${PROJECT_ROOT}/wheels"])
    def test_a_wheel_that_a_projects_own_table_names(self, shop: Workshop, place: str) -> None:
        (shop.root / "wheels").mkdir()
        asked = f'["localw @ {place}/localw-1.0-py3-none-any.whl"]'
        shop.write(f'[project]\nname = "top"\nversion = "1"\ndependencies = {asked}\n', "pyproject.toml")
        versions = []
        for content in ("old", "new"):
            built = wheel("localw", "1.0", files={"localw/__init__.py": f"__version__ = {content!r}\n"})
            (shop.root / "wheels" / "localw-1.0-py3-none-any.whl").write_bytes(built)
            made = committed(shop).make(committed(shop).lock(requirements="pyproject.toml"))
            versions.append(seen(made, "localw")["localw"][0])
        assert versions == ["old", "new"]

    def test_no_path_of_the_solving_is_in_the_lock(self, shop: Workshop) -> None:
        (shop.root / "wheels").mkdir()
        (shop.root / "wheels" / "localw-1.0-py3-none-any.whl").write_bytes(wheel("localw", "1.0"))
        told = BACKEND.replace(
            'open("run.txt").read().split()', '[f"localw @ file://{os.getcwd()}/wheels/localw-1.0-py3-none-any.whl"]'
        )
        locked = project(shop.write("-e .\n"), ".", "").write(told, "backend.py").lock()
        assert "localw @ file:./wheels/localw-1.0-py3-none-any.whl" in locked.text

    def test_wheels_without_an_index_beside_what_the_jobs_side_takes_from_one(
        self, shop: Workshop, tmp_path: Path
    ) -> None:
        (shop.root / "wheels").mkdir()
        (shop.root / "wheels" / "localw-1.0-py3-none-any.whl").write_bytes(wheel("localw", "1.0"))
        bare = shop._replace(image=images.venv(tmp_path / "bare"))
        locked = bare.write("--no-index\n--find-links=wheels\nlocalw\n").lock()
        assert pins(locked) == {"localw": "1.0", "pyyaml": "6.0", "easydict": "1.9"}
        bare.make(locked)


class TestImage:
    def test_the_same_packages_at_another_path_are_the_same_lock(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("a", "1.0")
        first = shop.write("a\n").lock()
        other = images.venv(tmp_path / "elsewhere").has("PyYAML", "6.0").has("EasyDict", "1.9")
        second = shop._replace(image=other).lock()
        assert (second.key, second.cached) == (first.key, True)

    def test_other_requirements_of_the_same_version_are_another(self, shop: Workshop, tmp_path: Path) -> None:
        first = shop._replace(image=_image(tmp_path / "one").has("torch", "2.6.0", "numpy<2")).lock()
        second = shop._replace(image=_image(tmp_path / "two").has("torch", "2.6.0", "numpy<3")).lock()
        assert first.key != second.key


class TestBesides:
    @pytest.mark.parametrize(
        "asked",
        [
            {"resolve_as_of": "2020-06-30"},
            {"extra_index_url": ("https://host/simple",)},
            {"pypi_mirror": "https://host/simple"},
            {"allow_framework_override": True},
            {"constraints": "a<2"},
            {"extra_requirements": "b"},
        ],
        ids=lambda asked: str(next(iter(asked))),
    )
    def test_what_the_task_sets_makes_another_key(self, shop: Workshop, asked: dict[str, Any]) -> None:
        shop.image.torch("2.6.0")
        shop.write("")
        assert _key(shop) != _key(shop, **asked)

    def test_so_does_another_version_of_the_resolver(self, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
        import live_code.stages.environment.lock as stage

        first = _key(shop.write(""))
        monkeypatch.setattr(stage, "_resolver_version", lambda *_: "uv-99.0.dist-info")
        assert _key(shop) != first


NAMES = st.sampled_from(["run.txt", "lib/run.txt", "lib/backend.py", "lib/pyproject.toml", "model.py", "data/x.bin"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["a\n./lib\n", "a\n", "-r lib/run.txt\n", "-e lib\n"]), NAMES)
def test_whatever_file_is_changed_the_second_run_sees_it_or_it_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, requirements: str, changed: str
) -> None:
    """The lock after the change, on a store that knows the one before, is that of an empty store."""
    index = Index()
    from tests.support.servers.index import serving

    with serving(index):
        folder = tmp_path_factory.mktemp("repo")
        image = _image(folder / "image")
        shop = Workshop(folder / "repo", _store(folder / "store"), image, index)
        project(shop.write(requirements).write("x", "model.py").write("x", "data/x.bin"), "lib", "a==1.0")
        shop.write("a==1.0", "run.txt")
        committed(shop).lock()
        edited = {"lib/backend.py": BACKEND.replace('"run.txt"', '"../run.txt"'), "lib/pyproject.toml": PROJECT + "\n"}
        shop.write(edited.get(changed, "a==2.0"), changed)
        known = committed(shop).lock()
        fresh = committed(shop)._replace(store=_store(folder / "empty")).lock()
    assert known.text == fresh.text


def _store(root: Path) -> Any:
    from live_code.tools.store import Store

    return Store(root)


def _image(root: Path) -> Image:
    return images.venv(root).has("PyYAML", "6.0").has("EasyDict", "1.9")


def _content(**fields: Any) -> str:
    return Checkout(Path("/w"), Path("/w"), "c" * 40, "e" * 40, cached=False)._replace(**fields).content


def _key(shop: Workshop, **asked: Any) -> str:
    shop.index.add("b", "1.0", uploaded="2019-01-01T00:00:00Z")
    shop.index.add("torch", "2.9.0")
    locked: Lock = shop.lock(**asked)
    return locked.key
