"""Where the commits of submodules come from: their addresses, as .gitmodules has them, made whole and checked."""

from __future__ import annotations

import posixpath
import re

from live_code.errors import LiveCodeError, RefMissingError, RefusedError
from live_code.tools.git import policy
from live_code.tools.git.contents import Submodule
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.url import GitUrl, UrlError, parse, redacted
from live_code.tools.settings import GitSettings
from live_code.values import NamedTuple

_NAMED = re.compile(r"the submodule (?P<path>[^\n]*?)(?= \(at [0-9a-f]{12}\): | has no url | names | of )")
_WITHOUT = "git_submodules: off leaves all submodules out, when the job does without them."


class Planned(NamedTuple):
    """A submodule to put at ``path``, below the work tree that it belongs to."""

    path: str
    wanted: Wanted


def plan(parent: GitUrl, submodules: tuple[Submodule, ...], settings: GitSettings) -> tuple[Planned, ...]:
    """What to fetch for each. Raises RefusedError for an address that is not allowed, RefMissingError for none."""
    return tuple(
        Planned(submodule.path, Wanted(_url(parent, submodule, settings), submodule.commit)) for submodule in submodules
    )


def of_submodule(error: LiveCodeError, path: str, commit: str) -> LiveCodeError:
    """The same error, about a submodule at ``path`` that is to be at ``commit``. One that is nested has its path from
    the outermost repository on."""
    inner, rest = _NAMED.match(error.message), error.message
    if inner:
        path, rest = f"{path}/{inner['path']}", error.message[inner.end() :]
        error.message = f"the submodule {path}{rest}"
        return error
    error.message = f"the submodule {path} (at {commit[:12]}): {rest}"
    error.hint = f"{error.hint} {_WITHOUT}".strip()
    if isinstance(error, RefMissingError):
        error.hint = f"Push the submodule's commit, or correct what the repository names. {_WITHOUT}"
    return error


def _url(parent: GitUrl, submodule: Submodule, settings: GitSettings) -> GitUrl:
    if not submodule.url:
        raise RefMissingError(
            f"the submodule {submodule.path} has no url in .gitmodules.",
            hint="Correct .gitmodules, or set git_submodules: off when the job does without it.",
        )
    try:
        url = parse(joined(parent, submodule.url))
    except UrlError as error:
        raise RefusedError(
            f"the submodule {submodule.path} names {redacted(submodule.url)!r}, which can't be used: {error}.",
            hint="Correct .gitmodules, or set git_submodules: off when the job does without it.",
        ) from None
    if url.scheme == "file" and parent.scheme != "file":
        raise RefusedError(
            f"the submodule {submodule.path} of {parent} names a folder of this machine.", hint="Correct .gitmodules."
        )
    try:
        policy.check(url, settings)
    except RefusedError as error:
        raise of_submodule(error, submodule.path, submodule.commit) from error
    return url


def joined(parent: GitUrl, url: str) -> str:
    """The address a submodule's ``url`` stands for: one that begins with ./ or ../ starts at its parent's address."""
    if not url.startswith(("./", "../")):
        return url
    head, path = parent.text[: len(parent.text) - len(parent.path)], parent.path
    rooted = posixpath.join("/" + path.strip("/"), url)
    depth = 0
    for part in rooted.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            raise UrlError("it climbs above its server's root")
    return head + posixpath.normpath(rooted)[0 if path.startswith("/") else 1 :]
