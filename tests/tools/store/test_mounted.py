"""A cache volume on /cache that this user can't write: used as far as it can be read, and told of in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.task_folder import TaskFolder

# /cache belongs to the machine that runs the tests: the same program, which looks for its volume elsewhere.
PROGRAM = """
import sys
from pathlib import Path
from live_code.tools import store
store.CACHE = Path(sys.argv[1])
from live_code.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
OWN = 'mount --bind "$0" "$0" && exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
TOLD = "cache is mounted"


class Container:
    """A machine with a mount for /cache. ``prefix``: how it is mounted when a command runs."""

    def __init__(self, root: Path) -> None:
        self.machine, self.root, self.cache = Machine(root / "machine"), root, root / "cache"
        self.repo = repos.make(root / "served")
        self.commit = self.repo.commit(start__py=repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
        self.cache.mkdir()

    def run(self, name: str, *around: str) -> subprocess.CompletedProcess[str]:
        folder = TaskFolder(self.root / name)
        folder.in_dir.mkdir(parents=True)
        folder.out_dir.mkdir()
        task(folder, self.repo, self.commit)
        return self.command("run", "--in", str(folder.in_dir), "--out", str(folder.out_dir), around=around)

    def command(self, *words: str, around: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        environ = {**self.machine.environ, "XDG_CACHE_HOME": str(self.root / "private")}
        del environ["LIVE_CODE_STORE"], environ["LIVE_CODE_WORKDIR"]
        argv = [*around, sys.executable, "-c", PROGRAM, str(self.cache), *words]
        return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=120)

    @property
    def read_only(self) -> tuple[str, ...]:
        return ("unshare", "--mount", "sh", "-c", READ_ONLY, str(self.cache))

    @property
    def another_users(self) -> tuple[str, ...]:
        """Root without its powers, in a folder that belongs to somebody else."""
        os.chown(self.cache, 4321, 4321)
        self.cache.chmod(0o755)
        return ("unshare", "--mount", "sh", "-c", OWN, str(self.cache))

    @property
    def private(self) -> Path:
        return self.root / "private" / "live-code"


@pytest.fixture
def container(tmp_path: Path) -> Container:
    if subprocess.run(["unshare", "--mount", "mount", "--bind", tmp_path, tmp_path], check=False).returncode:
        pytest.skip("this user can't mount")
    return Container(tmp_path)


def test_a_warm_cache_that_is_mounted_read_only_is_used_without_a_word(container: Container) -> None:
    assert container.run("first").returncode == 0
    (container.root / "served").rename(container.root / "gone")
    ended = container.run("second", *container.read_only)
    assert (ended.returncode, TOLD in ended.stderr) == (0, False), ended.stderr
    assert not (container.private / "git").exists()


@pytest.mark.parametrize("command", ["resolve", "checkout", "check", "lock"])
def test_other_commands_use_it_too(container: Container, command: str) -> None:
    assert container.run("first").returncode == 0
    (container.root / "served").rename(container.root / "gone")
    words = [command, str(container.repo.path), container.commit]
    ended = container.command(
        *words, *([str(container.root / "tree")] if command == "checkout" else []), around=container.read_only
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not container.private.exists()


def test_the_files_that_changed_between_two_runs_are_told_from_it(container: Container) -> None:
    assert container.run("first").returncode == 0
    container.commit = container.repo.commit(more__py="")
    assert container.run("second").returncode == 0
    runs = [str(container.root / name / "out") for name in ("first", "second")]
    ended = container.command("compare", *runs, "--offline", around=container.read_only)
    assert "more.py" in ended.stdout, ended.stderr
    assert not container.private.exists()


def test_other_commands_tell_of_it_once(container: Container) -> None:
    words = ["check", str(container.repo.path), container.commit]
    ended = container.command(*words, around=container.another_users)
    assert ended.stderr.count(TOLD) == 1


def test_what_a_read_only_cache_lacks_is_made_in_the_private_store_and_told_of_once(container: Container) -> None:
    assert container.run("first").returncode == 0
    container.commit = container.repo.commit(more__py="")
    ended = container.run("second", *container.read_only)
    assert (ended.returncode, ended.stderr.count(TOLD)) == (0, 1), ended.stderr
    assert f"{container.cache} is mounted read-only: what it has is used, nothing new is kept" in ended.stderr
    assert (container.private / "git").exists()
    assert not (container.private / "env").exists()


def test_a_cache_of_another_user_is_named_with_its_owner_and_the_remedy(container: Container) -> None:
    ended = container.run("first", *container.another_users)
    assert (ended.returncode, ended.stderr.count(TOLD)) == (0, 1), ended.stderr
    told = (
        f"{container.cache} is mounted, but user 0 can't write it (owner 4321, mode 755): nothing is kept. chmod 1777"
    )
    assert told in ended.stderr


def test_doctor_and_cache_tell_of_it(container: Container) -> None:
    assert container.run("first").returncode == 0
    examined = container.command("doctor", around=container.read_only)
    assert f"problem: {container.cache} is mounted read-only" in examined.stdout
    listed = container.command("cache", "ls", around=container.read_only)
    assert f"entries in {container.cache}\n" in listed.stdout
    assert f"{container.cache} is mounted read-only" in listed.stderr
    proved = container.command("cache", "verify", around=container.read_only)
    assert (proved.returncode, proved.stdout) == (0, "all is whole\n"), proved.stderr
    trimmed = container.command("cache", "gc", "--max-size", "1", around=container.read_only)
    assert (trimmed.returncode, "Nothing can be removed here" in trimmed.stderr) == (1, True)


def test_the_entries_of_both_layers_are_listed(container: Container) -> None:
    assert container.run("first").returncode == 0
    container.commit = container.repo.commit(more__py="")
    assert container.run("second", *container.read_only).returncode == 0
    listed = container.command("cache", "ls", around=container.read_only).stdout.splitlines()
    ends = [number for number, line in enumerate(listed) if " entries in " in line]
    assert [listed[number].split(" in ")[1] for number in ends] == [str(container.cache), str(container.private)]
    assert [line.split()[-1].split("/")[0] for line in listed[ends[0] + 1 : ends[1]]] == ["git"]


def test_a_folder_at_its_place_that_is_no_mount_is_no_cache(container: Container) -> None:
    os.chown(container.cache, 4321, 4321)
    container.cache.chmod(0o755)
    ended = container.run("first", "setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert (ended.returncode, TOLD in ended.stderr) == (0, False), ended.stderr


def test_doctor_shows_the_store_that_a_run_takes_for_a_user_without_a_home(container: Container) -> None:
    environ = {**container.machine.environ, "HOME": "/nonexistent"}
    for name in ("LIVE_CODE_STORE", "XDG_CACHE_HOME"):
        environ.pop(name, None)
    argv = [sys.executable, "-c", PROGRAM, str(container.cache / "none"), "doctor"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert f"store        /tmp/live-code-{os.getuid()}/home/.cache/live-code " in done.stdout
