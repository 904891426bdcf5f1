"""The demo's git server, spoken to by real git."""

import gzip
import os
import subprocess
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from live_code.authoring.demo.git_server import serve

ENVIRON = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def git(*words: str, cwd: Path, **environ: str) -> str:
    run = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words],
        cwd=cwd,
        env={**os.environ, **ENVIRON, **environ},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """`served/a.git` with two commits."""
    root = tmp_path / "served" / "a.git"
    root.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=root)
    for number in (1, 2):
        (root / "file").write_text(f"{number}\n")
        git("add", ".", cwd=root)
        git("commit", "-q", "-m", f"commit {number}", cwd=root)
    return root


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_repository_is_cloned(repo: Path, tmp_path: Path, protocol: str) -> None:
    with serve(repo.parent) as url:
        git("-c", f"protocol.version={protocol}", "clone", "-q", f"{url}/a.git", "clone", cwd=tmp_path)
    assert (tmp_path / "clone" / "file").read_text() == "2\n"


def test_exactly_one_commit_is_fetched_by_its_id(repo: Path, tmp_path: Path) -> None:
    first = git("rev-parse", "HEAD~1", cwd=repo)
    git("init", "-q", "--bare", "store", cwd=tmp_path)
    store = tmp_path / "store"
    with serve(repo.parent) as url:
        git("fetch", "-q", "--depth=1", f"{url}/a.git", first, cwd=store)
    assert git("cat-file", "-t", first, cwd=store) == "commit"
    assert git("rev-list", "--all", "--count", first, cwd=store) == "1"


def test_protocol_version_2_reaches_git(repo: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with serve(repo.parent) as url:
        git("ls-remote", f"{url}/a.git", cwd=tmp_path, GIT_TRACE_PACKET=str(trace))
    assert "version 2" in trace.read_text()


def ask_for_refs(url: str, body: bytes | Iterable[bytes], **headers: str) -> bytes:
    connection = HTTPConnection(url.removeprefix("http://"))
    headers = {
        "Content-Type": "application/x-git-upload-pack-request",
        "Git-Protocol": "version=2",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection.request("POST", "/a.git/git-upload-pack", body, headers, encode_chunked=True)
    return connection.getresponse().read()


LS_REFS = b"0014command=ls-refs\n0000"


def test_a_packed_request_is_understood(repo: Path) -> None:
    with serve(repo.parent) as url:
        assert b"refs/heads/main" in ask_for_refs(url, gzip.compress(LS_REFS), Content_Encoding="gzip")


def test_a_request_in_chunks_is_understood(repo: Path) -> None:
    with serve(repo.parent) as url:
        assert b"refs/heads/main" in ask_for_refs(url, [LS_REFS[:7], LS_REFS[7:]], Transfer_Encoding="chunked")


def test_what_is_not_served_is_not_found(repo: Path, tmp_path: Path) -> None:
    with serve(repo.parent) as url, pytest.raises(AssertionError, match="not found"):
        git("ls-remote", f"{url}/other.git", cwd=tmp_path)


def test_nothing_can_be_pushed(repo: Path, tmp_path: Path) -> None:
    with serve(repo.parent) as url:
        git("clone", "-q", f"{url}/a.git", "clone", cwd=tmp_path)
        with pytest.raises(AssertionError, match="403"):
            git("push", f"{url}/a.git", "HEAD:refs/heads/new", cwd=tmp_path / "clone")


def test_it_answers_on_loopback_only_while_it_is_open(repo: Path, tmp_path: Path) -> None:
    with serve(repo.parent) as url:
        assert url.startswith("http://127.0.0.1:")
    with pytest.raises(AssertionError, match="onnect"):
        git("ls-remote", f"{url}/a.git", cwd=tmp_path)
