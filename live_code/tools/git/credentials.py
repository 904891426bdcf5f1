"""Secrets for git servers: read from the container's files and variables, each for one host, shown nowhere."""

from __future__ import annotations

import base64
import netrc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from live_code.errors import CredentialsError
from live_code.tools.git import proxies

TOKEN, TOKEN_FILE = "LIVE_CODE_GIT_TOKEN", "LIVE_CODE_GIT_TOKEN_FILE"
USER, HOST = "LIVE_CODE_GIT_USER", "LIVE_CODE_GIT_HOST"
CREDENTIALS_FILE = "LIVE_CODE_GIT_CREDENTIALS"
PROXY_FILE = "LIVE_CODE_PROXY_CREDENTIALS"
SSH_KEY, SSH_KEY_FILE = "LIVE_CODE_SSH_KEY", "LIVE_CODE_SSH_KEY_FILE"

# Any name does where a token is the password; this one is also right for GitLab.
_DEFAULT_USER = "oauth2"


class Credential(NamedTuple):
    """A user and a secret for one server. ``host`` is 'git.example.com' or 'git.example.com:8443', in small letters."""

    scheme: str
    host: str
    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.scheme}://{self.user}:***@{self.host})"


def read(environ: Mapping[str, str]) -> tuple[Credential, ...]:
    """All that the container has, the most particular first. Raises CredentialsError."""
    return (*_token(environ), *_file(environ, CREDENTIALS_FILE), *_netrc(environ))


def of_proxies(environ: Mapping[str, str]) -> tuple[Credential, ...]:
    """The users and passwords that stand in the variables of proxies, each for its proxy. Raises CredentialsError."""
    found = {name: proxies.read(value) for name, value in proxies.given(environ).items()}
    return tuple(
        _checked(Credential(one.scheme or "http", _host(one.host), unquote(one.user), unquote(one.secret)), name)
        for name, one in found.items()
        if one.secret and name.lower() != "no_proxy"
    )


def proxies_with_logins(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of proxies; those without a login get the one that LIVE_CODE_PROXY_CREDENTIALS has for them.

    Raises CredentialsError.
    """
    found = {one.host: one for one in _file(environ, PROXY_FILE)}
    given = {name: proxies.read(value) for name, value in proxies.given(environ).items()}
    return {
        name: f"{proxy.scheme or 'http'}://{quote(one.user, safe='')}:{quote(one.secret, safe='')}@{proxy.host}"
        for name, proxy in given.items()
        if not proxy.secret and (one := found.get(_host(proxy.host)))
    }


def _host(address: str) -> str:
    return address.partition("/")[0].lower()


def ssh_key(environ: Mapping[str, str]) -> str:
    """The private key, as text; '' when none is given. Raises CredentialsError."""
    if text := environ.get(SSH_KEY, ""):
        return text.rstrip("\n") + "\n"  # ssh does not read a key that lacks its last line's end
    return read_file(environ[SSH_KEY_FILE], SSH_KEY_FILE).rstrip("\n") + "\n" if environ.get(SSH_KEY_FILE) else ""


def of(credentials: Iterable[Credential], scheme: str, host: str) -> Credential | None:
    """The one for this server: same scheme, host and port. A secret is given to no other."""
    return next((one for one in credentials if (one.scheme, one.host) == (scheme, host.lower())), None)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, in any spelling that a server or tool could send back."""
    for secret in secrets:
        for spelling in {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}:
            text = text.replace(spelling, "***") if spelling else text
    return text


def spellings(credentials: Iterable[Credential]) -> list[str]:
    """What ``hide`` has to look for: the secrets, and user and secret together as HTTP sends them."""
    return [word for one in credentials for word in (one.secret, f"{one.user}:{one.secret}")]


def _token(environ: Mapping[str, str]) -> list[Credential]:
    token = environ.get(TOKEN, "") or (read_file(environ[TOKEN_FILE], TOKEN_FILE) if environ.get(TOKEN_FILE) else "")
    if not token.strip():
        return []
    host = environ.get(HOST, "").strip().lower()
    if not host:  # else a task that names a server of its own would be sent the token
        raise CredentialsError(f"{TOKEN} is given, but not for which host.", hint=f"Set {HOST}, like git.example.com.")
    return [_checked(Credential("https", host, environ.get(USER) or _DEFAULT_USER, token.strip()), TOKEN)]


def _file(environ: Mapping[str, str], variable: str) -> list[Credential]:
    """Lines as git's own credential store has them: https://user:secret@host"""
    if not environ.get(variable):
        return []
    found = []
    for number, line in enumerate(read_file(environ[variable], variable).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{variable}, line {number}"
        parts = urlsplit(line.strip())
        if parts.scheme not in ("https", "http") or not parts.hostname or not parts.password:
            raise CredentialsError(f"{where} is not understood.", hint="Write it as https://user:token@host .")
        host = parts.netloc.rpartition("@")[2].lower()
        user, secret = unquote(parts.username or _DEFAULT_USER), unquote(parts.password)
        found.append(_checked(Credential(parts.scheme, host, user, secret), where))
    return found


def _netrc(environ: Mapping[str, str]) -> list[Credential]:
    named = environ.get("NETRC", "")
    path = Path(named or Path(environ.get("HOME") or "/nonexistent", ".netrc"))
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return []
    except (OSError, netrc.NetrcParseError) as error:
        if not named:  # a file that is no business of ours, perhaps of another user
            return []
        raise CredentialsError("the file that NETRC names can't be read.", hint="Check its form and mode.") from error
    return [
        _checked(Credential("https", host.lower(), user or _DEFAULT_USER, secret), "NETRC")
        for host, (user, _, secret) in hosts.items()
        if host != "default" and secret
    ]


def _checked(one: Credential, where: str) -> Credential:
    if any(ord(letter) < 32 for field in one for letter in field):  # a line's end would start another answer to git
        raise CredentialsError(f"{where} has control characters in it.", hint="Take them out.")
    return one


def read_file(path: str, variable: str) -> str:
    """The text of a file with a secret. Raises CredentialsError, which names the variable that names the file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise CredentialsError(f"{path}, which {variable} names, can't be read: {reason}.", hint="Mount it.") from error
