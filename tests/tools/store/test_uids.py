"""A store that another user made, which this one may only read: as in a container with `--user` and a shared volume."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers.repos import Repo

ROOT = Path(__file__).parents[3]
PROGRAM = """\
import os, sys
from pathlib import Path
from live_code.stages.code import checkout, source
from live_code.stages.request.hyperparameters import Request
from live_code.tools import settings
from live_code.tools.store import Store
url, commit, store, place = sys.argv[1:]
request, store = Request(url, commit, "commit"), Store(Path(store))
os.environ.pop("HOME", None)
known = settings.read(os.environ).git
made = checkout.make(source.resolve(request, store, known), request, store, Path(place), known)
print(made.commit, made.cached)
"""


@pytest.fixture
def shared(tmp_path):
    """Folders that a stranger can reach, and a start in a process of one: (uid, words) → what it printed."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can act as another user")
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)

    def start(uid, *words):
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        argv = [*user, sys.executable, "-c", PROGRAM, *map(str, words)]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))

    if start(4321, "x", "x", "x", "x").stderr.count("Permission"):
        pytest.skip("this machine keeps other users out of the Python in use")
    return start


def test_a_commit_in_another_users_store_is_checked_out(shared, tmp_path):
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a": "1"})
    assert shared(0, repo.url, commit, tmp_path / "store", tmp_path / "first").stdout == f"{commit} False\n"
    (tmp_path / "app").mkdir()
    (tmp_path / "app").chmod(0o777)  # root's own, and writable for all, as images make /app
    done = shared(4321, repo.url, commit, tmp_path / "store", tmp_path / "app")
    assert done.stdout == f"{commit} True\n", done.stderr
    assert (tmp_path / "app/a").read_text() == "1"
    done = shared(4321, repo.url, commit, tmp_path / "store", tmp_path / "app")
    assert done.stdout == f"{commit} True\n", done.stderr


def test_a_commit_that_a_read_only_store_lacks_is_an_error_that_says_what_to_do(shared, tmp_path):
    repo = Repo(tmp_path / "repo")
    first, second = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    shared(0, repo.url, first, tmp_path / "store", tmp_path / "first")
    (tmp_path / "app").mkdir()
    (tmp_path / "app").chmod(0o777)
    done = shared(4321, repo.url, second, tmp_path / "store", tmp_path / "app")
    assert "can't be written" in done.stderr
    assert "LIVE_CODE_STORE" in done.stderr
