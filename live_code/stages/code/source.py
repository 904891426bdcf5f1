"""Which commit is meant: the address and the revision that the user wrote, resolved to a full commit id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from live_code.errors import RefMissingError, RefusedError
from live_code.stages.request.hyperparameters import REVISION_KEYS, Request
from live_code.tools.git import policy
from live_code.tools.git.url import GitUrl, UrlError, parse, redacted, without_page
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import NamedTuple

_HEX = frozenset("0123456789abcdef")
_SHORT = r"[0-9a-f]{4,63}"
# What git itself does not allow in a ref's name.
_NOT_A_NAME = r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$"
# A short id is taken for a branch's or tag's newest commit without a look at all others only when it is this long.
_LONG_ENOUGH = 12


class Source(NamedTuple):
    """A pinned commit. ``ref``: the full name it was resolved from, '' for a commit id. ``asked``: the user's words."""

    url: GitUrl
    asked: str  # the record has it by this name
    commit: str
    ref: str
    kind: str  # 'commit', 'tag' or 'branch' (anything that moves)


def resolve(request: Request, store: Store, settings: GitSettings) -> Source:
    """The commit that is meant. Speaks to the remote unless the revision is a full commit id. Raises SourceError."""
    address, page = without_page(request.git_url)
    url = read_url(address, settings)
    revision = request.revision
    if page and not f"{page}/".lower().startswith(f"{revision}/".lower()):
        raise RefMissingError(
            f"git_url is the page of {page!r}, but {_key(request)} is {revision!r}.", hint=f"Set git_url to {address}."
        )
    if len(revision) in (40, 64) and _HEX.issuperset(revision.lower()):
        return Source(url, revision, revision.lower(), "", "commit")
    if re.search(_NOT_A_NAME, revision):
        raise RefMissingError(
            f"{revision!r} is no revision.", hint=f"Write a commit id, tag or branch as {_key(request)}."
        )
    source = _query_remote(url, revision, _key(request), store, settings)
    if source.kind == "branch":
        key = _key(request)
        pin = f"Pin it: {key}: {source.commit}" if key in REVISION_KEYS else f"To pin it, write that id as {key}"
        log.warning(f"{source.ref} moves; it is {source.commit} now. {pin}")
    return source


def read_url(text: str, settings: GitSettings) -> GitUrl:
    """The address, if it is one that may be used here. Raises RefusedError."""
    try:
        url = parse(text)
    except UrlError as error:
        shown = redacted(text)
        raise RefusedError(
            f"git_url {shown!r} can't be used: {error}.", hint="Write it as https://host/path."
        ) from None
    policy.check(url, settings)
    return url


def choose(revision: str, refs: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The ref that a name stands for, as (full name, commit, kind); None when there is none. Raises RefMissingError.

    ``refs``: as the remote lists them. A name that is a tag and a branch of different commits has two meanings.
    """
    names = dict.fromkeys((revision, f"refs/{revision}", f"refs/tags/{revision}", f"refs/heads/{revision}"))
    own_name = revision.removeprefix("refs/remotes/").removeprefix("origin/")  # as a clone calls the remote's branches
    if own_name != revision and not names.keys() & refs.keys():
        names = {f"refs/heads/{own_name}": None}
    matches = [(name, refs.get(f"{name}^{{}}", refs[name]), _kind(name)) for name in names if name in refs]
    if len({commit for _, commit, _ in matches}) > 1:
        meanings = " and ".join(f"{name} ({commit[:12]})" for name, commit, _ in matches)
        raise RefMissingError(
            f"{revision!r} is ambiguous: {meanings}.", hint="Write the full name of the one you mean."
        )
    return matches[0] if matches else None


def matching(prefix: str, refs: Mapping[str, str]) -> set[str]:
    """The commits among the remote's branches and tags whose id begins with ``prefix``."""
    commits = {commit for name, commit in refs.items() if f"{name}^{{}}" not in refs}
    return {commit for commit in commits if commit.startswith(prefix)}


def _query_remote(url: GitUrl, revision: str, key: str, store: Store, settings: GitSettings) -> Source:
    from live_code.tools.git import access, remote

    short = revision.lower() if re.fullmatch(_SHORT, revision.lower()) else ""
    with access.opened(settings, store, url) as opened:
        refs = remote.list_refs(url, [] if short else [revision, f"{revision}^{{}}"], opened)
        if not short and not choose(revision, refs):  # all of them, to suggest the one that may be meant
            refs = remote.list_refs(url, [], opened)
        if (chosen := choose(revision, refs)) and url.scheme == "file":
            _warn_of_changes(url, chosen[1], opened.env)
    if chosen:
        ref, commit, kind = chosen
        return Source(url, revision, commit, ref, kind)
    if not short:
        raise RefMissingError(
            f"{key}: {url} has no tag or branch {revision!r}.{close_names(revision, refs)}",
            hint="Check the name; a commit id needs no branch.",
        )
    tips = matching(short, refs) if len(short) >= _LONG_ENOUGH else set()
    commit = _only(short, tips or _all_commits(url, short, store, settings), url, key)
    log.warning(
        f"{revision} is {commit}; write the full id: a short one can get a second meaning, and needs the network"
    )
    return Source(url, revision, commit, "", "commit")


def _warn_of_changes(url: GitUrl, commit: str, env: Mapping[str, str]) -> None:
    from live_code.tools.git import worktree

    if count := worktree.uncommitted(Path(url.path), commit, env):
        subject, verb = ("1 file", "differs") if count == 1 else (f"{count} files", "differ")
        log.warning(f"{subject} in {url} {verb} from {commit[:12]} and will not be run: commit before you run")


def _all_commits(url: GitUrl, prefix: str, store: Store, settings: GitSettings) -> set[str]:
    """Every commit of the remote whose id begins so: servers can't look that up, all are listed here."""
    from live_code.tools.git import history

    with history.fetched(url, store, settings) as clone:
        output = clone.git("rev-list", "--all")
    return {commit for commit in output.split() if commit.startswith(prefix)}


def close_names(revision: str, refs: Iterable[str]) -> str:
    """The branches and tags whose names are near the revision, as a sentence; '' when there are none. ``refs``: full
    names."""
    import difflib

    names = [name.split("/", 2)[2] for name in refs if name.startswith(("refs/heads/", "refs/tags/"))]
    close = difflib.get_close_matches(revision, [name for name in names if not name.endswith("^{}")], 3)
    return f" Is it {' or '.join(map(repr, dict.fromkeys(close)))}?" if close else ""


def _only(prefix: str, commits: set[str], url: GitUrl, key: str = "git_branch") -> str:
    if not commits:
        raise RefMissingError(
            f"{key}: {url} has no commit, tag or branch {prefix!r}.", hint="Check it, and that it was pushed."
        )
    if len(commits) > 1:
        listed = ", ".join(sorted(commits)[:5])
        raise RefMissingError(f"{prefix!r} is ambiguous in {url}: {listed}.", hint="Write the full commit id.")
    return commits.pop()


def _kind(name: str) -> str:
    return "tag" if name.startswith("refs/tags/") else "branch"


def _key(request: Request) -> str:
    return request.revision_key or "git_branch"
