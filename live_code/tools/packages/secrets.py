"""Credentials of package indexes: read from the container's files and variables, given to a tool in a netrc that was
never on a disk, for one host each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from live_code.tools.git import access, credentials
from live_code.tools.settings import PackageSettings
from live_code.values import NamedTuple

FILE = "LIVE_CODE_INDEX_CREDENTIALS"


class Login(NamedTuple):
    host: str
    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Login({self.user}:***@{self.host})"


def read(settings: PackageSettings) -> tuple[Login, ...]:
    """What the container's index URLs, its credentials file and its netrc hold. Raises CredentialsError."""
    urls = map(urlsplit, settings.index_urls)
    in_urls = [(parts.hostname, parts.username, parts.password) for parts in urls if parts.password]
    logins = [Login(host or "", unquote(user or ""), unquote(secret or "")) for host, user, secret in in_urls]
    in_files = (*credentials.of_file(settings.credentials), *credentials.of_netrc(settings.git))
    logins += [Login(re.sub(r":\d+$", "", known.host), known.user, known.secret) for known in in_files]
    return tuple(dict.fromkeys(logins))


@contextmanager
def as_netrc(logins: tuple[Login, ...]) -> Iterator[str]:
    """The path of a netrc; os.devnull when there is no login."""
    with access.in_memory(
        "".join(f"machine {login.host} login {login.user} password {login.secret}\n" for login in logins)
    ) as path:
        yield path if logins else os.devnull


def hide(text: str, logins: tuple[Login, ...]) -> str:
    """The text without the secrets: a tool may repeat what it was given."""
    return credentials.hide(text, (word for login in logins for word in (login.secret, f"{login.user}:{login.secret}")))
