"""Credentials of package indexes: read from the container's files and variables, given to a tool in a netrc that was
never on a disk, for one host each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from live_code.tools.git import access, credentials

FILE = "LIVE_CODE_INDEX_CREDENTIALS"
"""Names a file with lines like https://user:token@host."""
_URLS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")


class Login(NamedTuple):
    host: str
    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Login({self.user}:***@{self.host})"


def read(environ: Mapping[str, str]) -> tuple[Login, ...]:
    """What the container's index URLs, its credentials file and its netrc hold. Raises CredentialsError."""
    urls = " ".join(environ.get(key, "") for key in _URLS).split()
    in_urls = [(parts.hostname, parts.username, parts.password) for parts in map(urlsplit, urls) if parts.password]
    found = [Login(host or "", unquote(user or ""), unquote(secret or "")) for host, user, secret in in_urls]
    of_file = {"NETRC": environ.get("NETRC", ""), "HOME": environ.get("HOME", "")}
    if environ.get(FILE):
        of_file[credentials.CREDENTIALS_FILE] = environ[FILE]
    found += [Login(re.sub(r":\d+$", "", one.host), one.user, one.secret) for one in credentials.read(of_file)]
    return tuple(dict.fromkeys(found))


@contextmanager
def as_netrc(logins: tuple[Login, ...]) -> Iterator[str]:
    """The path of a netrc; os.devnull when there is no login."""
    with access.in_memory(
        "".join(f"machine {one.host} login {one.user} password {one.secret}\n" for one in logins)
    ) as path:
        yield path if logins else os.devnull


def hide(text: str, logins: tuple[Login, ...]) -> str:
    """The text without the secrets: a tool may repeat what it was given."""
    return credentials.hide(text, (word for one in logins for word in (one.secret, f"{one.user}:{one.secret}")))
