"""What `live-code check` says of commits, submodules, LFS and large files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from live_code.authoring import check
from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL
from live_code.errors import ConfigError
from tests.support import variables
from tests.support.checked_repo import CONFIGURED, Repo, brief, but


class TestGit:
    def test_a_needed_file_that_is_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "import lib\n", **CONFIGURED}).write({"lib.py": "", "notes.py": ""})
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "lib.py")]

    def test_changes_since_the_commit_are_noted(self, repo: Repo) -> None:
        repo.commit({"start.py": "", **CONFIGURED}).write({"start.py": "x = 1\n"})
        assert brief(repo.check()) == [(NOTE, "git", "the repo")]

    def test_a_folder_without_git_is_checked_all_the_same(self, tmp_path: Path, repo: Repo) -> None:
        plain = Repo(tmp_path / "plain", repo.environ).write({"start.py": "x = '/app/y'\n", **CONFIGURED})
        assert brief(plain.check()) == [(MAY_FAIL, "fixed-path", "start.py:1"), (NOTE, "git", "the repo")]

    def test_a_commit_is_checked_as_it_is_and_not_as_the_folder_stands(self, repo: Repo) -> None:
        repo.commit({"start.py": "x = '/app/y'\n", **CONFIGURED}).write({"start.py": ""})
        assert brief(repo.check(revision="main")) == [(MAY_FAIL, "fixed-path", "start.py:1")]
        url = f"file://{repo.root}"
        found = check.examine(
            url, repo.git("rev-parse", "HEAD"), check.Image(Path(sys.executable)), variables.read(repo.environ)
        )
        assert brief(but(found, "no-result")) == [(MAY_FAIL, "fixed-path", "start.py:1")]

    def test_an_address_without_a_revision_is_an_error(self, repo: Repo) -> None:
        with pytest.raises(ConfigError, match="no revision"):
            check.examine("https://host/repo", "", check.Image(), variables.read(repo.environ))

    def test_submodules_are_noted_and_may_fail_when_they_want_a_key(self, repo: Repo) -> None:
        modules = '[submodule "a"]\n\tpath = a\n\turl = git@host:team/a\n'
        found = repo.commit({"start.py": "", ".gitmodules": modules, **CONFIGURED}).check()
        assert brief(found) == [(MAY_FAIL, "submodules", ".gitmodules:3"), (NOTE, "submodules", ".gitmodules:1")]

    def test_lfs_is_noted(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "", ".gitattributes": "*.pt filter=lfs\n", **CONFIGURED}).check()
        assert brief(found) == [(NOTE, "lfs", ".gitattributes:1")]

    def test_a_large_file_is_noted(self, repo: Repo) -> None:
        with (repo.root / "weights.pt").open("wb") as file:
            file.truncate(60_000_000)
        assert brief(repo.commit({"start.py": "", **CONFIGURED}).check()) == [(NOTE, "large-file", "weights.pt")]
