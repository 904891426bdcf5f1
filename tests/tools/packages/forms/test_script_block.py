"""The block of a script (PEP 723) as its requirements."""

from __future__ import annotations

import pytest

from live_code.errors import ConfigError, RequirementsError
from live_code.stages.request.repo_settings import RepoSettings
from live_code.tools.packages.forms import script_block
from tests.support.workshop import Workshop, pins, seen

SCRIPT = '''#!/usr/bin/env python3
"""Trains."""
# /// script
# requires-python = ">=3.8"
# dependencies = [
#     "a<2",  # not the new one
#     "b",
# ]
# ///

import a
'''


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("a", "b", "c"):
        shop.index.add(name, "1.0").add(name, "2.0")
    return shop


class TestChoice:
    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_that_of_the_entrypoint_is_taken_where_nothing_is_named(self, offered: Workshop, resolver: str) -> None:
        locked = offered.write(SCRIPT, "start.py").lock(resolver=resolver)
        assert (pins(locked), locked.requirements) == ({"a": "1.0", "b": "2.0"}, "start.py")
        assert "# via -r start.py" in locked.text
        assert set(seen(offered.make(locked), "a", "b")) == {"a", "b"}

    def test_it_is_nearer_than_a_file_that_is_only_there(self, offered: Workshop) -> None:
        assert pins(offered.write(SCRIPT, "start.py").write("c\n").lock()) == {"a": "1.0", "b": "2.0"}

    def test_what_is_named_is_nearer(self, offered: Workshop) -> None:
        offered.write(SCRIPT, "start.py").write("c\n", "c.txt")
        assert pins(offered.lock(requirements="c.txt")) == {"c": "2.0"}
        assert pins(offered.lock(repo=RepoSettings(requirements="c.txt"))) == {"c": "2.0"}

    @pytest.mark.parametrize(
        "command", ["tools/train.py", "python3 tools/train.py --epochs 2", "torchrun -n 2 ./tools/train.py"]
    )
    def test_the_entrypoint_is_the_tasks_or_the_repos(self, offered: Workshop, command: str) -> None:
        offered.write(SCRIPT, "tools/train.py").write("pass\n", "start.py")
        assert pins(offered.lock(entrypoint=command)) == {"a": "1.0", "b": "2.0"}
        assert pins(offered.lock(repo=RepoSettings(entrypoint={"training": command}))) == {"a": "1.0", "b": "2.0"}
        assert pins(offered.lock()) == {}

    def test_one_of_a_script_that_is_not_started_is_not(self, offered: Workshop) -> None:
        offered.write("pass\n", "start.py").write(SCRIPT, "other.py").write("c\n")
        assert pins(offered.lock()) == {"c": "2.0"}

    def test_a_script_may_be_named(self, offered: Workshop) -> None:
        offered.write(SCRIPT, "tools/train.py").write("c\n", "c.txt")
        assert pins(offered.lock(requirements="tools/train.py c.txt")) == {"a": "1.0", "b": "2.0", "c": "2.0"}

    def test_one_without_a_block_is_no_answer(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"start\.py has no block of requirements"):
            offered.write("pass\n", "start.py").lock(requirements="start.py")

    def test_it_is_known_again_whatever_else_the_script_has(self, offered: Workshop) -> None:
        first = offered.write(SCRIPT, "start.py").lock()
        assert offered.write(SCRIPT + "print(1)\n", "start.py").lock().key == first.key
        assert pins(offered.write(SCRIPT.replace("a<2", "a"), "start.py").lock())["a"] == "2.0"


