"""Addresses of git repositories: what people write, what git is given, and the name a repository has in the store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from live_code.tools import files
from live_code.values import NamedTuple

# Everything else that git knows (git://, ftp://, ext::, fd::, helpers on PATH) is refused.
SCHEMES = ("https", "http", "ssh", "file")
_SCP_LIKE = r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^/:@\[\]]+):(?P<path>.+)"
# Not compiled before an address needs it.
# https://host/owner/repo/tree/main, GitLab's /-/blob/<commit>/file, Gitea's /src/branch/main, /pull/7 …
_PAGE = (
    r"(?P<repo>(?i:https?)://[^/]+(?:/(?!-/)[^/]+(?<!\.git)){2,}?)(?:/-)?"
    r"/(?P<page>tree|blob|raw|commits?|src(?:/branch|/tag|/commit)?|pull|pulls|merge_requests)/(?P<rest>[^?#]+?)/?"
)
_FOLDERS = ("/", "./", "../", "~/")
_CHANGES = {"pull": "pull", "pulls": "pull", "merge_requests": "merge-requests"}
# Control characters end a line in a credential's text or in a config file, also when they come percent-encoded.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UrlError(ValueError):
    """An address that is not understood or not allowed; the message says why and shows no secret."""


class GitUrl(NamedTuple):
    """A repository's address. It holds no secret, ever: one that carries a password is refused when it is read.

    ``text`` is what git is given. ``host`` is '' for a folder on this machine; ``port`` '' when none is named.
    """

    text: str
    scheme: str
    user: str
    host: str
    port: str
    path: str

    def __str__(self) -> str:
        return self.text

    @property
    def key(self) -> str:
        """The repository's name in the store: the same for every way to write the same address."""
        path = unquote(self.path).strip("/").removesuffix(".git").rstrip("/")
        host = f"{self.host.lower()}:{self.port}" if self.port else self.host.lower()
        digest = files.sha256_text(f"{host}/{path}")[:12]
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.host}-{path}")[-60:].strip("-.")
        return f"{name}-{digest}"

    def with_other_ending(self) -> GitUrl:
        """The same address with ``.git`` put at its end, or taken off."""
        text, path = self.text.rstrip("/"), self.path.rstrip("/")
        if path.endswith(".git"):
            return self._replace(text=text.removesuffix(".git"), path=path.removesuffix(".git"))
        return self._replace(text=f"{text}.git", path=f"{path}.git")


def parse(text: str) -> GitUrl:
    """Reads ``https://``, ``http://``, ``ssh://``, ``file://``, ``user@host:path`` or a folder. Raises UrlError."""
    if not text or _CONTROL.search(text) or _CONTROL.search(unquote(text)):
        raise UrlError("it is empty, or has control characters in it")
    if " " in text and not text.startswith(_FOLDERS):
        raise UrlError("it has a space in it: write %20 for one")
    if text.startswith("-"):
        raise UrlError("it begins with a dash")
    if "://" in text:
        return _from_url(text)
    if text.startswith(_FOLDERS) or text in (".", ".."):
        return _folder(Path(text).expanduser())
    if "::" in text:
        raise UrlError("remote helpers (transport::address) are not allowed")
    if match := re.fullmatch(_SCP_LIKE, text):
        return _from_scp_like(text, match)
    raise UrlError("it is neither a URL, nor user@host:path, nor a path that begins with / or ./")


def without_page(text: str) -> tuple[str, str]:
    """A browser's address, split: the repository's address, and what follows ``tree``, ``blob`` … : a revision and
    perhaps a path, or '' when it is no page's address."""
    match = None if text.endswith(".git") else re.fullmatch(_PAGE, text)
    if match:
        change, number = _CHANGES.get(match["page"], ""), match["rest"].split("/")[0]
        return match["repo"], f"refs/{change}/{number}/head" if change else unquote(match["rest"])
    return text, ""


def redacted(text: str) -> str:
    """An address that could not be read, as it may be shown: no password before its host, no query after its path."""
    without_login = re.sub(r"(^(?!\w+://)|//)\S*:\S*@", r"\1***@", text)  # a password may hold any sign, a / or an @
    return re.sub(r"[?#].*", "", without_login)


def _from_url(text: str) -> GitUrl:
    try:
        parts = urlsplit(text)
        port = str(parts.port or "")
    except ValueError as error:
        raise UrlError("its host or port makes no sense") from error
    if parts.scheme not in SCHEMES:
        raise UrlError(f"{parts.scheme}:// is not one of {', '.join(SCHEMES)}")
    if parts.password is not None:
        raise UrlError("it carries a password; secrets never stand in a URL")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise UrlError("it has a query or a fragment (? or #)")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise UrlError("file:// names another host")
        return _folder(Path(unquote(parts.path)))
    host, user = parts.hostname or "", parts.username or ""
    if not host or host.startswith("-") or user.startswith("-"):
        raise UrlError("its host is missing or begins with a dash")
    if not parts.path.strip("/") or parts.path.startswith("/-"):
        raise UrlError("it names no repository on that host")
    return GitUrl(parts.scheme + text[len(parts.scheme) :], parts.scheme, user, host, port, parts.path)


def _from_scp_like(text: str, match: re.Match[str]) -> GitUrl:
    user, host, path = match["user"] or "", match["host"], match["path"]
    if any(part.startswith("-") for part in (user, host, path)):
        raise UrlError("its user, host or path begins with a dash")
    return GitUrl(text, "ssh", user, host, "", path)


def _folder(path: Path) -> GitUrl:
    whole = os.path.abspath(path)  # noqa: PTH100 - it takes out "..", without following links
    return GitUrl(whole, "file", "", "", "", whole)
