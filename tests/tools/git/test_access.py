"""Real servers: TLS with a private authority, basic auth, ssh with a deploy key, and a network that fails."""

import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from live_code.errors import AuthError, CredentialsError, NetworkError, NotFoundError, SourceError, TlsError
from live_code.stages.code import checkout, source
from live_code.stages.request.hyperparameters import Request
from live_code.tools.store import Store
from tests.support import variables
from tests.support.servers import connect, https, ports, proxy, ssh
from tests.support.servers.repos import Repo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    return Repo.large(tmp_path_factory.mktemp("repos"))


@pytest.fixture(scope="module")
def server(repo, tmp_path_factory):
    with https.running(tmp_path_factory.mktemp("https") / "server", repo.path.parent) as server:
        yield server


@pytest.fixture
def commit(repo):
    return repo.git("rev-parse", "HEAD")


@pytest.fixture
def environ(server):
    kept = ("PATH", "LIVE_CODE_GIT_DEADLINE_S")
    return {
        **{name: os.environ[name] for name in kept},
        "HOME": "/nonexistent",
        "LIVE_CODE_CA_FILE": str(server.ca_file),
    }


@pytest.fixture
def make(tmp_path):
    def make(url, revision, environ):
        request = Request(git_url=url, revision=revision, revision_key="git_branch")
        store = Store(tmp_path / "store")
        shutil.rmtree(tmp_path / "place", ignore_errors=True)
        known = variables.git(environ)
        found = source.resolve(request, store, known)
        return checkout.make(found, request, store, tmp_path / "place", known)

    return make


def with_token(environ, server, token=https.TOKEN):
    return {
        **environ,
        "LIVE_CODE_GIT_TOKEN": token,
        "LIVE_CODE_GIT_HOST": server.host,
        "LIVE_CODE_GIT_USER": https.USER,
    }


def test_a_server_with_a_private_authority_is_trusted_when_its_file_is_given(make, server, environ, commit):
    assert make(f"{server.url}/open/detector.git", commit, environ).commit == commit
    assert make(f"{server.url}/open/detector.git", "main", environ).cached


def test_a_server_with_a_private_authority_is_not_trusted_otherwise(make, server, environ, commit):
    del environ["LIVE_CODE_CA_FILE"]
    with pytest.raises(TlsError) as caught:
        make(f"{server.url}/open/detector.git", commit, environ)
    assert not caught.value.retryable


def test_verification_can_not_be_switched_off_by_a_variable(make, server, environ, commit, monkeypatch):
    del environ["LIVE_CODE_CA_FILE"]
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    with pytest.raises(TlsError):
        make(f"{server.url}/open/detector.git", commit, {**environ, "GIT_SSL_NO_VERIFY": "1"})


def test_an_address_without_git_at_its_end_finds_the_repository(make, server, environ):
    assert make(f"{server.url}/open/detector", "main", environ).cached is False


def test_a_token_in_a_variable_opens_a_private_repository(make, server, environ, commit):
    assert make(f"{server.url}/private/detector.git", commit, with_token(environ, server)).commit == commit


def test_a_token_in_a_file_opens_a_private_repository(make, server, environ, tmp_path):
    (tmp_path / "token").write_text(https.TOKEN + "\n")
    more = {"LIVE_CODE_GIT_TOKEN_FILE": str(tmp_path / "token"), "LIVE_CODE_GIT_HOST": server.host}
    assert make(f"{server.url}/private/detector.git", "main", {**environ, **more, "LIVE_CODE_GIT_USER": https.USER})


def test_a_credentials_file_opens_a_private_repository(make, server, environ, tmp_path):
    lines = f"# ours\nhttps://x:wrong@git.example.com\nhttps://{https.USER}:{https.TOKEN}@{server.host}\n"
    (tmp_path / "credentials").write_text(lines)
    more = {"LIVE_CODE_GIT_CREDENTIALS": str(tmp_path / "credentials")}
    assert make(f"{server.url}/private/detector.git", "main", {**environ, **more})


def test_a_netrc_opens_a_private_repository(make, server, environ, tmp_path):
    (tmp_path / "netrc").write_text(f"machine {server.host} login {https.USER} password {https.TOKEN}\n")
    assert make(f"{server.url}/private/detector.git", "main", {**environ, "NETRC": str(tmp_path / "netrc")})


def test_a_private_repository_without_credentials_is_an_auth_failure(make, server, environ, commit):
    with pytest.raises(AuthError, match="no credentials were given for the host of https://.*who maintains") as caught:
        make(f"{server.url}/private/detector.git", commit, environ)
    assert "askpass" not in caught.value.details
    assert (caught.value.kind, caught.value.retryable) == ("GIT_AUTH", False)


