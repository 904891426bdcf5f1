"""Requirements → lock: which file, which versions, and what is never resolved again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from live_code.errors import ConfigError, InterpreterError, RequirementsError
from live_code.stages.request.repo_settings import RepoSettings
from tests.support.workshop import Workshop, pins


class TestPython:
    """The versions that live-code.yaml names, against the image's."""

    IMAGE = f"{sys.version_info.major}.{sys.version_info.minor}"

    @pytest.mark.parametrize("wanted", [IMAGE, f"=={IMAGE}.*", ">=3.8", ">=3.8, <4", f"<={IMAGE}", "!=3.7"])
    def test_one_of_them_is_taken(self, shop: Workshop, wanted: str) -> None:
        assert pins(shop.lock(repo=RepoSettings(python=wanted))) == {}

    @pytest.mark.parametrize("wanted", ["3.7", ">=3.99", ">=3.8,<3.9", f"<{IMAGE}", f"!={IMAGE}"])
    def test_another_is_refused_in_a_sentence(self, shop: Workshop, wanted: str) -> None:
        with pytest.raises(InterpreterError) as caught:
            shop.lock(repo=RepoSettings(python=wanted))
        said = f"the repo is for Python {wanted} (python in live-code.yaml), and the image's is {self.IMAGE}."
        assert str(caught.value).startswith(said)

    @pytest.mark.parametrize("wanted", ["python3", "3.8 or newer", ">=", "~=3.8"])
    def test_what_names_no_versions_is_refused(self, shop: Workshop, wanted: str) -> None:
        with pytest.raises(ConfigError, match="names no versions"):
            shop.lock(repo=RepoSettings(python=wanted))


