"""Files whose content lies on a git LFS server: from folders in the fast tests, from a real server in the slow ones."""

import hashlib
import os
import subprocess

import pytest

from live_code.errors import AuthError, NetworkError, NotFoundError
from live_code.tools.git.lfs import object_path
from tests.support import checkouts
from tests.support.servers import connect, https, lfs
from tests.support.servers.repos import ENV, Repo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
WEIGHTS = bytes(range(256)) * 5000
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def make(tmp_path):
    def make(url, revision, environ=os.environ, **settings):
        return checkouts.made(tmp_path, url, revision, environ, **settings)

    return make


def keep(folder, content):
    path = object_path(folder, hashlib.sha256(content).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def status(place):
    words = ["git", "status", "--porcelain"]
    return subprocess.run(words, cwd=place, env=ENV, capture_output=True, text=True, check=True).stdout


def test_a_pointer_is_replaced_by_its_content(make, repo):
    commit = repo.commit(
        {".gitattributes": ATTRIBUTES, "a/w.bin": lfs.pointer(WEIGHTS), "b.bin": lfs.pointer(b"b" * 9)}
    )
    keep(repo.path / ".git", WEIGHTS)
    keep(repo.path / ".git", b"b" * 9)
    made = make(repo.url, commit)
    assert (made.place / "a/w.bin").read_bytes() == WEIGHTS
    assert (made.place / "b.bin").read_bytes() == b"b" * 9
    assert made.lfs_files == 2
    assert status(made.place) == ""


def test_the_content_is_taken_from_the_store_the_second_time(make, repo):
    commit = repo.commit({".gitattributes": ATTRIBUTES, "w.bin": lfs.pointer(WEIGHTS)})
    keep(repo.path / ".git", WEIGHTS)
    make(repo.url, commit)
    repo.path.rename(repo.path.with_name("gone"))
    assert (make(repo.url, commit).place / "w.bin").read_bytes() == WEIGHTS


def test_a_job_that_writes_into_the_file_does_not_change_the_store(make, repo):
    commit = repo.commit({".gitattributes": ATTRIBUTES, "w.bin": lfs.pointer(WEIGHTS)})
    keep(repo.path / ".git", WEIGHTS)
    with (make(repo.url, commit).place / "w.bin").open("r+b") as file:
        file.write(b"changed")
    assert (make(repo.url, commit).place / "w.bin").read_bytes() == WEIGHTS


def test_content_that_can_not_be_had_is_an_error_that_names_the_file(make, repo):
    commit = repo.commit({".gitattributes": ATTRIBUTES, "a/w.bin": lfs.pointer(WEIGHTS)})
    with pytest.raises(NotFoundError, match="a/w.bin"):
        make(repo.url, commit)


def test_content_that_is_not_what_the_pointer_says_is_not_taken(make, repo):
    commit = repo.commit({".gitattributes": ATTRIBUTES, "w.bin": lfs.pointer(WEIGHTS)})
    keep(repo.path / ".git", WEIGHTS)
    object_path(repo.path / ".git", hashlib.sha256(WEIGHTS).hexdigest()).write_bytes(b"other")
    with pytest.raises(NotFoundError, match="w.bin"):
        make(repo.url, commit)


def test_pointers_stay_when_lfs_is_switched_off(make, repo):
    commit = repo.commit({".gitattributes": ATTRIBUTES, "w.bin": lfs.pointer(WEIGHTS)})
    assert (make(repo.url, commit, git_lfs="off").place / "w.bin").read_text() == lfs.pointer(WEIGHTS)


def test_a_text_that_only_looks_like_a_pointer_stays_in_a_repository_without_lfs(make, repo):
    commit = repo.commit({"doc.txt": lfs.pointer(WEIGHTS)})
    assert (make(repo.url, commit).place / "doc.txt").read_text() == lfs.pointer(WEIGHTS)


def test_programs_that_a_repositorys_lfs_settings_name_are_not_run(make, repo, tmp_path):
    settings = f'[lfs]\n\turl = file:///nowhere\n[lfs "customtransfer.x"]\n\tpath = touch {tmp_path}/executed\n'
    commit = repo.commit({".gitattributes": ATTRIBUTES, ".lfsconfig": settings, "w.bin": lfs.pointer(WEIGHTS)})
    keep(repo.path / ".git", WEIGHTS)
    assert (make(repo.url, commit).place / "w.bin").read_bytes() == WEIGHTS
    assert not (tmp_path / "executed").exists()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A repository with LFS behind TLS: (server of objects, server of all, the commit)."""
    subprocess.run([f"{ROOT}/scripts/install-test-servers"], check=True)
    folder = tmp_path_factory.mktemp("served")
    repo = Repo(folder / "repos/detector.git")
    with lfs.running(folder / "lfs") as objects:
        pointers = {f"w{n}.bin": objects.add("detector", WEIGHTS + bytes([n])) for n in range(3)}
        repo.commit({".gitattributes": ATTRIBUTES, **pointers})
        with https.running(folder / "https", folder / "repos", lfs_port=objects.port) as server:
            yield objects, server, repo


@pytest.fixture
def environ(served):
    _, server, _ = served
    token = {"LIVE_CODE_GIT_TOKEN": https.TOKEN, "LIVE_CODE_GIT_USER": https.USER, "LIVE_CODE_GIT_HOST": server.host}
    kept = {name: os.environ[name] for name in ("PATH", "LIVE_CODE_GIT_DEADLINE_S")}
    return {**kept, "HOME": "/nonexistent", "LIVE_CODE_CA_FILE": str(server.ca_file), **token}


@pytest.mark.slow
@pytest.mark.parametrize("area", ["open", "private"])
def test_objects_come_from_a_server(make, served, environ, area):
    _, server, _ = served
    made = make(f"{server.url}/{area}/detector.git", "main", environ)
    assert [(made.place / f"w{n}.bin").read_bytes()[-1] for n in range(3)] == [0, 1, 2]


@pytest.mark.slow
def test_objects_come_through_a_proxy_that_wants_a_login(make, served, environ):
    _, server, _ = served
    with connect.running("gate", "p@ss:w0rd") as gate:
        environ["https_proxy"] = f"http://gate:p%40ss%3Aw0rd@127.0.0.1:{gate.port}"
        made = make(f"{server.url}/private/detector.git", "main", environ)
    assert (made.lfs_files, made.cached) == (3, False)
    assert gate.tunnels > 3


@pytest.mark.slow
def test_a_server_that_lacks_an_object_is_an_error_that_names_the_file(make, served, environ):
    _, server, repo = served
    commit = repo.commit({"lost.bin": lfs.pointer(b"lost")})
    try:
        with pytest.raises(NotFoundError, match=r"lost\.bin"):
            make(f"{server.url}/open/detector.git", commit, environ)
    finally:
        repo.git("reset", "--hard", "HEAD~1")


@pytest.mark.slow
def test_an_object_that_arrives_damaged_is_not_kept(make, served, environ, tmp_path):
    objects, server, _ = served
    damaged = objects.kept_at("open/detector", hashlib.sha256(WEIGHTS + b"\1").hexdigest())
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + b"x")
    try:
        with pytest.raises(NetworkError, match=r"w1\.bin arrived damaged"):
            make(f"{server.url}/open/detector.git", "main", environ)
        assert not list((tmp_path / "store/git").glob(f"*/lfs/objects/*/*/*{damaged.name}*"))
    finally:
        damaged.write_bytes(whole)


@pytest.mark.slow
def test_credentials_that_the_lfs_server_does_not_accept_are_an_auth_failure(make, served, environ, tmp_path):
    _, server, repo = served
    commit = repo.git("rev-parse", "HEAD")
    make(f"{server.url}/private/detector.git", commit, environ, git_lfs="off")
    with pytest.raises(AuthError, match="LFS"):
        make(f"{server.url}/private/detector.git", commit, {**environ, "LIVE_CODE_GIT_TOKEN": "wrong"})
