"""A warm store that can only be read, as a volume mounted with `:ro` is: what it knows is started, else it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import images, repos
from tests.support.machine import Ended, Machine, task
from tests.support.servers.index import Index
from tests.support.task_folder import TaskFolder
from tests.support.workshop import Workshop

ROOT = Path(__file__).parents[3]
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


def test_another_user_is_given_what_it_has_and_told_what_it_lacks(shop: Workshop, index: Index, tmp_path: Path) -> None:
    """A user who may read the store and write nothing of it, with the system's Python: others may be out of reach."""
    python = Path("/usr/bin/python3")
    words = ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"]
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry.endswith("site-packages"))])
    trial = [*words, "env", f"PYTHONPATH={path}", python, "-c", "import live_code.commands.cli, yaml"]
    if os.getuid() or subprocess.run(trial, check=False, cwd="/").returncode:
        pytest.skip("another user can't start this live-code here")
    index.add("a", "1.0")
    image = images.venv(tmp_path / "system", python).has("PyYAML", "6.0").has("EasyDict", "1.9")
    warm = ReadOnly(shop._replace(image=image), tmp_path)
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(0o777)

    def run(name: str) -> Ended:
        folder = TaskFolder(tmp_path / name)
        folder.in_dir.mkdir(parents=True)
        folder.out_dir.mkdir()
        task(folder, warm.repo, warm.commit)
        for place in (folder.out_dir, folder.out_dir / "models"):
            place.chmod(0o777)
        around = {
            "LIVE_CODE_PYTHON": str(image.python),
            "LIVE_CODE_WORKDIR": str(tmp_path / "work"),
            "PYTHONPATH": path,
            "PIP_INDEX_URL": index.url,
        }
        argv = [*words, str(python), *warm.machine.argv(folder)[1:]]
        done = subprocess.run(
            argv, env={**warm.machine.environ, **around}, capture_output=True, text=True, check=False, cwd="/"
        )
        return Ended(done.returncode, done.stdout, done.stderr, folder)

    assert "has 1.0" in (ended := run("second")).stdout, ended.stderr
    (tmp_path / "machine" / "store" / "env").rename(tmp_path / "env")
    ended = run("third")
    assert ended.code != 0
    assert "store can't be written: Permission denied. Mount a writable folder" in ended.stderr


def snapshot(root: Path) -> set[tuple[str, int]]:
    return {(str(path), os.lstat(path).st_mtime_ns) for path in root.rglob("*")}
