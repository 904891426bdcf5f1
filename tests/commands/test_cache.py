import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live_code.tools.git.repository import Repository
from live_code.tools.store import Store, eviction
from tests.support.servers.repos import Repo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def live_code(here):
    """The command, in a process of its own: what it uses is free again when it has ended."""

    def live_code(*words):
        environ = {**os.environ, "LIVE_CODE_STORE": str(here.root)}
        argv = [sys.executable, "-m", "live_code", *map(str, words)]
        return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    return live_code


def entry(here, kind, key, size, used_at):
    path = here.path(kind, key)
    path.mkdir(parents=True)
    (path / "data").write_bytes(b"x" * size)
    used = here.used(kind, key)
    used.parent.mkdir(exist_ok=True)
    used.touch()
    os.utime(used, (used_at, used_at))


def names(here):
    return [item.key for item in eviction.items(here)]


def test_entries_are_listed_the_least_recently_used_first(here):
    entry(here, "env", "new", 1, 3000)
    entry(here, "git", "old", 1, 1000)
    entry(here, "env", "middle", 1, 2000)
    assert names(here) == ["old", "middle", "new"]


def test_room_is_made_by_removing_the_least_recently_used(here):
    for number in range(4):
        entry(here, "env", str(number), 100_000, number * 1000)
    room = eviction.make_room(here, 250_000)
    assert names(here) == ["2", "3"]
    assert room.left <= 250_000


def test_nothing_is_removed_when_there_is_room(here):
    entry(here, "env", "one", 100, 0)
    assert eviction.make_room(here, 10**6).removed == 0
    assert names(here) == ["one"]


def test_what_is_in_use_stays_and_the_next_goes(here):
    holder = "from live_code.tools.store import Store; from pathlib import Path; import sys, time\n"
    holder += f"Store(Path({str(here.root)!r})).use('env', 'old'); print('there', flush=True); time.sleep(60)"
    entry(here, "env", "old", 100_000, 1000)
    entry(here, "env", "new", 100_000, 2000)
    with subprocess.Popen([sys.executable, "-c", holder], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"there\n"
        os.utime(here.used("env", "old"), (1000, 1000))
        room = eviction.make_room(here, 0)
        process.kill()
    assert names(here) == ["old"]
    assert [item.key for item in room.in_use] == ["old"]


def test_what_was_used_a_moment_ago_stays_as_another_host_may_use_it_still(here):
    here.path("env", "one").mkdir(parents=True)
    (here.path("used")).mkdir()
    here.used("env", "one").touch()
    assert [item.key for item in eviction.make_room(here, 0).in_use] == ["one"]


def test_what_is_spared_for_a_while_is_told_apart_and_a_size_that_was_not_reached_is_an_error(live_code, here):
    entry(here, "env", "one", 100_000, time.time() - 9)
    done = live_code("cache", "gc", "--max-size", "1k")
    assert re.search(r"^env/one: used \d+ s ago \(spared for 5\d\d s: --idle 0\)$", done.stdout, re.MULTILINE)
    assert (done.returncode, "more than 1.0 KiB" in done.stdout) == (1, True)
    done = live_code("cache", "gc", "--max-size", "1k", "--idle", "0")
    assert (done.returncode, names(here)) == (0, [])


def test_what_is_in_use_is_told_so(live_code, here):
    entry(here, "env", "one", 100_000, 1000)
    here.use("env", "one")
    done = live_code("cache", "gc", "--max-size", "1k", "--idle", "0")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "env/one: in use")


def test_what_a_killed_removal_left_is_swept(here):
    (here.path("trash") / "env-x-1").mkdir(parents=True)
    eviction.make_room(here, 0)
    assert list(here.path("trash").iterdir()) == []


def test_resolve_prints_the_commit(live_code, tmp_path):
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a": "1"})
    assert live_code("resolve", repo.url, "main").stdout == f"{commit}\n"


def test_checkout_makes_the_tree_and_prints_commit_and_tree(live_code, tmp_path):
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a": "1"})
    done = live_code("checkout", repo.url, commit[:10], tmp_path / "place")
    assert done.stdout == f"commit {commit}\ntree {repo.git('rev-parse', 'HEAD^{tree}')}\n"
    assert (tmp_path / "place/a").read_text() == "1"


def test_checkout_leaves_a_folder_with_files_alone(live_code, tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit({"a": "1"})
    assert live_code("checkout", repo.url, "main", tmp_path / "place").returncode == 0
    (tmp_path / "place/a").write_text("my work")
    done = live_code("checkout", repo.url, "main", tmp_path / "place")
    assert (done.returncode != 0, "has files in it" in done.stderr) == (True, True)
    assert (tmp_path / "place/a").read_text() == "my work"


def test_an_error_is_one_line_that_says_what_to_do(live_code, tmp_path):
    done = live_code("resolve", tmp_path / "nothing.git", "main")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def scattered(live_code, tmp_path, here):
    """A repository of the store whose objects lie in packs of their own."""
    repo = Repo(tmp_path / "repo")
    repo.commit({f"file{number}": str(number) for number in range(60)})
    live_code("checkout", repo.url, "main", tmp_path / "place")
    (bare,) = here.path("git").iterdir()
    fetched = list(bare.glob("objects/pack/*"))

    def git(*words, stdin=""):
        return subprocess.run(["git", *words], cwd=bare, input=stdin, text=True, capture_output=True, check=True).stdout

    for name in git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").splitlines():
        git("pack-objects", "--quiet", "objects/pack/pack", stdin=f"{name}\n")
    for path in fetched:
        path.unlink()
    assert Repository(bare).packs() > 50
    return Repository(bare)


def test_gc_puts_the_packs_of_many_fetches_into_one(live_code, scattered, tmp_path):
    (scattered.path / "objects/pack/.tmp-1-pack-killed").touch()
    before = scattered.packs()
    done = live_code("cache", "gc", "--max-size", "1G", "--idle", "0")
    assert f"{before} packs are now 1\n" in done.stdout
    assert not list(scattered.path.glob("objects/pack/.tmp-*"))
    assert live_code("cache", "verify").stdout == "all is whole\n"
    (tmp_path / "repo").rename(tmp_path / "gone")
    commit = next((scattered.path / "refs/live-code").iterdir()).name
    assert live_code("checkout", f"file://{tmp_path}/repo", commit, tmp_path / "again").returncode == 0


def test_gc_leaves_the_packs_of_a_repository_that_is_in_use(live_code, scattered, here):
    here.use("git", scattered.path.name)
    before = scattered.packs()
    assert live_code("cache", "gc", "--max-size", "1G", "--idle", "0").returncode == 0
    assert scattered.packs() == before


def test_the_store_is_listed_proved_and_emptied(live_code, tmp_path, here):
    repo = Repo(tmp_path / "repo")
    repo.commit({"a": "1"})
    live_code("checkout", repo.url, "main", tmp_path / "place")
    assert "git/" in live_code("cache", "ls").stdout
    assert live_code("cache", "verify").stdout == "all is whole\n"
    for path in here.path("git").glob("*/objects/*/*"):
        path.chmod(0o644)
        path.write_bytes(b"damaged")
    done = live_code("cache", "verify")
    assert (done.returncode, "1 damaged" in done.stdout) == (1, True)
    assert "removed" in live_code("cache", "clear").stdout
    assert list(here.path("git").iterdir()) == []
    assert live_code("cache", "gc", "--max-size", "1G").returncode == 0
