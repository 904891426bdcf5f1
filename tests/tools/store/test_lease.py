import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from live_code.tools.store import lease

ROOT = Path(__file__).parents[3]
HOLD = "from live_code.tools.store import lease; from pathlib import Path; import sys, time\n"


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "locks" / "git-detector"


@pytest.fixture
def holder():
    """Starts a process that does something with a lease, says so, and sleeps."""
    started = []

    def start(code):
        words = [sys.executable, "-c", HOLD + code]
        child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(child)
        assert child.stdout.readline() == "there\n"
        return child

    yield start
    for child in started:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def hold(lock):
    return f"with lease.exclusive(Path({str(lock)!r}), 'x'):\n    print('there', flush=True); time.sleep(60)"


def test_one_waits_for_the_other_and_says_so_once(lock, holder, capsys):
    child = holder(hold(lock).replace("60", "0.5"))
    with lease.exclusive(lock, "the commit is being fetched"):
        assert child.wait(5) == 0
    said = [line.split("] ")[1] for line in capsys.readouterr().err.splitlines()]
    assert said[0] == "another process is at it, waiting: the commit is being fetched"
    assert [line.split()[0] for line in said] == ["another", "waited"]


def test_a_killed_holders_lock_is_free_at_once(lock, holder):
    child = holder(hold(lock))
    child.kill()
    started = time.monotonic()
    with lease.exclusive(lock, "x"):
        assert time.monotonic() - started < 2


def test_a_child_that_inherits_the_lock_keeps_it_when_its_parent_is_killed(lock, holder):
    start = "import subprocess; subprocess.Popen(['sleep', '1'], pass_fds=(file,)); print('there', flush=True)"
    child = holder(f"with lease.exclusive(Path({str(lock)!r}), 'x') as file:\n    {start}; time.sleep(60)")
    child.kill()
    started = time.monotonic()
    with lease.exclusive(lock, "x"):
        assert time.monotonic() - started > 0.5


def test_a_lease_of_another_host_is_respected_while_it_is_touched(lock, monkeypatch):
    monkeypatch.setattr(lease, "STALE_S", 0.5)
    monkeypatch.setattr(lease, "_POLL_S", 0.05)
    theirs = lock.with_name(f"{lock.name}.lease")
    lock.parent.mkdir()
    theirs.symlink_to("another-host 7 7")

    def live_for_a_second():
        for _ in range(10):
            time.sleep(0.1)
            os.utime(theirs, follow_symlinks=False)

    other = threading.Thread(target=live_for_a_second)
    other.start()
    started = time.monotonic()
    with lease.exclusive(lock, "x"):
        assert time.monotonic() - started > 1.3
    other.join()


def test_a_lease_of_another_host_that_is_not_touched_is_broken(lock, monkeypatch):
    monkeypatch.setattr(lease, "STALE_S", 0.3)
    theirs = lock.with_name(f"{lock.name}.lease")
    lock.parent.mkdir()
    theirs.symlink_to("another-host 7 7")
    with lease.exclusive(lock, "x"):
        assert str(theirs.readlink()).split()[1] == str(os.getpid())
    assert list(lock.parent.iterdir()) == [lock]


def test_a_lease_is_touched_while_it_is_held(lock, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_S", 0.05)
    monkeypatch.setattr(lease, "_beats", lease._Beats())
    with lease.exclusive(lock, "x"):
        theirs = lock.with_name(f"{lock.name}.lease")
        first = theirs.lstat().st_mtime_ns
        time.sleep(0.3)
        assert theirs.lstat().st_mtime_ns > first


def test_removing_a_stale_lease_gives_back_one_that_was_taken_in_the_same_moment(lock):
    lock.parent.mkdir()
    theirs = lock.with_name(f"{lock.name}.lease")
    theirs.symlink_to("live 8 8")
    lease._remove_if(theirs, "dead 7 7")
    assert str(theirs.readlink()) == "live 8 8"


def test_what_a_process_uses_is_not_unused_until_it_ends(tmp_path, holder):
    used = tmp_path / "used" / "git-detector"
    child = holder(f"lease.keep(Path({str(used)!r})); print('there', flush=True); time.sleep(60)")
    with lease.unused(used, idle_s=0) as free:
        assert not free
    child.kill()
    child.wait()
    with lease.unused(used, idle_s=0) as free:
        assert free
    with lease.unused(used, idle_s=600) as free:  # it may have been used from another host
        assert not free


def test_a_store_that_is_read_only_here_is_used_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    lease.keep(tmp_path / "file" / "used")
