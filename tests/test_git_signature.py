import os
import shutil
import subprocess

import pytest
from servers.repos import Repo

from live_code import checkout, source
from live_code.config import Request
from live_code.errors import ConfigError
from live_code.git import signature
from live_code.git.errors import RefusedError
from live_code.store import Store

needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen makes and checks signatures")


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def make(repo, tmp_path):
    def make(commit):
        signers = {"LIVE_CODE_VERIFY_SIGNATURE": "required", "LIVE_CODE_ALLOWED_SIGNERS": str(tmp_path / "signers")}
        request, store = Request(repo.url, commit, "commit"), Store(tmp_path / "store")
        environ = {**os.environ, **signers}
        found = source.resolve(request, store, environ)
        return checkout.make(found, request, store, tmp_path / "place", environ=environ)

    return make


def signed(repo, key):
    """A commit with a signature by an ssh key that is made for it; the line that makes its signer a known one."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    for setting in ("gpg.format=ssh", f"user.signingKey={key}"):
        repo.git("config", *setting.split("=", 1))
    repo.git("commit", "--quiet", "--allow-empty", "--gpg-sign", "--message", "Signed")
    return repo.git("rev-parse", "HEAD"), f"ada@example.com {key.with_suffix('.pub').read_text()}"


@needs_ssh_keygen
def test_a_commit_signed_by_someone_known_is_taken(make, repo, tmp_path):
    commit, signer = signed(repo, tmp_path / "ada")
    (tmp_path / "signers").write_text(signer)
    assert make(commit).commit == commit


@needs_ssh_keygen
def test_a_commit_signed_by_someone_else_is_refused(make, repo, tmp_path):
    _, known = signed(repo, tmp_path / "ada")
    commit, _ = signed(repo, tmp_path / "eve")
    (tmp_path / "signers").write_text(known)
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(commit)


def test_a_commit_without_a_signature_is_refused_before_its_files_are_written(make, repo, tmp_path):
    (tmp_path / "signers").write_text("")
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(repo.commit({"a": "1"}))
    assert not (tmp_path / "place").exists()


def test_signatures_are_required_only_where_that_is_said():
    assert not signature.is_required({})
    assert signature.is_required({"LIVE_CODE_VERIFY_SIGNATURE": "required"})
    with pytest.raises(ConfigError, match="LIVE_CODE_VERIFY_SIGNATURE"):
        signature.is_required({"LIVE_CODE_VERIFY_SIGNATURE": "maybe"})
