import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from live_code.errors import ConfigError, RefusedError
from tests.support import checkouts
from tests.support.servers.repos import ENV, Repo

needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen makes and checks signatures")
needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg makes and checks signatures")


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def make(repo, tmp_path):
    def make(commit, **more):
        signers = {"LIVE_CODE_VERIFY_SIGNATURE": "required", "LIVE_CODE_ALLOWED_SIGNERS": str(tmp_path / "signers")}
        return checkouts.made(tmp_path, repo.url, commit, {**os.environ, **signers, **more})

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


class Signer:
    """Someone with a gpg key of their own, made here, who signs what is committed."""

    def __init__(self, home, address):
        self.address = address
        home.mkdir(mode=0o700)
        # gpg's agent listens in this folder, and a socket's path may be no longer than 107 letters
        self.environ = {**ENV, "GNUPGHOME": str(home)}
        self.gpg("--quick-generate-key", address, "ed25519", "sign", "never")

    def gpg(self, *words, **more):
        words = ["gpg", "--batch", "--quiet", "--passphrase", "", *words]
        return subprocess.run(words, env=self.environ, capture_output=True, check=True, **more).stdout

    def signs(self, repo):
        words = [
            "git",
            "-c",
            f"user.signingKey={self.address}",
            "commit",
            "--quiet",
            "--allow-empty",
            "-S",
            "-m",
            "By gpg",
        ]
        subprocess.run(words, cwd=repo.path, env=self.environ, check=True)
        return repo.git("rev-parse", "HEAD")

    def known_in(self, keyring):
        keyring.mkdir(mode=0o700)
        self.gpg("--no-autostart", "--homedir", str(keyring), "--import", input=self.gpg("--export"))
        return keyring

    def close(self):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.environ, check=True)


@pytest.fixture
def signer():
    made = []
    with tempfile.TemporaryDirectory() as folder:

        def signer(name):
            made.append(Signer(Path(folder, name), f"{name}@example.com"))
            return made[-1]

        yield signer
        for one in made:
            one.close()


@needs_gpg
def test_a_commit_signed_by_a_known_gpg_key_is_taken(make, repo, signer, tmp_path):
    ada = signer("ada")
    commit = ada.signs(repo)
    assert make(commit, LIVE_CODE_GPG_HOME=str(ada.known_in(tmp_path / "keyring"))).commit == commit


@needs_gpg
@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a folder to another user")
def test_the_keyring_may_be_another_users_and_is_not_written(make, repo, signer, tmp_path):
    ada = signer("ada")
    commit = ada.signs(repo)
    keyring = tmp_path / "keyring"
    keyring.mkdir()
    shutil.copy(ada.known_in(tmp_path / "imported") / "pubring.kbx", keyring)
    shutil.chown(keyring, 12345)
    assert make(commit, LIVE_CODE_GPG_HOME=str(keyring)).commit == commit
    assert [path.name for path in keyring.iterdir()] == ["pubring.kbx"]


@needs_gpg
def test_a_commit_signed_by_an_unknown_gpg_key_is_refused(make, repo, signer, tmp_path):
    commit = signer("eve").signs(repo)
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(commit, LIVE_CODE_GPG_HOME=str(signer("ada").known_in(tmp_path / "keyring")))


@needs_gpg
def test_a_commit_that_was_changed_after_it_was_signed_is_refused(make, repo, signer, tmp_path):
    ada = signer("ada")
    raw = repo.git("cat-file", "commit", ada.signs(repo)) + "\n"
    changed = repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.replace("By gpg", "By eve"))
    repo.git("update-ref", "refs/heads/main", changed)
    with pytest.raises(RefusedError, match="not signed by anyone") as caught:
        make(changed, LIVE_CODE_GPG_HOME=str(ada.known_in(tmp_path / "keyring")))
    assert "BAD signature" in caught.value.details


@needs_gpg
def test_a_commit_without_a_signature_is_refused_beside_a_gpg_keyring(make, repo, signer, tmp_path):
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(repo.commit({"a": "1"}), LIVE_CODE_GPG_HOME=str(signer("ada").known_in(tmp_path / "keyring")))


@needs_gpg
def test_a_gpg_signature_counts_for_nothing_without_a_keyring(make, repo, signer):
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(signer("ada").signs(repo))


def test_a_folder_without_a_keyring_is_told_from_a_bad_signature(make, repo, tmp_path):
    with pytest.raises(ConfigError, match="no keyring"):
        make(repo.commit({"a": "1"}), LIVE_CODE_GPG_HOME=str(tmp_path))


def test_a_commit_without_a_signature_is_refused_before_its_files_are_written(make, repo, tmp_path):
    (tmp_path / "signers").write_text("")
    with pytest.raises(RefusedError, match="not signed by anyone"):
        make(repo.commit({"a": "1"}))
    assert not (tmp_path / "place").exists()
