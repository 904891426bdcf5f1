"""Many processes at one store: what they ask for is fetched once, and killing them breaks nothing."""

import os
import random
import signal
import subprocess
import time
import traceback

import pytest

from live_code.errors import LiveCodeError, RefMissingError, StoreFullError
from live_code.stages.code import checkout, source
from live_code.stages.request.hyperparameters import Request
from live_code.tools import files
from live_code.tools.git import fetch, remote
from live_code.tools.store import Store
from tests.support import variables
from tests.support.servers.repos import ENV, Repo

PROCESSES = 16
ROUNDS = int(os.environ.get("LIVE_CODE_TEST_ROUNDS", "6"))


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    repo = Repo(tmp_path_factory.mktemp("repos") / "detector")
    for number in range(PROCESSES):
        repo.commit({"number": str(number), f"data{number}": "\n".join(str(n * number % 9973) for n in range(20000))})
    return repo


@pytest.fixture(scope="module")
def commits(repo):
    return repo.git("rev-list", "HEAD").split()


def ask(url, commit, store, place):
    """A process that makes the commit's work tree; its number."""
    if child := os.fork():
        return child
    code = 1
    try:
        request = Request(url, commit, "git_branch")
        made = checkout.make(
            source.resolve(request, Store(store), variables.git()), request, Store(store), place, variables.git()
        )
        code = 0 if made.commit == commit else 2
    except BaseException:  # noqa: BLE001 - nothing may return into the copy of pytest
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def assert_whole(store, commits):
    (bare,) = (store / "git").iterdir()
    for words in (["fsck", "--full", "--strict"], ["rev-list", "--objects", "--all"]):
        subprocess.run(["git", "--git-dir", str(bare), *words], env=ENV, check=True, capture_output=True)
    held = {path.name for path in (bare / "refs/live-code").iterdir()}
    assert set(commits) <= held
    assert not list(bare.glob("**/*.lock"))


@pytest.fixture
def fetches(tmp_path, monkeypatch):
    """A file with a line for every fetch that any process begins."""
    log = tmp_path / "fetches"
    real = remote.fetch

    def noted(url, refspecs, *words, **more):
        with log.open("a") as file:
            file.write(f"{refspecs[0]}\n")
        real(url, refspecs, *words, **more)

    monkeypatch.setattr(remote, "fetch", noted)
    return log


@pytest.mark.slow
def test_sixteen_processes_ask_for_sixteen_commits_at_once(repo, commits, tmp_path, fetches):
    children = [ask(repo.url, one, tmp_path / "store", tmp_path / f"place{n}") for n, one in enumerate(commits)]
    assert wait(children) == [0] * PROCESSES
    assert_whole(tmp_path / "store", commits)
    assert sorted(fetches.read_text().split()) == sorted(f"{one}:refs/live-code/{one}" for one in commits)


def test_processes_that_ask_for_one_commit_fetch_it_once(repo, commits, tmp_path, fetches):
    children = [ask(repo.url, commits[0], tmp_path / "store", tmp_path / f"place{n}") for n in range(5)]
    assert wait(children) == [0] * 5
    assert len(fetches.read_text().split()) == 1


@pytest.mark.slow
def test_four_of_sixteen_are_killed_at_random_moments_and_nothing_breaks(repo, commits, tmp_path):
    chance = random.Random(7)
    for number in range(ROUNDS):
        root = tmp_path / str(number)
        places = [root / f"place{n}" for n in range(PROCESSES)]
        children = [ask(repo.url, one, root / "store", place) for one, place in zip(commits, places, strict=True)]
        victims = chance.sample(children, 4)
        for victim in victims:
            time.sleep(chance.uniform(0, 0.15))
            os.kill(victim, signal.SIGKILL)
        ends = dict(zip(children, wait(children), strict=True))
        assert all(code == 0 for child, code in ends.items() if child not in victims)
        again = [n for n, child in enumerate(children) if ends[child] != 0]
        assert wait([ask(repo.url, commits[n], root / "store", places[n]) for n in again]) == [0] * len(again)
        assert_whole(root / "store", commits)


