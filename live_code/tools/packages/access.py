"""What a tool is given to speak to indexes and git servers: logins, authorities, a client's certificate, proxies.

Secrets lie in memory, in files that only this user's processes can read, and in the variables of proxies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from live_code.errors import CredentialsError
from live_code.tools.git import access, credentials
from live_code.tools.packages import secrets
from live_code.tools.packages.secrets import Login
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

CLIENT_CERT, CLIENT_KEY = "LIVE_CODE_INDEX_CLIENT_CERT", "LIVE_CODE_INDEX_CLIENT_KEY"
"""Name PEM files: a certificate with its key, or each in a file of its own."""


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
def opened(settings: PackageSettings, store: Store) -> Iterator[Reach]:
    """By what the container has. Raises CredentialsError."""
    logins = secrets.read(settings)
    client = _client(settings)
    with (
        access.opened(settings.git, store) as git,
        secrets.as_netrc(logins) as netrc,
        access.in_memory(client) as client_file,
    ):
        yield Reach(
            git.env,
            netrc,
            client_file if client else "",
            git.ca_file or settings.ca_file,
            git.proxies,
            logins,
            git.secrets,
        )


def _client(settings: PackageSettings) -> str:
    """The client's certificate and its key; '' when there is none."""
    cert = settings.client_cert
    if not cert:
        return ""
    key = settings.client_key if cert.variable == CLIENT_CERT else None
    text = "\n".join(credentials.read_file(file) for file in (cert, key) if file)
    if "PRIVATE KEY-----" not in text or "BEGIN CERTIFICATE-----" not in text:
        raise CredentialsError(f"{cert.path}, which {cert.variable} names, lacks a certificate or its key.", hint=_HINT)
    return text


_HINT = f"Put both into one PEM file, or name the key's in {CLIENT_KEY}."
