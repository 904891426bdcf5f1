"""Lock → environment: on top of every kind of interpreter, built once, proved before it is used again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.errors import BuildError, StoreFullError
from live_code.tools.processes import runner
from live_code.tools.store import Store
from tests.support import images
from tests.support.servers.index import Index
from tests.support.workshop import Workshop, seen

ROOT = Path(__file__).parents[3]


def on(image: images.Image, tmp_path: Path, index: Index) -> Workshop:
    (tmp_path / "repo").mkdir()
    image.has("PyYAML", "6.0").has("EasyDict", "1.9")
    return Workshop(tmp_path / "repo", Store(tmp_path / "store"), image, index)


class TestVisible:
    @pytest.mark.parametrize("kind", ["venv", "venv on system packages", "system", "conda"])
    def test_the_images_packages_are_seen_behind_the_environments_own(
        self, kind: str, tmp_path: Path, index: Index
    ) -> None:
        base = images.installed(tmp_path / "base").has("beneath", "1.0")
        image = {
            "venv": lambda: images.venv(tmp_path / "image"),
            "venv on system packages": lambda: images.venv(tmp_path / "image", base.python, system=True),
            "system": lambda: base,
            "conda": lambda: images.installed(tmp_path / "image", conda=True),
        }[kind]()
        shop = on(image.has("kept", "1.0").has("renewed", "1.0"), tmp_path, index)
        index.add("renewed", "2.0")
        made = shop.make(shop.write("kept\nrenewed>=2\n").lock())
        found = seen(made, "kept", "renewed")
        assert found["kept"] == ["1.0", str(image.site_packages / "kept" / "__init__.py")]
        assert found["renewed"][0] == "2.0"
        assert found["renewed"][1].startswith(str(made.root))
        if kind in ("system", "venv on system packages"):
            assert seen(made, "beneath")["beneath"][0] == "1.0"

    def test_the_base_of_an_isolated_venv_stays_hidden(self, tmp_path: Path, index: Index) -> None:
        base = images.installed(tmp_path / "base").has("beneath", "1.0")
        made = on(images.venv(tmp_path / "image", base.python), tmp_path, index).make()
        with pytest.raises(subprocess.CalledProcessError):
            seen(made, "beneath")

    def test_path_files_of_the_images_venv_hold(self, tmp_path: Path, index: Index) -> None:
        image = images.venv(tmp_path / "image")
        (image.site_packages / "editable.pth").write_text(f"{tmp_path}/src\n")
        (tmp_path / "src" / "mine").mkdir(parents=True)
        (tmp_path / "src" / "mine" / "__init__.py").write_text("__version__ = 'src'\n")
        assert seen(on(image, tmp_path, index).make(), "mine")["mine"][0] == "src"

    @pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
    def test_it_works_on_every_python_a_job_may_have(self, version: str, tmp_path: Path, index: Index) -> None:
        image = images.venv(tmp_path / "image", images.base_python(version)).has("kept", "1.0")
        index.add(
            "new", "1.0", files={"new-1.0.dist-info/entry_points.txt": "[console_scripts]\nrun-new = os:getpid\n"}
        )
        shop = on(image, tmp_path, index).write("new\n")
        made = shop.make()
        assert set(seen(made, "kept", "new")) == {"kept", "new"}
        # A long path does not fit behind #!, and stands in the second line then.
        assert str(made.python) in "".join((made.root / "bin" / "run-new").read_text().splitlines()[:2])


class TestReuse:
    def test_a_known_environment_costs_no_process(self, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
        shop.index.add("a", "1.0")
        first = shop.write("a\n").make()
        monkeypatch.setattr(runner, "run", None)
        second = shop.make()
        assert (first.cached, second.cached) == (False, True)
        assert second.python == first.python

    def test_the_same_lock_from_other_files_is_the_same_environment(self, shop: Workshop) -> None:
        shop.write("# nothing\n")
        first = shop.make()
        assert shop.write("# still nothing\n").make().key == first.key

    def test_another_image_is_another_environment(self, shop: Workshop) -> None:
        first = shop.make()
        shop.image.has("tqdm", "4.1")
        assert shop.make().key != first.key

    def test_one_that_lost_its_interpreter_is_built_again(self, shop: Workshop) -> None:
        made = shop.make()
        made.python.unlink()
        again = shop.make()
        assert again.python.exists()
        assert again.why == f"its interpreter {shop.image.python} is gone"


class TestWhy:
    def test_another_version_is_told(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("a", "2.0")
        shop.write("a<2\n").make()
        assert shop.write("a\n").make().why == "a 1.0 → 2.0"

    def test_what_was_wrong_with_the_one_before_is_said(
        self, shop: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        made = shop.make()
        (made.root / "pyvenv.cfg").unlink()
        shop.make()
        assert "building the job's environment: pyvenv.cfg is missing" in capsys.readouterr().err

    def test_a_change_of_the_image_is_told(self, shop: Workshop) -> None:
        shop.make()
        shop.image.has("tqdm", "4.1")
        assert shop.make().why == "image: tqdm none → 4.1"

    def test_the_first_has_nothing_to_differ_from(self, shop: Workshop) -> None:
        assert shop.make().why == "not in the store"

    def test_a_package_that_the_job_installed_is_seen(self, shop: Workshop) -> None:
        made = shop.make()
        next(made.root.glob("lib/python*/site-packages")).joinpath("new-1.0.dist-info").mkdir()
        assert shop.make().why == "its packages were changed: new-1.0.dist-info came"


class TestDamage:
    def test_one_that_a_job_still_uses_stays_as_the_job_left_it(self, shop: Workshop) -> None:
        first = shop.make()  # used until this process ends
        installed = next(first.root.glob("lib/python*/site-packages")) / "new-1.0.dist-info"
        installed.mkdir()
        second, third = shop.make(), shop.make()
        assert installed.is_dir()
        assert (second.root != first.root, second.cached) == (True, False)
        assert (third.root, third.cached) == (second.root, True)

    def test_one_that_nobody_uses_is_built_again_in_its_place(self, shop: Workshop) -> None:
        code = "import sys; from tests.stages.environment.test_crash import BUILD; exec(BUILD)"
        words = [shop.root, shop.store.root, shop.image.python, shop.image.site_packages, shop.index.url]
        subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True, cwd=ROOT)
        (root,) = shop.store.path("env").iterdir()
        next(root.glob("lib/python*/site-packages")).joinpath("new-1.0.dist-info").mkdir()
        used = shop.store.used("env", root.name)
        os.utime(used, (1, 1))
        again = shop.make()
        assert (again.root, again.cached) == (root, False)
        assert again.why == "its packages were changed: new-1.0.dist-info came"


class TestPrograms:
    def test_those_of_the_image_see_the_environments_packages(self, shop: Workshop) -> None:
        code = "import new\ndef main(): print(new.__version__)\n"
        shop.image.has("runner", "1.0", module=code, scripts="run-it = runner:main")
        shop.index.add("new", "3.0")
        made = shop.write("new\n").make()
        done = subprocess.run([made.root / "bin" / "run-it"], check=True, stdout=subprocess.PIPE, text=True)
        assert done.stdout == "3.0\n"

    def test_the_images_installers_are_not_offered(self, shop: Workshop) -> None:
        shop.image.has("pip", "24.0", scripts="pip = pip:main\npip3 = pip:main\npip3.11 = pip:main")
        assert not list((shop.make().root / "bin").glob("pip*"))


class TestBuild:
    def test_a_full_disk_is_told_and_leaves_nothing(self, shop: Workshop, tmp_path: Path) -> None:
        shop.index.add("big", "1.0", files={"big/data.txt": "x" * 3_000_000})
        locked = shop.write("big\n").lock()
        kept = shop.store.root
        (kept / "env").mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", kept / "env"], check=False)
        if mounted.returncode:
            pytest.skip("this user can't mount")
        try:
            with pytest.raises(StoreFullError, match="no space"):
                shop.make(locked)
            assert not list((kept / "env").iterdir())
        finally:
            subprocess.run(["umount", kept / "env"], check=True)
        assert seen(shop.make(locked), "big")["big"][0] == "1.0"

    @pytest.mark.slow
    def test_what_takes_long_tells_every_few_seconds_that_it_goes_on(
        self, shop: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.index.add("a", "1.0").delay_s = 6.0
        shop.index.delayed = "/simple/a"
        locked = shop.write("a\n").lock()
        assert "resolving requirements.txt: 5 s so far" in capsys.readouterr().err
        shop.index.delayed = "/files/a-1.0-py3-none-any.whl"
        shop.make(locked)
        assert "installing 1 locked package: 5 s so far" in capsys.readouterr().err

    def test_a_file_that_is_not_what_the_lock_says_is_refused(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0", wrong_hash=True)
        with pytest.raises(BuildError) as caught:
            shop.write("a\n").make()
        assert "ash" in caught.value.details
        assert not list(shop.store.path("env").iterdir())
