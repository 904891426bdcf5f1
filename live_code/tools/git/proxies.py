"""The container's proxies: how each program hears of them, with their passwords and without. Loads next to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from live_code.values import NamedTuple

# As curl reads it: the scheme may be missing, and whoever wrote it may have left an @ in the password unquoted.
_FORM = re.compile(r"(?:([\w+.-]+)://)?(?:([^:@/]*)(?::(.*))?@)?([^@]*)", re.DOTALL)


class Proxy(NamedTuple):
    """A proxy's address in its parts, as they are written; '' for one that is missing."""

    scheme: str
    user: str
    secret: str
    host: str

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.user}:***@{self.host})"


def for_git(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without passwords. A user's name stays where one was: for it git asks ours for the password."""
    return {name: _with_user(value) for name, value in variables.items()}


def for_job(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without users and passwords."""
    return {name: _address(read(value)._replace(user="")) for name, value in variables.items()}


def read(value: str) -> Proxy:
    match = _FORM.fullmatch(value)
    return Proxy(*(part or "" for part in match.groups())) if match else Proxy("", "", "", value)


def _with_user(value: str) -> str:
    proxy = read(value)
    return _address(proxy if proxy.secret else proxy._replace(user=""))


def _address(proxy: Proxy) -> str:
    scheme = f"{proxy.scheme}://" if proxy.scheme else ""
    return f"{scheme}{proxy.user}@{proxy.host}" if proxy.user else f"{scheme}{proxy.host}"