def test_a_token_is_not_sent_over_plain_http_and_that_is_said(make, environ, commit):
    asked: list[str | None] = []

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Locked) as plain:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{plain.server_port}"
        more = {"LIVE_CODE_GIT_TOKEN": https.TOKEN, "LIVE_CODE_GIT_HOST": host}
        with pytest.raises(
            AuthError, match=f"a token is sent over https only, not to http://{host}/a/b. Write git_url"
        ):
            make(f"http://{host}/a/b", commit, {**environ, **more})
        plain.shutdown()
    assert set(asked) == {None}


def test_a_wrong_token_is_an_auth_failure_that_does_not_show_it(make, server, environ, commit):
    with pytest.raises(AuthError, match="the host refused the credentials that were given for") as caught:
        make(f"{server.url}/private/detector.git", commit, with_token(environ, server, "wr0ng-t0ken"))
    assert "wr0ng" not in f"{caught.value}{caught.value.details}{caught.value.__cause__!r}"


def test_a_token_without_a_host_is_refused_as_any_task_could_send_it_anywhere(make, server, environ, commit):
    with pytest.raises(CredentialsError, match="LIVE_CODE_GIT_HOST"):
        make(f"{server.url}/private/detector.git", commit, {**environ, "LIVE_CODE_GIT_TOKEN": https.TOKEN})


def test_a_token_is_not_sent_to_another_server_that_a_redirect_leads_to(make, repo, server, environ, tmp_path, commit):
    with https.running(tmp_path / "first", repo.path.parent, moved_to=f"{server.url}/private") as first:
        (tmp_path / "both.pem").write_bytes(first.ca_file.read_bytes() + server.ca_file.read_bytes())
        environ["LIVE_CODE_CA_FILE"] = str(tmp_path / "both.pem")
        before = len(server.sent())
        with pytest.raises(AuthError):
            make(f"{first.url}/moved/detector.git", commit, with_token(environ, first))
        asked = server.sent()[before:]
        assert "/private/detector.git" in asked
        assert f" {https.USER} " not in asked
        assert make(f"{first.url}/moved/detector.git", commit, with_token(environ, server)).commit == commit


def test_a_repository_that_is_not_there_is_told_from_one_that_is_closed(make, server, environ):
    with pytest.raises(NotFoundError):
        make(f"{server.url}/open/nothing.git", "main", environ)


def test_a_server_that_is_overloaded_is_a_network_failure(make, server, environ):
    with pytest.raises(NetworkError, match="the server answered 503"):
        make(f"{server.url}/broken/detector.git", "main", environ)


@pytest.mark.parametrize("fault", [proxy.cutting_after(9000), proxy.corrupting_after(9000)], ids=["cut", "corrupt"])
def test_a_transfer_that_breaks_is_tried_again(make, server, environ, commit, fault):
    with proxy.before(server.port, fault) as line:

        def heal_after_two(so_far, piece):
            return fault(so_far, piece) if line.connections <= 2 else piece

        line.fault = heal_after_two
        environ["LIVE_CODE_GIT_DEADLINE_S"] = "20"
        assert make(f"https://localhost:{line.port}/open/detector.git", commit, environ).commit == commit
        assert line.connections > 2


@pytest.mark.parametrize(
    "fault",
    [proxy.cutting_after(9000), proxy.cutting_after(0), proxy.corrupting_after(9000)],
    ids=["cut", "dead", "corrupt"],
)
def test_a_transfer_that_keeps_breaking_is_a_network_failure_and_leaves_nothing(
    make, server, environ, commit, fault, tmp_path
):
    with proxy.before(server.port, fault) as line, pytest.raises(NetworkError) as caught:
        make(f"https://localhost:{line.port}/open/detector.git", commit, environ)
    assert caught.value.retryable
    assert not list((tmp_path / "store/git").glob("*/refs/live-code/*"))


def test_a_transfer_that_stalls_ends_by_itself(make, server, environ, commit, monkeypatch):
    monkeypatch.setattr("live_code.tools.git.access.STALLED_S", 2)
    with proxy.before(server.port, proxy.stalling_after(9000, 60)) as line, pytest.raises(NetworkError):
        make(f"https://localhost:{line.port}/open/detector.git", commit, environ)


def test_a_slow_transfer_is_waited_for(make, server, environ, commit):
    with proxy.before(server.port, proxy.slowed_to(60_000)) as line:
        assert make(f"https://localhost:{line.port}/open/detector.git", commit, environ).commit == commit


@pytest.fixture
def gate():
    with connect.running("gate", "p@ss:w0rd") as gate:
        yield gate


@pytest.mark.parametrize("form", ["http://gate:p%40ss%3Aw0rd@127.0.0.1:{}", "gate:p%40ss%3Aw0rd@127.0.0.1:{}"])
@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_wants_a_login_is_gone_through(make, server, environ, commit, gate, name, form):
    environ[name] = form.format(gate.port)
    assert make(f"{server.url}/private/detector.git", commit, with_token(environ, server)).commit == commit
    assert gate.tunnels > 0


