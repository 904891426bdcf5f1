"""The image's interpreter: which one it is, and what it says about itself."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from live_code.errors import InterpreterError
from live_code.tools.machine import interpreter
from live_code.tools.settings import Inherited
from live_code.tools.store import Store
from tests.support import images, variables


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class TestFind:
    def test_the_variable_is_nearest(self, tmp_path: Path) -> None:
        named = executable(tmp_path / "image" / "python")
        found = interpreter.find(variables.read({"LIVE_CODE_PYTHON": str(named), "PATH": os.defpath}))
        assert found == named

    def test_a_named_one_that_cannot_run_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InterpreterError, match="LIVE_CODE_PYTHON"):
            interpreter.find(variables.read({"LIVE_CODE_PYTHON": str(tmp_path)}))

    def test_else_the_first_on_the_path_that_is_not_the_bootstrappers_own(self, tmp_path: Path) -> None:
        second = executable(tmp_path / "bin" / "python3")
        own = Path(sys.prefix, "bin")
        assert interpreter.find(variables.read({"PATH": f"{own}:{tmp_path / 'bin'}"})) == second

    def test_none_is_an_error_that_names_the_variable(self, tmp_path: Path) -> None:
        with pytest.raises(InterpreterError, match="LIVE_CODE_PYTHON"):
            interpreter.find(variables.read({"PATH": str(tmp_path)}))


class TestInspect:
    def test_a_venv_is_told_from_its_base(self, tmp_path: Path, store: Store) -> None:
        image = images.venv(tmp_path / "image").has("tqdm", "4.1")
        said = interpreter.inspect(image.python, store, variables.INHERITED)
        assert said.is_venv
        assert said.path == image.python
        assert said.own_folders == (str(image.site_packages),)
        assert not said.sees_system
        assert said.packages == {"tqdm": "4.1"}
        assert Path(said.home, "python3").exists()

    def test_a_system_interpreter_has_no_folders_of_its_own(self, tmp_path: Path, store: Store) -> None:
        image = images.installed(tmp_path / "image").has("Some_Thing", "1.0")
        said = interpreter.inspect(image.python, store, variables.INHERITED)
        assert (said.is_venv, said.is_conda, said.own_folders) == (False, False, ())
        assert said.packages == {"some-thing": "1.0"}

    def test_it_is_asked_with_the_variables_given_and_none_of_ours(self, tmp_path: Path, store: Store) -> None:
        told = tmp_path / "told"
        said = images.venv(tmp_path / "image").python
        script = f'#!/bin/sh\nenv > {told}\nexec {said} "$@"\n'
        interpreter.inspect(
            executable(tmp_path / "python3", script), store, Inherited({"GIVEN": "1", "PYTHONPATH": "ours"})
        )
        words = told.read_text().splitlines()
        assert "GIVEN=1" in words
        assert not any(word.startswith(("PYTHONPATH=", "HOME=")) for word in words)

    def test_conda_is_known(self, tmp_path: Path, store: Store) -> None:
        assert interpreter.inspect(
            images.installed(tmp_path / "image", conda=True).python, store, variables.INHERITED
        ).is_conda

    def test_torch_is_found_with_its_cuda_build_and_without_metadata(self, tmp_path: Path, store: Store) -> None:
        image = images.venv(tmp_path / "image").torch("2.6.0a0+nv24.12", cuda="12.6", metadata=False)
        said = interpreter.inspect(image.python, store, variables.INHERITED)
        place = str(image.site_packages / "torch")
        assert said.frameworks == {"torch": interpreter.Framework("2.6.0a0+nv24.12", place, "12.6", numpy=0)}
        assert "torch" not in said.packages

    def test_metadata_is_there_when_it_is_asked_for(self, tmp_path: Path, store: Store) -> None:
        image = images.venv(tmp_path / "image").has("a", "1.0", "b>=2", scripts="run-a = a:main")
        dist = interpreter.inspect(image.python, store, variables.INHERITED).distributions()["a"]
        assert (dist.requires, dist.scripts) == (("b>=2",), {"run-a": "a:main"})

    def test_the_bootstrappers_own_variables_do_not_leak_in(
        self, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        (tmp_path / "leaked-1.0.dist-info").mkdir()
        (tmp_path / "leaked-1.0.dist-info" / "METADATA").write_text("Name: leaked\nVersion: 1.0\n")
        assert interpreter.inspect(images.venv(tmp_path / "image").python, store, variables.INHERITED).packages == {}

    @pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
    def test_every_python_a_job_may_have_answers(self, version: str, store: Store) -> None:
        assert interpreter.inspect(images.base_python(version), store, variables.INHERITED).version.startswith(version)

    @pytest.mark.parametrize("version", ["3.6", "3.7"])
    def test_one_too_old_is_named(self, version: str, store: Store) -> None:
        with pytest.raises(InterpreterError, match=rf"is Python {version}\.\d+; a job needs 3.8"):
            interpreter.inspect(images.base_python(version), store, variables.INHERITED)

    def test_a_program_that_is_no_python_is_named(self, tmp_path: Path, store: Store) -> None:
        with pytest.raises(InterpreterError, match="does not behave like a Python"):
            interpreter.inspect(executable(tmp_path / "python3", "#!/bin/sh\necho hello\n"), store, variables.INHERITED)

    def test_one_that_fails_shows_what_it_said(self, tmp_path: Path, store: Store) -> None:
        with pytest.raises(InterpreterError, match="code 3") as caught:
            interpreter.inspect(
                executable(tmp_path / "python3", "#!/bin/sh\necho broken >&2; exit 3\n"), store, variables.INHERITED
            )
        assert "broken" in caught.value.details


class TestCache:
    def test_a_second_look_starts_no_process(
        self, tmp_path: Path, store: Store, request: pytest.FixtureRequest
    ) -> None:
        image = images.venv(tmp_path / "image").has("a", "1.0")
        first = interpreter.inspect(image.python, store, variables.INHERITED)
        request.getfixturevalue("no_process")
        assert interpreter.inspect(image.python, store, variables.INHERITED) == first

    def test_another_version_of_a_package_is_seen_even_when_times_are_the_same(
        self, tmp_path: Path, store: Store
    ) -> None:
        image = images.venv(tmp_path / "image").has("a", "1.0")
        os.utime(image.site_packages, (1, 1))
        first = interpreter.inspect(image.python, store, variables.INHERITED)
        (image.site_packages / "a-1.0.dist-info").rename(tmp_path / "away")
        image.has("a", "2.0")
        os.utime(image.site_packages, (1, 1))
        second = interpreter.inspect(image.python, store, variables.INHERITED)
        assert second.packages == {"a": "2.0"}
        assert first.fingerprint != second.fingerprint

    def test_a_torch_without_metadata_that_changes_is_seen(self, tmp_path: Path, store: Store) -> None:
        image = images.venv(tmp_path / "image").torch("1.0", metadata=False)
        interpreter.inspect(image.python, store, variables.INHERITED)
        image.torch("2.0", metadata=False)
        os.utime(image.site_packages / "torch", (1, 1))
        assert interpreter.inspect(image.python, store, variables.INHERITED).frameworks["torch"].version == "2.0"

    def test_equal_images_have_the_same_fingerprint(self, tmp_path: Path) -> None:
        image = images.venv(tmp_path / "image").has("a", "1.0")
        looks = [
            interpreter.inspect(image.python, Store(tmp_path / f"store-{number}"), variables.INHERITED)
            for number in (1, 2)
        ]
        assert looks[0].fingerprint == looks[1].fingerprint

    def test_two_images_with_one_path_keep_an_entry_each_on_a_store_that_both_use(
        self, tmp_path: Path, store: Store, request: pytest.FixtureRequest
    ) -> None:
        place = tmp_path / "opt"
        built = [images.venv(tmp_path / name).has("a", version) for name, version in (("one", "1.0"), ("two", "2.0"))]
        for image in built * 2:
            place.unlink(missing_ok=True)
            place.symlink_to(image.python.parent.parent)
            if image is built[1] and len(list(store.path("python").iterdir())) == 2:
                request.getfixturevalue("no_process")
            packages = interpreter.inspect(place / "bin" / "python", store, variables.INHERITED).packages
            assert packages == {"a": "1.0" if image is built[0] else "2.0"}
        assert len(list(store.path("python").iterdir())) == 2

    def test_folders_of_another_image_that_this_user_may_not_see_are_no_error(
        self, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        python = images.venv(tmp_path / "image").python
        kept = interpreter.inspect(python, store, variables.INHERITED).inventory
        entry = json.loads(kept.read_text())
        entry["said"]["site_packages"] = ["/proc/1/root/conda"]
        kept.write_text(json.dumps(entry))
        real_stat = Path.stat

        def closed(path: Path, **options: bool) -> os.stat_result:
            if "/proc/1/root" in str(path):
                raise PermissionError(13, "Permission denied")
            return real_stat(path, **options)

        monkeypatch.setattr(Path, "stat", closed)
        assert interpreter.inspect(python, store, variables.INHERITED).inventory == kept

    def test_a_launcher_script_is_asked_each_time_for_where_it_leads(self, tmp_path: Path, store: Store) -> None:
        shim = tmp_path / "bin" / "python3"
        for name in ("first", "second"):
            image = images.venv(tmp_path / name)
            executable(shim, f'#!/bin/sh\nexec {image.python} "$@"\n')
            os.utime(shim, (1, 1))
            assert interpreter.inspect(shim, store, variables.INHERITED).path == image.python

    def test_a_torn_file_in_the_store_is_made_again(self, tmp_path: Path, store: Store) -> None:
        image = images.venv(tmp_path / "image")
        kept = interpreter.inspect(image.python, store, variables.INHERITED).inventory
        kept.write_text(json.dumps({})[:1])
        assert interpreter.inspect(image.python, store, variables.INHERITED).inventory == kept
