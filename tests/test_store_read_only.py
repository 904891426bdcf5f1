"""A warm store that can only be read, as a volume mounted with `:ro` is: what it knows is started, else it is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import repos
from tests.machine import Ended, Machine, task
from tests.servers.index import Index
from tests.task_folder import TaskFolder
from tests.workshop import Workshop

START = f"import a\nprint('has', a.__version__, flush=True)\n{repos.CLASSIC_START}"
MOUNT = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


class ReadOnly:
    """A machine whose store was filled by one run, and is read-only for the next ones."""

    def __init__(self, shop: Workshop, root: Path) -> None:
        self.shop, self.machine, self.root = shop, Machine(root / "machine"), root
        self.repo = repos.make(root / "served")
        self.commit = self.repo.commit(start__py=START, requirements__txt="a\n", configs___default__yaml="epochs: 7\n")
        shop.image.copies("easydict", "yaml")
        first = self.run("first", self.commit)
        assert first.code == 0, first.stderr

    def run(self, name: str, commit: str, *prefix: str) -> Ended:
        folder = TaskFolder(self.root / name)
        folder.in_dir.mkdir(parents=True)
        folder.out_dir.mkdir()
        around = {"LIVE_CODE_PYTHON": str(self.shop.image.python), "PIP_INDEX_URL": self.shop.index.url}
        return self.machine.run(task(folder, self.repo, commit), *prefix, **around)

    def read_only(self, name: str, commit: str) -> Ended:
        return self.run(name, commit, "unshare", "--mount", "sh", "-c", MOUNT, str(self.machine.root / "store"))


@pytest.fixture
def warm(shop: Workshop, index: Index, tmp_path: Path) -> ReadOnly:
    index.add("a", "1.0")
    if subprocess.run(["unshare", "--mount", "mount", "--bind", tmp_path, tmp_path], check=False).returncode:
        pytest.skip("this user can't mount")
    return ReadOnly(shop, tmp_path)


def test_what_it_has_is_started(warm: ReadOnly) -> None:
    kept = snapshot(warm.machine.root / "store")
    ended = warm.read_only("second", warm.commit)
    assert (ended.code, "has 1.0" in ended.stdout) == (0, True), ended.stderr
    assert snapshot(warm.machine.root / "store") == kept


@pytest.mark.parametrize("lacks", ["a commit", "a lock", "an environment"])
def test_what_it_lacks_is_told_with_what_to_do(lacks: str, warm: ReadOnly) -> None:
    commit = warm.commit
    if lacks == "a commit":
        commit = warm.repo.commit(more__py="")
    else:
        kind = "lock" if lacks == "a lock" else "env"
        (warm.machine.root / "store" / kind).rename(warm.root / kind)
    ended = warm.read_only("second", commit)
    assert ended.code != 0
    assert "Read-only file system" in ended.stderr
    assert "LIVE_CODE_STORE" in ended.stderr
    assert "Traceback" not in ended.stderr


def snapshot(root: Path) -> set[tuple[str, int]]:
    return {(str(path), os.lstat(path).st_mtime_ns) for path in root.rglob("*")}
