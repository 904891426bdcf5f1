"""A store that all may write is shared by users: what one of them makes the others can go on with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.tools.store import Store


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def made_in(root: Path) -> set[str]:
    """The modes of all that a store makes for one entry of each kind."""
    store = Store(root)
    store.text("lock", "key", lambda: "text", "")
    store.folder("env", "key", lambda path, lock: (path / "file").touch(), lambda path: None, "")
    return {stat.filemode(path.lstat().st_mode) for path in root.rglob("*") if not path.is_symlink()}


def test_what_is_made_in_a_store_that_all_may_write_all_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert made_in(tmp_path) == {"drwxrwxrwx", "-rw-rw-rw-"}


def test_what_is_made_in_a_store_of_one_user_only_that_user_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert made_in(tmp_path) == {"drwxr-xr-x", "-rw-r--r--"}


def test_the_process_keeps_its_umask(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    made_in(tmp_path)
    assert os.umask(0o022) == 0o022
