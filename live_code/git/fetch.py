"""Bringing one commit into the store: once, however many ask for it, and only what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from live_code import log
from live_code.errors import CheckoutError
from live_code.git import repository
from live_code.git.errors import RefMissingError
from live_code.git.local import GitFailed
from live_code.git.repository import HELD, Repository
from live_code.git.url import GitUrl
from live_code.store import Store

if TYPE_CHECKING:
    from live_code.git.access import Access

ALL = "+refs/*:refs/remote/*"


class Wanted(NamedTuple):
    """A commit of a repository, and the ref that it was found by ('' when it was named by its id)."""

    url: GitUrl
    commit: str
    ref: str = ""


def ensure(wanted: Wanted, store: Store, environ: Mapping[str, str]) -> bool:
    """Sees to it that the commit is in the store; True when it already was. From now on it is in use.

    Raises SourceError, CheckoutError.
    """
    here = repository.find(wanted.url, store)
    store.use("git", here.path.name)
    if here.holds(wanted.commit):
        return True
    with store.locked("git", here.path.name, f"{wanted.url} is being fetched") as lock:
        if not here.holds(wanted.commit):
            _bring(wanted, here, store, environ, lock)
    return False


def rebuild(wanted: Wanted, store: Store, environ: Mapping[str, str]) -> str:
    """Looks through the repository after it gave reason to; fetches the commit into a new one when it is damaged.

    Returns what was wrong, '' when nothing was. Raises SourceError, CheckoutError.
    """
    from live_code import files
    from live_code.git import access

    here = repository.find(wanted.url, store)
    with store.locked("git", here.path.name, f"{wanted.url} is being looked through") as lock:
        with access.opened(environ, store, wanted.url, here.path) as opened:
            damage = here.damage(opened.env)
        if damage:
            log.warning(f"the store's copy of {wanted.url} is damaged and is made anew: {damage.splitlines()[0]}")
            files.remove_tree(here.path)
            _bring(wanted, here, store, environ, lock)
    return damage


def _bring(wanted: Wanted, here: Repository, store: Store, environ: Mapping[str, str], lock: int) -> None:
    from live_code.git import access

    here.sweep()
    with access.opened(environ, store, wanted.url, here.path) as opened:
        try:
            here.create(opened.env, "sha256" if len(wanted.commit) == 64 else "sha1")
            _fetch(wanted, here, opened, lock)
        except GitFailed as error:
            raise CheckoutError(f"git failed in the store: {error}.", hint="Check the store's folder.") from error


def _fetch(wanted: Wanted, here: Repository, access: Access, lock: int) -> None:
    from live_code.git import remote

    url, commit, ref = wanted
    log.info(f"fetching {commit} from {url}")
    try:
        remote.fetch(url, [f"{commit}:{HELD}/{commit}"], here.path, access, depth=1, lock=lock)
    except RefMissingError:
        if ref:  # a server that gives out only what its refs point to
            remote.fetch(url, [f"+{ref}:refs/remote/wanted"], here.path, access, depth=1, lock=lock)
            if here.hold(commit, access.env):
                return
            log.warning(f"{ref} of {url} has moved since it was found to be {commit}")
        log.info("the server does not give out this commit by its id: fetching all branches and tags")
        remote.fetch(url, [ALL], here.path, access, lock=lock)
        if not here.hold(commit, access.env):
            raise