class TestChoice:
    def test_the_config_then_the_repos_settings_then_extra_requirements_then_requirements(self, shop: Workshop) -> None:
        for name in ("a", "b", "c", "d"):
            shop.index.add(name, "1.0")
        shop.write("a\n", "config.txt").write("b\n", "repo.txt")
        shop.write("c\n", "extra-requirements.txt").write("d\n", "requirements.txt")
        repo = RepoSettings(requirements="repo.txt")
        assert pins(shop.lock(repo=repo, requirements="config.txt")) == {"a": "1.0"}
        assert pins(shop.lock(repo=repo)) == {"b": "1.0"}
        assert pins(shop.lock()) == {"c": "1.0"}
        (shop.root / "extra-requirements.txt").unlink()
        assert pins(shop.lock()) == {"d": "1.0"}
        assert shop.lock().requirements == "requirements.txt"

    def test_none_is_a_lock_without_packages(self, shop: Workshop) -> None:
        locked = shop.lock()
        assert (pins(locked), locked.requirements) == ({}, "")

    @pytest.mark.parametrize("name", ["pyproject.toml", "setup.py", "environment.yml"])
    def test_a_project_that_nobody_asks_for_is_told_of(
        self, shop: Workshop, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert pins(shop.write("", name).lock()) == {}
        assert f"{name} is not installed, for nobody asks for it" in capsys.readouterr().err

    def test_a_project_beside_a_requirements_file_is_not(
        self, shop: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.write("", "setup.py").write("").lock()
        assert "is not installed" not in capsys.readouterr().err

    def test_an_empty_file_is_a_lock_without_packages(self, shop: Workshop) -> None:
        assert pins(shop.write("# nothing\n").lock()) == {}

    def test_a_file_that_is_not_there_is_an_error_that_names_it(self, shop: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"requirements names r\.txt"):
            shop.lock(requirements="r.txt")

    @pytest.mark.parametrize("name", ["../r.txt", "/etc/passwd"])
    def test_one_outside_the_repo_is_refused(self, shop: Workshop, name: str) -> None:
        with pytest.raises(ConfigError, match="leaves the repo"):
            shop.lock(requirements=name)


class TestImage:
    def test_what_the_job_side_needs_is_added_when_the_image_lacks_it(self, shop: Workshop, tmp_path: Path) -> None:
        from tests.support import images

        bare = shop._replace(image=images.venv(tmp_path / "bare"))
        locked = bare.lock()
        assert pins(locked) == {"easydict": "1.9", "pyyaml": "6.0"}
        assert "# via live-code's job side" in locked.text

    def test_what_the_image_satisfies_is_not_installed_again(self, shop: Workshop) -> None:
        shop.index.add("tqdm", "4.9").add("new", "1.0", "tqdm>=4")
        shop.image.has("tqdm", "4.1")
        assert pins(shop.write("tqdm\nnew\n").lock()) == {"new": "1.0"}

    def test_what_it_does_not_satisfy_is(self, shop: Workshop) -> None:
        shop.index.add("tqdm", "4.9")
        shop.image.has("tqdm", "4.1")
        assert pins(shop.write("tqdm>=4.5\n").lock()) == {"tqdm": "4.9"}

    def test_a_version_that_only_the_image_has_counts(self, shop: Workshop) -> None:
        shop.image.has("in-house", "7.0")
        assert pins(shop.write("in_house>=6\n").lock()) == {}

    def test_the_images_torch_counts_as_chosen(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cu124")
        shop.index.add("torch", "2.9.0").add("vision", "1.0", "torch>=1.7").add("typing-extensions", "4.99")
        locked = shop.write("torch>=1.7\nvision\n").lock()
        assert pins(locked) == {"vision": "1.0"}
        assert locked.protection.packages == {"torch": "2.6.0+cu124"}

    def test_another_torch_is_a_conflict_before_anything_is_downloaded(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cu124")
        shop.index.add("torch", "1.13.0")
        with pytest.raises(RequirementsError) as caught:
            shop.write("torch==1.13.0\n").lock()
        assert "asks for torch==1.13.0, but the image ships torch 2.6.0+cu124" in caught.value.message
        assert shop.index.downloads() == []


class TestGiven:
    """`lock` names a lock from an earlier run."""

    def test_it_is_taken_as_it_is(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        text = shop.write("a\n").lock().text
        shop.index.add("a", "2.0")
        again = shop.write(text, "earlier.lock").write("a>=2\n").lock(lock="earlier.lock")
        assert (again.text, again.cached) == (text, True)

    def test_it_may_lie_outside_of_the_repo(self, shop: Workshop, tmp_path: Path) -> None:
        (tmp_path / "earlier.lock").write_text("# nothing\n")
        assert shop.lock(lock=str(tmp_path / "earlier.lock")).text == "# nothing\n"

    def test_one_for_another_python_is_refused(self, shop: Workshop) -> None:
        text = shop.lock().text.replace("cpython 3.", "cpython 2.")
        with pytest.raises(RequirementsError, match=r"was made for cpython 2\.\d+ .* but the image has cpython 3"):
            shop.write(text, "earlier.lock").lock(lock="earlier.lock")

    def test_one_with_another_torch_is_a_conflict(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0")
        shop.write("torch==1.13.0 --hash=sha256:00\n", "earlier.lock")
        with pytest.raises(RequirementsError, match=r"earlier\.lock has torch==1\.13\.0, but the image"):
            shop.lock(lock="earlier.lock")

    def test_one_without_hashes_is_refused(self, shop: Workshop) -> None:
        with pytest.raises(RequirementsError, match="has no hash for a"):
            shop.write("a==1.0\n", "earlier.lock").lock(lock="earlier.lock")

    def test_one_that_is_not_there_is_named(self, shop: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"gone\.lock"):
            shop.lock(lock="gone.lock")


class TestText:
    def test_every_pin_has_its_hashes(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0", "b").add("b", "2.0")
        locked = shop.write("a\n").lock()
        assert locked.text.count("--hash=sha256:") == 2
        assert "# from: requirements.txt" in locked.text

    def test_it_names_no_place_of_this_machine(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("a", "1.0", "b").add("b", "2.0")
        assert str(tmp_path) not in shop.write("a\n").lock().text

    def test_it_is_the_same_from_an_empty_store(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("a", "1.0", "b").add("b", "2.0")
        first = shop.write("a\n").lock()
        second = shop._replace(store=type(shop.store)(tmp_path / "other")).lock()
        assert (first.text, first.key) == (second.text, second.key)


class TestKnown:
    def test_a_known_lock_costs_no_process_and_no_network(self, shop: Workshop, request: pytest.FixtureRequest) -> None:
        shop.index.add("a", "1.0")
        first = shop.write("a\n").lock()
        shop.index.asked.clear()
        request.getfixturevalue("no_process")
        second = shop.lock()
        assert second.cached
        assert not first.cached
        assert second.text == first.text
        assert shop.index.asked == []

    def test_a_newer_release_does_not_change_it(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        shop.write("a\n").lock()
        shop.index.add("a", "2.0")
        assert pins(shop.lock()) == {"a": "1.0"}

    def test_an_included_file_that_changes_is_seen(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("b", "1.0")
        shop.write("-r more/base.txt\n").write("a\n", "more/base.txt").lock()
        assert pins(shop.write("b\n", "more/base.txt").lock()) == {"b": "1.0"}

    def test_another_image_is_another_lock(self, shop: Workshop) -> None:
        first = shop.lock()
        shop.image.has("tqdm", "4.1")
        assert shop.lock().key != first.key

    def test_another_index_is_another_lock(self, shop: Workshop) -> None:
        assert shop.lock().key != shop.lock(pypi_mirror="https://mirror/simple").key
