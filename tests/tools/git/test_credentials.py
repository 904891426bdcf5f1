import subprocess
from pathlib import Path

import pytest

from live_code.errors import CredentialsError
from live_code.tools.git import access, credentials
from live_code.tools.git.credentials import Credential
from live_code.tools.settings.table import File
from live_code.tools.store import Store
from tests.support import variables


def ask(environ, tmp_path, url):
    """What git itself finds for an address, through the helper."""
    with access.opened(variables.git({"PATH": "/usr/bin:/bin", **environ}), Store(tmp_path)) as opened:
        words = ["git", "credential", "fill"]
        done = subprocess.run(
            words, input=f"url={url}\n\n", env=opened.env, capture_output=True, text=True, check=False
        )
    return dict(line.split("=", 1) for line in done.stdout.splitlines()).get("password")


TOKEN = {"LIVE_CODE_GIT_TOKEN": "s3cret\\n $x '\"", "LIVE_CODE_GIT_HOST": "Git.test:8443"}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://git.test:8443/a/b.git", True),
        ("https://GIT.test:8443/a/b.git", True),
        ("https://git.test/a/b.git", False),
        ("https://git.test:8444/a/b.git", False),
        ("http://git.test:8443/a/b.git", False),
        ("https://evil-git.test:8443/a/b.git", False),
        ("https://git.test.evil:8443/a/b.git", False),
        ("https://other.test:8443/a/b.git", False),
    ],
)
def test_git_is_given_a_secret_for_exactly_its_server(tmp_path, url, found):
    assert ask(TOKEN, tmp_path, url) == (TOKEN["LIVE_CODE_GIT_TOKEN"] if found else None)


def test_each_server_gets_its_own(tmp_path):
    (tmp_path / "file").write_text("https://a:one@one.test\nhttps://b:tw%2Fo@two.test\n")
    environ = {"LIVE_CODE_GIT_CREDENTIALS": str(tmp_path / "file")}
    assert ask(environ, tmp_path, "https://one.test/x") == "one"
    assert ask(environ, tmp_path, "https://two.test/x") == "tw/o"


def test_a_token_goes_before_a_file_and_a_file_before_netrc(tmp_path):
    (tmp_path / "file").write_text("https://a:file@git.test\n")
    (tmp_path / "netrc").write_text("machine git.test login a password netrc\nmachine b.test login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    environ = {"LIVE_CODE_GIT_CREDENTIALS": str(tmp_path / "file"), "NETRC": str(tmp_path / "netrc")}
    token = {"LIVE_CODE_GIT_TOKEN": "token", "LIVE_CODE_GIT_HOST": "git.test"}
    for more, secret in ((token, "token"), ({}, "file")):
        assert (
            credentials.of(credentials.read(variables.git({**environ, **more})), "https", "git.test").secret == secret
        )
    assert credentials.of(credentials.read(variables.git(environ)), "https", "b.test").secret == "b"


def test_the_default_of_a_netrc_is_for_no_host(tmp_path):
    (tmp_path / ".netrc").write_text("default login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert credentials.read(variables.git({"HOME": str(tmp_path)})) == ()


@pytest.mark.parametrize(
    "line", ["https://git.test", "nonsense", "ftp://a:b@git.test", "https://a:b%0ahost=x@git.test"]
)
def test_a_credentials_file_that_makes_no_sense_is_an_error_that_names_the_line_only(tmp_path, line):
    (tmp_path / "file").write_text(f"https://a:s3cret@git.test\n{line}\n")
    with pytest.raises(CredentialsError, match="line 2") as caught:
        credentials.read(variables.git({"LIVE_CODE_GIT_CREDENTIALS": str(tmp_path / "file")}))
    assert line not in str(caught.value)


def test_a_file_that_is_missing_is_an_error_that_names_it():
    with pytest.raises(CredentialsError, match="LIVE_CODE_GIT_TOKEN_FILE"):
        credentials.read(variables.git({"LIVE_CODE_GIT_TOKEN_FILE": "/nowhere", "LIVE_CODE_GIT_HOST": "git.test"}))


def test_no_secret_is_shown_by_a_value(tmp_path):
    one = Credential("https", "git.test", "ada", "s3cret")
    assert "s3cret" not in f"{one} {one!r} {[one]}"
    with access.opened(variables.git({**TOKEN, "PATH": "/usr/bin:/bin"}), Store(tmp_path)) as opened:
        assert "s3cret" not in f"{opened} {opened!r} {opened.env}"


def test_what_a_server_sends_back_is_hidden_in_every_spelling():
    one = Credential("https", "git.test", "ada", "s3/cret")
    said = "bad token s3/cret, s3%2Fcret, czMvY3JldA==, Basic YWRhOnMzL2NyZXQ="
    assert credentials.hide(said, credentials.spellings([one])) == "bad token ***, ***, ***, Basic ***"


def test_secrets_are_in_memory_only_while_they_are_needed(tmp_path):
    with access.opened(variables.git({**TOKEN, "PATH": "/usr/bin:/bin"}), Store(tmp_path)) as opened:
        settings = Path(opened.env["GIT_CONFIG_GLOBAL"]).read_text()
        assert "s3cret" not in settings
    assert ask({}, tmp_path, "https://git.test:8443/a") is None


@pytest.mark.parametrize("secret", ["s/w", "s#w", "s@w", "s?w"])
def test_a_secret_that_has_to_be_percent_encoded_is_asked_for_so(tmp_path, secret):
    path = tmp_path / "credentials"
    path.write_text(f"http://ada:{secret}@git.test\n")
    with pytest.raises(CredentialsError, match="percent-encoded") as caught:
        credentials.of_file(File(str(path), "LIVE_CODE_GIT_CREDENTIALS"))
    assert secret not in str(caught.value)
