"""`live-code check` as it is typed: its table, its JSON, its exit code."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from live_code.authoring import check
from live_code.authoring.check.finding import NOTE, WILL_FAIL, Finding
from live_code.commands import cli
from tests.support.checked_repo import CONFIGURED, RESULTS, Repo

PROJECT = Path(__file__).parents[3]


class TestTable:
    FOUND = (
        Finding(
            WILL_FAIL, "sdk", "start.py", 12, f"ymir_exc.monitor has no it.{' It has many.' * 9}", "Write another."
        ),
        Finding(NOTE, "git", "", 0, "This folder is not the root of a git repository.", "git init."),
    )

    def test_without_a_terminal_each_finding_is_one_line(self) -> None:
        assert len(check.show(list(self.FOUND))) == 1 + 2 + 2

    @pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
    def test_in_a_terminal_nothing_is_wider_than_it_is_and_nothing_is_lost(self, width: int) -> None:
        lines = check.show(list(self.FOUND), width)
        assert max(map(len, lines)) <= width
        said = " ".join(" ".join(lines).split())
        for word in ("start.py:12", "the repo", "many.", "another.", "repository.", "git init."):
            assert word in said

    def test_a_long_place_takes_the_columns_and_the_texts_stand_below(self) -> None:
        (one, _) = self.FOUND
        lines = check.show([one._replace(file=f"{'deep/' * 8}start.py")], 80)
        assert lines[0] == f"will fail  {'deep/' * 8}start.py:12"
        assert all(len(line) <= 80 and line.startswith("    ") for line in lines[1:-2])


class TestCommand:
    def test_the_exit_code_tells_whether_something_will_fail(
        self, repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIVE_CODE_STORE", repo.environ["LIVE_CODE_STORE"])
        words = ["check", str(repo.root), "--python", sys.executable]
        repo.commit({"start.py": f"x = '/app/y'\n{RESULTS}", **CONFIGURED})
        assert cli.main(words) == 0
        said = capsys.readouterr().out
        assert "start.py:1" in said
        assert said.splitlines()[-1] == "it will run, as far as can be seen (1 may fail)"
        repo.commit({"start.py": f"from ymir_exc import nothing\n{RESULTS}"})
        assert cli.main(words) == 1
        assert capsys.readouterr().out.splitlines()[-1] == "it will not run (1 will fail)"

    def test_json_holds_the_same(
        self, repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIVE_CODE_STORE", repo.environ["LIVE_CODE_STORE"])
        repo.commit({"start.py": f"x = '/app/y'\n{RESULTS}", **CONFIGURED})
        assert cli.main(["check", str(repo.root), "--python", sys.executable, "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert {key: found[key] for key in ("severity", "rule", "file", "line")} == {
            "severity": "may fail",
            "rule": "fixed-path",
            "file": "start.py",
            "line": 1,
        }


@pytest.mark.slow
def test_the_example_is_clean(standin: Path, repo: Repo) -> None:
    shutil.copytree(PROJECT / "examples" / "torch-detector", repo.root, dirs_exist_ok=True)
    assert repo.commit({}).check(standin) == []
