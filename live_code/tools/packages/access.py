"""What a tool is given to speak to indexes and git servers: logins, authorities, a client's certificate, proxies.

Secrets lie in memory, in files that only this user's processes can read, and in the variables of proxies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from live_code.errors import CredentialsError
from live_code.tools.git import access, credentials
from live_code.tools.packages import secrets
from live_code.tools.packages.secrets import Login
from live_code.tools.store import Store

CLIENT_CERT, CLIENT_KEY = "LIVE_CODE_INDEX_CLIENT_CERT", "LIVE_CODE_INDEX_CLIENT_KEY"
"""Name PEM files: a certificate with its key, or each in a file of its own."""
_CLIENT_CERTS = (CLIENT_CERT, "SSL_CLIENT_CERT", "PIP_CLIENT_CERT")
_OWN_AUTHORITIES = ("PIP_CERT", "REQUESTS_CA_BUNDLE")


class Reach(NamedTuple):
    """Open for the time of a ``with`` block. ``git``: all variables that git gets. ``netrc``, ``client``, ``ca_file``:
    paths; '' for none of the last two. ``proxies``: their variables, with logins."""

    git: Mapping[str, str]
    netrc: str
    client: str
    ca_file: str
    proxies: Mapping[str, str]
    logins: tuple[Login, ...]
    hidden: tuple[str, ...]

    def hide(self, text: str) -> str:
        """The text without the secrets: a tool may repeat what it was given."""
        return credentials.hide(secrets.hide(text, self.logins), self.hidden)


@contextmanager
def opened(environ: Mapping[str, str], store: Store) -> Iterator[Reach]:
    """By what the container has. Raises CredentialsError."""
    logins = secrets.read(environ)
    ca_file = next((environ[name] for name in _OWN_AUTHORITIES if environ.get(name)), "")
    client = _client(environ)
    with (
        access.opened(environ, store) as git,
        secrets.as_netrc(logins) as netrc,
        access.in_memory(client) as client_file,
    ):
        yield Reach(
            git.env, netrc, client_file if client else "", git.ca_file or ca_file, git.proxies, logins, git.secrets
        )


def _client(environ: Mapping[str, str]) -> str:
    """The client's certificate and its key; '' when there is none."""
    name = next((name for name in _CLIENT_CERTS if environ.get(name)), "")
    if not name:
        return ""
    parts = [name] + [CLIENT_KEY] * (name == CLIENT_CERT and bool(environ.get(CLIENT_KEY)))
    text = "\n".join(credentials.read_file(environ[part], part) for part in parts)
    if "PRIVATE KEY-----" not in text or "BEGIN CERTIFICATE-----" not in text:
        raise CredentialsError(f"{environ[name]}, which {name} names, lacks a certificate or its key.", hint=_HINT)
    return text


_HINT = f"Put both into one PEM file, or name the key's in {CLIENT_KEY}."