def test_a_proxys_login_may_stand_in_a_file(make, server, environ, commit, gate, tmp_path):
    (tmp_path / "logins").write_text(f"http://gate:p%40ss%3Aw0rd@127.0.0.1:{gate.port}\n")
    environ["LIVE_CODE_PROXY_CREDENTIALS"] = str(tmp_path / "logins")
    environ["https_proxy"] = f"127.0.0.1:{gate.port}"
    assert make(f"{server.url}/private/detector.git", commit, with_token(environ, server)).commit == commit
    assert gate.tunnels > 0


@pytest.mark.parametrize("login", ["", "gate@", "gate:wrong@"])
def test_a_proxy_that_lets_nobody_through_is_an_auth_failure(make, server, environ, commit, gate, login):
    environ["https_proxy"] = f"http://{login}127.0.0.1:{gate.port}"
    with pytest.raises(AuthError, match="proxy"):
        make(f"{server.url}/open/detector.git", commit, environ)
    assert gate.tunnels == 0


def test_a_proxys_login_is_not_sent_to_the_server(make, server, environ, commit, gate):
    environ["https_proxy"] = f"http://gate:p%40ss%3Aw0rd@127.0.0.1:{gate.port}"
    with pytest.raises(AuthError, match="no credentials were given"):
        make(f"{server.url}/private/detector.git", commit, environ)
    assert " gate " not in server.sent()


def test_a_host_that_needs_no_proxy_is_spoken_to_directly(make, server, environ, commit, gate):
    environ |= {"https_proxy": f"http://127.0.0.1:{gate.port}", "no_proxy": "localhost"}
    assert make(f"{server.url}/open/detector.git", commit, environ).commit == commit
    assert gate.asked == 0


def test_a_proxy_that_is_not_there_is_a_network_failure(make, server, environ, commit):
    environ["https_proxy"] = f"http://gate:secret@127.0.0.1:{ports.free()}"
    with pytest.raises(NetworkError):
        make(f"{server.url}/open/detector.git", commit, environ)


@pytest.fixture(scope="module")
def sshd(repo, tmp_path_factory):
    with ssh.running(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


def over_ssh(environ, sshd, **more):
    given = {"LIVE_CODE_SSH_KEY_FILE": str(sshd.key_file), "LIVE_CODE_SSH_KNOWN_HOSTS": str(sshd.known_hosts)}
    return {**environ, **given, **more}


@pytest.mark.parametrize("form", ["file", "file others may read", "variable"])
def test_a_deploy_key_opens_a_repository_over_ssh(make, repo, sshd, environ, commit, form, tmp_path):
    environ = over_ssh(environ, sshd)
    if form == "variable":
        environ["LIVE_CODE_SSH_KEY"] = sshd.key_file.read_text()
        del environ["LIVE_CODE_SSH_KEY_FILE"]
    elif form == "file others may read":
        shutil.copy(sshd.key_file, tmp_path / "key")
        (tmp_path / "key").chmod(0o644)
        environ["LIVE_CODE_SSH_KEY_FILE"] = str(tmp_path / "key")
    assert make(sshd.url(repo.path), commit, environ).commit == commit


def test_an_unknown_host_key_is_not_believed(make, repo, sshd, environ, commit, tmp_path):
    (tmp_path / "known_hosts").write_text("")
    with pytest.raises(TlsError, match="host key"):
        make(
            sshd.url(repo.path),
            commit,
            over_ssh(environ, sshd, LIVE_CODE_SSH_KNOWN_HOSTS=str(tmp_path / "known_hosts")),
        )


def test_a_host_key_is_pinned_at_first_sight_where_that_is_allowed_and_must_then_stay(
    make, repo, sshd, environ, commit, tmp_path
):
    environ = over_ssh(environ, sshd, LIVE_CODE_SSH_TRUST_FIRST="1", LIVE_CODE_SSH_KNOWN_HOSTS="")
    assert make(sshd.url(repo.path), commit, environ).commit == commit
    pins = tmp_path / "store/ssh/known_hosts"
    kind = sshd.known_hosts.read_text().split()[1]
    other = (sshd.root / "other_key.pub").read_text().split()[1]
    pins.write_text(f"[127.0.0.1]:{sshd.port} {kind} {other}\n")
    with pytest.raises(TlsError):
        make(sshd.url(repo.path), "main", environ)


def test_a_key_that_the_server_does_not_know_is_an_auth_failure(make, repo, sshd, environ, commit):
    with pytest.raises(AuthError, match="accepted no ssh key"):
        make(sshd.url(repo.path), commit, over_ssh(environ, sshd, LIVE_CODE_SSH_KEY_FILE=str(sshd.root / "other_key")))


def test_a_repository_that_is_not_there_is_told_over_ssh(make, sshd, environ, tmp_path):
    with pytest.raises(SourceError) as caught:
        make(sshd.url(tmp_path / "nothing.git"), "main", over_ssh(environ, sshd))
    assert caught.value.kind == "GIT_NOT_FOUND"
