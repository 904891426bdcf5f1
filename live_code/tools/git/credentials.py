"""Secrets for git servers: read from the container's files and variables, each for one host, shown nowhere."""

from __future__ import annotations

import base64
import netrc
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from live_code.errors import CredentialsError
from live_code.tools.git import proxies
from live_code.tools.settings import GitSettings
from live_code.tools.settings.table import File
from live_code.values import NamedTuple

PROXY_FILE = "LIVE_CODE_PROXY_CREDENTIALS"
TOKEN, HOST = "LIVE_CODE_GIT_TOKEN", "LIVE_CODE_GIT_HOST"

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


def read(settings: GitSettings) -> tuple[Credential, ...]:
    """All that the container has, the most particular first. Raises CredentialsError."""
    return (*_token(settings), *of_file(settings.credentials), *of_netrc(settings))


def of_proxies(variables: Mapping[str, str]) -> tuple[Credential, ...]:
    """The users and passwords that stand in the variables of proxies, each for its proxy. Raises CredentialsError."""
    parsed = {name: proxies.read(value) for name, value in variables.items()}
    return tuple(
        _checked(
            Credential(proxy.scheme or "http", _host(proxy.host), unquote(proxy.user), unquote(proxy.secret)), name
        )
        for name, proxy in parsed.items()
        if proxy.secret and name.lower() != "no_proxy"
    )


def proxies_with_logins(settings: GitSettings) -> dict[str, str]:
    """The variables of proxies; those without a login get the one that LIVE_CODE_PROXY_CREDENTIALS has for them.

    Raises CredentialsError.
    """
    logins = {login.host: login for login in of_file(settings.proxy_credentials)}
    given = {name: proxies.read(value) for name, value in settings.inherited.proxies().items()}
    return {
        name: f"{proxy.scheme or 'http'}://{quote(login.user, safe='')}:{quote(login.secret, safe='')}@{proxy.host}"
        for name, proxy in given.items()
        if not proxy.secret and (login := logins.get(_host(proxy.host)))
    }


def _host(address: str) -> str:
    return address.partition("/")[0].lower()


def ssh_key(settings: GitSettings) -> str:
    """The private key, as text; '' when none is given. Raises CredentialsError."""
    text = settings.ssh_key or (read_file(settings.ssh_key_file) if settings.ssh_key_file else "")
    return text.rstrip("\n") + "\n" if text else ""  # ssh does not read a key that lacks its last line's end


def of(credentials: Iterable[Credential], scheme: str, host: str) -> Credential | None:
    """The one for this server: same scheme, host and port. A secret is given to no other."""
    return next((known for known in credentials if (known.scheme, known.host) == (scheme, host.lower())), None)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, in any spelling that a server or tool could send back."""
    for secret in secrets:
        for spelling in {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}:
            text = text.replace(spelling, "***") if spelling else text
    return text


def spellings(credentials: Iterable[Credential]) -> list[str]:
    """What ``hide`` has to look for: the secrets, and user and secret together as HTTP sends them."""
    return [word for known in credentials for word in (known.secret, f"{known.user}:{known.secret}")]


def _token(settings: GitSettings) -> list[Credential]:
    token = settings.token or (read_file(settings.token_file) if settings.token_file else "")
    if not token.strip():
        return []
    host = settings.host.strip().lower()
    if not host:  # else a task that names a server of its own would be sent the token
        raise CredentialsError(f"{TOKEN} is given, but not for which host.", hint=f"Set {HOST}, like git.example.com.")
    return [_checked(Credential("https", host, settings.user, token.strip()), TOKEN)]


def of_file(file: File | None) -> list[Credential]:
    """Lines as git's own credential store has them: https://user:secret@host. Raises CredentialsError."""
    if not file:
        return []
    credentials = []
    for number, line in enumerate(read_file(file).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{file.variable}, line {number}"
        if re.search(r"[/?#@]", line.strip().partition("://")[2].rpartition("@")[0]):
            raise CredentialsError(
                f"{where}: the user or password has a sign in it that has to be percent-encoded.",
                hint="Write / as %2F, ? as %3F, # as %23, @ as %40 there.",
            )
        parts = urlsplit(line.strip())
        if parts.scheme not in ("https", "http") or not parts.hostname or not parts.password:
            raise CredentialsError(f"{where} is not understood.", hint="Write it as https://user:token@host .")
        host = parts.netloc.rpartition("@")[2].lower()
        user, secret = unquote(parts.username or _DEFAULT_USER), unquote(parts.password)
        credentials.append(_checked(Credential(parts.scheme, host, user, secret), where))
    return credentials


def of_netrc(settings: GitSettings) -> list[Credential]:
    """The netrc that is named, else the user's. Raises CredentialsError."""
    named = settings.netrc
    path = Path(named or Path(settings.home or "/nonexistent", ".netrc"))
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


def _checked(credential: Credential, where: str) -> Credential:
    if any(
        ord(letter) < 32 for field in credential for letter in field
    ):  # a line's end would start another answer to git
        raise CredentialsError(f"{where} has control characters in it.", hint="Take them out.")
    return credential


def read_file(file: File) -> str:
    """The text of a file with a secret. Raises CredentialsError, which names the variable that names the file."""
    try:
        return Path(file.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        named = f"{file.path}, which {file.variable} names,"
        raise CredentialsError(f"{named} can't be read: {reason}.", hint="Mount it.") from error
