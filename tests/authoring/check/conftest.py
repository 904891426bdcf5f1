"""A repository to be checked against the Python of these tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.checked_repo import Repo


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: what the Python of these tests has installed need not be asked for again and again."""
    return tmp_path_factory.mktemp("check-store")


@pytest.fixture
def repo(tmp_path: Path, store: Path) -> Repo:
    """A git repository with nothing in it, to be checked against the Python of these tests."""
    (tmp_path / "repo").mkdir()
    made = Repo(tmp_path / "repo", {**os.environ, "LIVE_CODE_STORE": str(store)})
    made.git("init", "-q", "-b", "main")
    return made
