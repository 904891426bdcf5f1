"""Indexes over TLS: a client's certificate, authorities of one's own, a proxy that wants a login; for both resolvers
and for the installation."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.commands import doctor
from live_code.errors import CredentialsError, RequirementsError
from tests.support.servers import connect, front
from tests.support.workshop import Workshop, seen

ROOT = Path(__file__).parents[3]
USER, PASSWORD = "ada", "pl4nted-proxy-w0rd"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    subprocess.run([f"{ROOT}/scripts/install-test-servers"], check=True)


@pytest.fixture(params=["uv", "pip-tools"])
def resolver(request: pytest.FixtureRequest, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> str:
    """pip-tools is itself installed first, from where this machine's packages come from."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    name = str(request.param)
    shop.write("").lock(resolver=name)
    for variable in ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")  # pip's own settings would count
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    return name


@pytest.fixture
def closed(resolver: str, shop: Workshop, tmp_path: Path) -> Iterator[tuple[Workshop, front.Front]]:
    """An index that answers only those who show a certificate."""
    shop.index.add("a", "1.0", "b").add("b", "2.0", source=True)
    with front.before(shop.index.url, tmp_path / "nginx") as nginx:
        yield shop.write("a\n")._replace(environ=of(nginx)), nginx


def of(nginx: front.Front) -> dict[str, str]:
    return {"LIVE_CODE_CA_FILE": str(nginx.ca_file), "PIP_INDEX_URL": nginx.url}


def works(shop: Workshop, resolver: str, given: dict[str, str]) -> bool:
    shop = shop._replace(environ={**shop.environ, **given})
    made = shop.make(shop.lock(resolver=resolver))
    return {name: value[0] for name, value in seen(made, "a", "b").items()} == {"a": "1.0", "b": "2.0"}


class TestClientCertificate:
    @pytest.mark.parametrize("form", ["one file", "two files"])
    def test_it_opens_the_index(self, form: str, closed: tuple[Workshop, front.Front], resolver: str) -> None:
        shop, nginx = closed
        given = {
            "one file": {"LIVE_CODE_INDEX_CLIENT_CERT": str(nginx.both)},
            "two files": {
                "LIVE_CODE_INDEX_CLIENT_CERT": str(nginx.certificate),
                "LIVE_CODE_INDEX_CLIENT_KEY": str(nginx.key),
            },
        }[form]
        assert works(shop, resolver, given)

    @pytest.mark.parametrize("variable", ["SSL_CLIENT_CERT", "PIP_CLIENT_CERT"])
    def test_the_tools_own_variables_do_for_both(
        self, variable: str, closed: tuple[Workshop, front.Front], resolver: str
    ) -> None:
        shop, nginx = closed
        assert works(shop, resolver, {variable: str(nginx.both)})

    def test_without_one_the_error_says_what_to_give(self, closed: tuple[Workshop, front.Front], resolver: str) -> None:
        shop, _ = closed
        with pytest.raises(RequirementsError, match=r"answered 400 .*LIVE_CODE_INDEX_CLIENT_CERT"):
            shop.lock(resolver=resolver)

    def test_one_that_is_not_there_is_named(self, closed: tuple[Workshop, front.Front], resolver: str) -> None:
        shop, _ = closed
        with pytest.raises(
            CredentialsError, match=r"/gone\.pem, which LIVE_CODE_INDEX_CLIENT_CERT names, can't be read"
        ):
            shop.lock({"LIVE_CODE_INDEX_CLIENT_CERT": "/gone.pem"}, resolver=resolver)

    def test_its_key_is_in_no_file_of_ours(self, closed: tuple[Workshop, front.Front], resolver: str) -> None:
        shop, nginx = closed
        works(shop, resolver, {"SSL_CLIENT_CERT": str(nginx.both)})
        secret = nginx.key.read_bytes().splitlines()[1]
        kept = [path for path in shop.store.root.rglob("*") if path.is_file()]
        assert [path for path in kept if secret in path.read_bytes()] == []