def test_what_a_killed_fetch_left_is_swept(repo, commits, tmp_path):
    store = Store(tmp_path / "store")
    assert wait([ask(repo.url, commits[0], store.root, tmp_path / "place")]) == [0]
    (bare,) = (store.root / "git").iterdir()
    left = ["shallow.lock", "packed-refs.lock", "config.lock", f"refs/live-code/{commits[1]}.lock"]
    for name in [*left, "objects/pack/tmp_pack_x", f"refs/live-code/{commits[1]}"]:
        (bare / name).write_text("")
    assert wait([ask(repo.url, commits[1], store.root, tmp_path / "place")]) == [0]
    assert_whole(store.root, commits[:2])
    assert not list(bare.glob("objects/pack/tmp_*"))


@pytest.mark.parametrize("harm", ["lost", "flipped bits"])
def test_a_damaged_store_is_noticed_and_made_anew(repo, commits, tmp_path, harm, capfd):
    store = Store(tmp_path / "store")
    assert wait([ask(repo.url, commits[0], store.root, tmp_path / "place")]) == [0]
    (bare,) = (store.root / "git").iterdir()
    for path in [*bare.glob("objects/pack/*.pack"), *bare.glob("objects/[0-9a-f][0-9a-f]/*")]:
        path.chmod(0o644)
        data = path.read_bytes()
        middle = len(data) // 2
        wrong = bytes(byte ^ 0xFF for byte in data[middle : middle + 40])
        path.write_bytes(data[:middle] + wrong + data[middle + 40 :])
        if harm == "lost":
            path.unlink()
    assert wait([ask(repo.url, commits[0], store.root, tmp_path / "place2")]) == [0]
    assert "is damaged and is made anew" in capfd.readouterr().err
    assert_whole(store.root, commits[:1])


@pytest.fixture
def tiny(tmp_path):
    """A disk of 1 MB."""
    (tmp_path / "tiny").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path / "tiny"], check=False)
    if mounted.returncode != 0:
        pytest.skip("only root can mount a disk")
    yield tmp_path / "tiny"
    subprocess.run(["umount", "--lazy", tmp_path / "tiny"], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_apart(tmp_path, tiny):
    repo = Repo(tmp_path / "repo")
    (repo.path / "large").write_bytes(random.Random(7).randbytes(3_000_000))
    request = Request(repo.url, repo.commit({}), "git_branch")
    for store, place, kind in ((tiny / "s", tmp_path / "p", "STORE_FULL"), (tmp_path / "s", tiny / "p", "CHECKOUT")):
        found = source.resolve(request, Store(store), variables.git())
        with pytest.raises(LiveCodeError, match=r"(?i)no space left") as caught:
            checkout.make(found, request, Store(store), place, variables.git())
        assert caught.value.kind == kind


def test_a_store_without_room_for_a_repository_or_a_work_tree_is_told_as_full(tmp_path, tiny):
    repo = Repo(tmp_path / "repo")
    (repo.path / "large").write_bytes(b"x" * 3_000_000)  # small in a pack
    request = Request(repo.url, repo.commit({}), "git_branch")
    store = Store(tiny / "s")
    found = source.resolve(request, store, variables.git())
    with pytest.raises(StoreFullError, match="no space left in the store"):
        checkout.make(found, request, store, store.path("work", "one"), variables.git())
    files.remove_tree(store.root)
    with (tiny / "fill").open("wb") as fill:
        os.posix_fallocate(fill.fileno(), 0, (1 << 20) - 16384)
    with pytest.raises(StoreFullError, match="no space left in the store"):
        checkout.make(found, request, store, tmp_path / "place", variables.git())


def test_a_ref_that_moved_since_it_was_found_is_noticed(tmp_path, capsys):
    repo = Repo(tmp_path / "repo")
    repo.commit({"a": "1"})
    gone = fetch.Wanted(
        source.read_url(repo.url, variables.git()), "0123456789abcdef0123456789abcdef01234567", "refs/heads/main"
    )
    with pytest.raises(RefMissingError, match="the commit is not in"):
        fetch.ensure(gone, Store(tmp_path / "store"), variables.git())
    assert "refs/heads/main" in capsys.readouterr().err