class TestContent:
    def test_entries_have_the_lines_that_they_stand_on(self) -> None:
        assert script_block.lines(script_block.block(SCRIPT), "start.py") == [(6, "a<2"), (7, "b")]

    @pytest.mark.parametrize(
        "source",
        [
            "",
            "# /// script\n# dependencies = ['a']\n",
            "# /// other\n# dependencies = ['a']\n# ///\n",
            "# /// script\n\n# ///\n",
            "x = '# /// script'\n",
            "  # /// script\n  # dependencies = ['a']\n  # ///\n",
        ],
    )
    def test_what_is_no_block(self, source: str) -> None:
        assert script_block.block(source) == ""

    def test_a_block_without_dependencies_needs_nothing(self, offered: Workshop) -> None:
        assert pins(offered.write("# /// script\n# requires-python = '>=3'\n# ///\n", "start.py").lock()) == {}

    def test_windows_line_ends(self, offered: Workshop) -> None:
        (offered.root / "start.py").write_bytes(SCRIPT.replace("\n", "\r\n").encode())
        assert pins(offered.lock()) == {"a": "1.0", "b": "2.0"}

    def test_another_python_is_refused(self, offered: Workshop) -> None:
        offered.write(SCRIPT.replace(">=3.8", ">=3.99"), "start.py")
        with pytest.raises(RequirementsError, match=r"start\.py is for Python >=3\.99, but the image has 3\."):
            offered.lock()

    def test_a_fault_is_told_by_the_scripts_line(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"^start\.py:6 can't be read as a requirement"):
            offered.write(SCRIPT.replace("a<2", "a => 2"), "start.py").lock()

    @pytest.mark.parametrize("wrong", ["dependencies = [", 'dependencies = "a"'])
    def test_one_that_is_no_toml_says_so(self, offered: Workshop, wrong: str) -> None:
        with pytest.raises(RequirementsError, match=r"the script block of start\.py"):
            offered.write(f"# /// script\n# {wrong}\n# ///\n", "start.py").lock()

    def test_uvs_own_table_is_passed_over_with_a_note(
        self, offered: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = SCRIPT.replace("# ]\n", "# ]\n# [tool.uv]\n# exclude-newer = '2020-01-01T00:00:00Z'\n")
        assert pins(offered.write(text, "start.py").lock()) == {"a": "1.0", "b": "2.0"}
        assert "start.py: [tool.uv] in its block counts for uv alone" in capsys.readouterr().err


class TestNone:
    """`requirements: none` (P13)."""

    @pytest.mark.parametrize("word", ["none", "None", " none "])
    def test_nothing_of_the_repos_is_installed(
        self, offered: Workshop, word: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offered.write("a\n").write(SCRIPT, "start.py").write("", "setup.py")
        locked = offered.lock(requirements=word)
        assert (pins(locked), locked.requirements) == ({}, "none")
        assert "# from: none (config.yaml)" in locked.text
        assert "is not installed" not in capsys.readouterr().err

    def test_by_the_repo(self, offered: Workshop) -> None:
        locked = offered.write("a\n").lock(repo=RepoSettings(requirements="none"))
        assert "# from: none (live-code.yaml)" in locked.text
        assert pins(locked) == {}

    def test_the_task_may_ask_for_some_all_the_same(self, offered: Workshop) -> None:
        repo = RepoSettings(requirements="none")
        assert pins(offered.write("a<2\n").lock(repo=repo, requirements="requirements.txt")) == {"a": "1.0"}

    def test_an_empty_text_names_nothing(self, offered: Workshop) -> None:
        assert pins(offered.write("a<2\n").lock(requirements="")) == {"a": "1.0"}

    def test_what_the_job_side_needs_is_installed_all_the_same(self, offered: Workshop, tmp_path: object) -> None:
        from pathlib import Path

        from tests.support import images

        bare = offered._replace(image=images.venv(Path(str(tmp_path)) / "bare"))
        assert set(pins(bare.write("a\n").lock(requirements="none"))) == {"easydict", "pyyaml"}


def test_a_file_named_beside_none_is_no_file(offered: Workshop) -> None:
    with pytest.raises(ConfigError, match="names none, which is no file"):
        offered.write("a\n").lock(requirements="none requirements.txt")
