"""Whether the image has, or can get, the packages that a repo asks for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from live_code.authoring import check
from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL, Finding
from live_code.errors import InterpreterError
from live_code.tools.machine import interpreter
from tests.support import variables
from tests.support.checked_repo import CONFIGURED, Repo, brief, but
from tests.support.servers.index import wheel
from tests.support.workshop import Workshop


class TestRequirements:
    def test_a_conflict_with_the_images_framework_will_fail_at_its_line(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.index.add("torch", "1.13.0").add("torch", "2.6.0").add("tqdm", "4.1")
        shop.write("", "start.py").write("tqdm\ntorch==1.13.0\n")
        found = self.findings(shop)
        assert (WILL_FAIL, "requirements", "requirements.txt:2") in brief(found)
        assert "torch 2.6.0+cu124" in found[0].what
        assert shop.index.downloads() == []

    def test_a_line_that_is_no_requirement_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("tqdm==\n")
        assert (WILL_FAIL, "requirements", "requirements.txt:1") in brief(self.findings(shop))

    def test_a_package_that_there_is_not_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("no-such-thing\n")
        assert [one.rule for one in self.findings(shop) if one.severity == WILL_FAIL] == ["requirements"]

    def test_a_named_file_that_is_missing_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("requirements: base.txt\n", "live-code.yaml")
        assert [one.rule for one in self.findings(shop) if one.severity == WILL_FAIL] == ["requirements"]

    def test_an_index_out_of_reach_says_nothing_of_the_repo(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("tqdm\n")
        found = self.findings(shop, PIP_INDEX_URL="http://127.0.0.1:9/simple")
        assert (MAY_FAIL, "requirements") in [(one.severity, one.rule) for one in found]

    def test_a_setup_py_is_not_run(self, shop: Workshop, tmp_path: Path) -> None:
        shop.write("", "start.py").write("-e .\n")
        shop.write(f"open({str(tmp_path / 'trace')!r}, 'w')\nimport setuptools; setuptools.setup()\n", "setup.py")
        assert (NOTE, "requirements", "setup.py") in brief(self.findings(shop))
        assert not (tmp_path / "trace").exists()

    def test_requirements_that_are_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "", **CONFIGURED}).write({"requirements.txt": "pyyaml\n"})
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "requirements.txt")]

    @pytest.mark.parametrize("name", ["environment.yml", "environment.yaml"])
    def test_condas_file_that_nobody_asks_for_is_told_of(self, repo: Repo, name: str) -> None:
        repo.commit({"start.py": "", name: "dependencies: [python]\n", **CONFIGURED})
        assert brief(repo.check()) == [(NOTE, "requirements", name)]

    def test_requirements_none_is_an_answer(self, repo: Repo) -> None:
        files = {"start.py": "", "environment.yml": "", "requirements.txt": "no-such-thing\n", **CONFIGURED}
        repo.commit({**files, "live-code.yaml": "code_config: c.yaml\nrequirements: none\n"})
        assert brief(repo.check()) == []

    def test_the_block_of_the_script_that_is_started_is_resolved(self, shop: Workshop) -> None:
        shop.write("# /// script\n# dependencies = [\n#   'no-such-thing',\n# ]\n# ///\n", "start.py")
        found = [one for one in self.findings(shop) if one.severity == WILL_FAIL]
        assert [one.rule for one in found] == ["requirements"]
        shop.write("# /// script\n# dependencies = [\n#   'no => thing',\n# ]\n# ///\n", "start.py")
        assert (WILL_FAIL, "requirements", "start.py:3") in brief(self.findings(shop))

    def test_a_wheel_that_is_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "", "requirements.txt": "./wheels/x-1.0-py3-none-any.whl\n", **CONFIGURED})
        (repo.root / "wheels").mkdir()
        (repo.root / "wheels" / "x-1.0-py3-none-any.whl").write_bytes(wheel("x", "1.0"))
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "wheels/x-1.0-py3-none-any.whl")]

    def test_an_images_inventory_stands_for_the_image(self, shop: Workshop, tmp_path: Path) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.index.add("torch", "1.13.0").add("torch", "2.6.0")
        shop.write("", "start.py").write("torch==1.13.0\n")
        inventory = tmp_path / "image.json"
        with interpreter.SCRIPT.open() as script, inventory.open("w") as out:
            subprocess.run([shop.image.python, "-"], stdin=script, stdout=out, check=True)
        shutil.rmtree(tmp_path / "image")
        found = check.examine(str(shop.root), "", check.Image(inventory=inventory), variables.read(self.around(shop)))
        assert (WILL_FAIL, "requirements", "requirements.txt:1") in brief(found)

    def test_a_file_that_is_no_inventory_is_an_error(self, shop: Workshop, tmp_path: Path) -> None:
        (tmp_path / "image.json").write_text("{}")
        given = variables.read(self.around(shop))
        with pytest.raises(InterpreterError, match="no inventory"):
            check.examine(str(shop.root), "", check.Image(inventory=tmp_path / "image.json"), given)

    def findings(self, shop: Workshop, **environ: str) -> list[Finding]:
        found = check.examine(
            str(shop.root), "", check.Image(shop.image.python), variables.read({**self.around(shop), **environ})
        )
        return but(found, "no-result")

    def around(self, shop: Workshop) -> dict[str, str]:
        return {**shop.around, "LIVE_CODE_STORE": str(shop.store.root)}