def test_an_authority_that_is_not_known_is_told(closed: tuple[Workshop, front.Front], resolver: str) -> None:
    shop, _ = closed
    with pytest.raises(RequirementsError, match="the certificate of https://localhost.*LIVE_CODE_CA_FILE"):
        shop.lock({"LIVE_CODE_CA_FILE": ""}, resolver=resolver)


@pytest.mark.parametrize("way", ["file", "netrc"])
def test_a_login_comes_from_a_mounted_file(way: str, shop: Workshop, tmp_path: Path, resolver: str) -> None:
    """Which is read each time: whoever renews a short-lived token writes it anew."""
    shop.index.add("a", "1.0", "b").add("b", "2.0", source=True).password = PASSWORD
    file = tmp_path / "logins"
    with front.before(shop.index.url, tmp_path / "nginx", wants_certificate=False) as nginx:
        form = {
            "file": "https://user:{}@" + nginx.url.split("/")[2],
            "netrc": "machine localhost login user password {}",
        }[way]
        file.write_text(form.format("exp1red") + "\n")
        file.chmod(0o600)
        given = {**of(nginx), {"file": "LIVE_CODE_INDEX_CREDENTIALS", "netrc": "NETRC"}[way]: str(file)}
        shop = shop.write("a\n")._replace(environ=given)
        with pytest.raises(RequirementsError, match="login"):
            shop.lock(resolver=resolver)
        file.write_text(form.format(PASSWORD) + "\n")
        assert works(shop, resolver, {})


class TestProxy:
    @pytest.fixture
    def gate(self) -> Iterator[connect.Gate]:
        with connect.running(USER, PASSWORD) as running:
            yield running

    @pytest.fixture
    def behind(self, resolver: str, shop: Workshop, tmp_path: Path) -> Iterator[Workshop]:
        shop.index.add("a", "1.0", "b").add("b", "2.0", source=True)
        with front.before(shop.index.url, tmp_path / "nginx", wants_certificate=False) as nginx:
            yield shop.write("a\n")._replace(environ=of(nginx))

    @pytest.mark.parametrize("way", ["variable", "file"])
    def test_its_login_is_given_to_it(
        self, way: str, behind: Workshop, gate: connect.Gate, resolver: str, tmp_path: Path
    ) -> None:
        address = f"127.0.0.1:{gate.port}"
        if way == "variable":
            given = {"https_proxy": f"http://{USER}:{PASSWORD}@{address}"}
        else:
            (tmp_path / "logins").write_text(f"http://{USER}:{PASSWORD}@{address}\n")
            given = {"https_proxy": f"http://{address}", "LIVE_CODE_PROXY_CREDENTIALS": str(tmp_path / "logins")}
        assert works(behind, resolver, given)
        assert gate.tunnels
        kept = [path for path in behind.store.root.rglob("*") if path.is_file()]
        assert [path for path in kept if PASSWORD.encode() in path.read_bytes()] == []

    def test_a_wrong_login_is_told_without_it(self, behind: Workshop, gate: connect.Gate, resolver: str) -> None:
        given = {"https_proxy": f"http://{USER}:wr0ng-w0rd@127.0.0.1:{gate.port}"}
        with pytest.raises(
            RequirementsError, match=r"the proxy wants another login \(407\).*LIVE_CODE_PROXY_CREDENTIALS"
        ) as caught:
            behind.lock(given, resolver=resolver)
        assert "wr0ng-w0rd" not in f"{caught.value} {caught.value.details}"
        assert gate.tunnels == 0


def test_doctor_asks_an_index_as_the_resolvers_do(closed: tuple[Workshop, front.Front]) -> None:
    shop, nginx = closed
    without = shop.around
    assert "answered 400" in indexes_of(doctor.examine(shop.image.python, without))[0].problem
    certified = {**without, "LIVE_CODE_INDEX_CLIENT_CERT": str(nginx.both)}
    assert indexes_of(doctor.examine(shop.image.python, certified))[0].problem == ""


def indexes_of(found: doctor.Findings) -> list[doctor.Answer]:
    return [answer for answer in found.answers if answer.topic == "index"]
