"""The work tree of the commit: fetched when the store lacks it, cut from the store, and proved to be it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from live_code import log
from live_code.config import Request
from live_code.errors import CheckoutError
from live_code.git import repository, worktree
from live_code.git.errors import RefMissingError
from live_code.git.local import GitFailed
from live_code.git.repository import HELD, Repository
from live_code.git.url import GitUrl
from live_code.git.worktree import Tree
from live_code.source import Source
from live_code.store import Store

if TYPE_CHECKING:
    from live_code.git.access import Access


class Checkout(NamedTuple):
    """A clean work tree. ``root``: where the job looks for its files: ``place``, or a folder in it.

    ``cached``: the commit was in the store. ``tree``: the id of the commit's tree.
    """

    root: Path
    place: Path
    commit: str
    tree: str
    cached: bool


def make(
    source: Source, request: Request, store: Store, place: Path, *, environ: Mapping[str, str] = os.environ
) -> Checkout:
    """Fills ``place`` with the commit's files. An earlier work tree of ours that stands there is replaced; a folder
    with anything else in it is left alone and is an error. Raises SourceError, CheckoutError."""
    place = place.absolute()
    _check_place(place)
    here = repository.find(source.url, store)
    cached = here.holds(source.commit)
    if not cached:
        _bring(source, here, store, environ)
    tree = _cut(source, here, place, environ)
    _prove(tree, source)
    return Checkout(_root(place, request), place, tree.commit, tree.tree, cached)


def _check_place(place: Path) -> None:
    try:
        taken = place.exists() and any(place.iterdir()) and not worktree.is_ours(place)
    except OSError as error:
        raise CheckoutError(f"{place} can't be read: {error.strerror}.", hint="Name another folder.") from error
    if taken:
        raise CheckoutError(
            f"{place} has files in it that are not an earlier checkout's.", hint="Empty it or name another folder."
        )


def _bring(source: Source, here: Repository, store: Store, environ: Mapping[str, str]) -> None:
    """Fetches the commit into the store, once, however many ask for it."""
    from live_code.git import access

    with store.locked("git", here.path.name, f"{source.url} is being fetched"):
        if here.holds(source.commit):
            return
        with access.opened(environ, store, source.url, here.path) as opened:
            try:
                here.create(opened.env, "sha256" if len(source.commit) == 64 else "sha1")
                _fetch(source.url, source.commit, here, opened)
            except GitFailed as error:
                raise CheckoutError(f"git failed in the store: {error}.", hint="See the details.") from error


def _fetch(url: GitUrl, commit: str, here: Repository, access: Access) -> None:
    from live_code.git import remote

    log.info(f"fetching {commit} from {url}")
    try:
        remote.fetch(url, [f"{commit}:{HELD}/{commit}"], here.path, access, depth=1)
    except RefMissingError:
        log.info("the server does not give out this commit by its id: fetching all branches and tags")
        remote.fetch(url, ["+refs/*:refs/remote/*"], here.path, access)
        if not here.hold(commit, access.env):
            raise


def _cut(source: Source, here: Repository, place: Path, environ: Mapping[str, str]) -> Tree:
    try:
        worktree.empty(place)
        return worktree.cut(here, source.commit, place, environ, str(source.url))
    except GitFailed as error:
        raise CheckoutError(
            f"the work tree of {source.commit} could not be made: {error}.",
            hint="Remove the store's copy and try again.",
        ) from error
    except OSError as error:
        raise CheckoutError(
            f"{place} can't be filled: {error.strerror}.", hint="Name a writable folder with free space in it."
        ) from error


def _prove(tree: Tree, source: Source) -> None:
    if tree.commit != source.commit:
        raise CheckoutError(
            f"HEAD is {tree.commit}, not {source.commit}.", hint="If that is a tag's id, write the commit's own."
        )
    if tree.dirty:
        raise CheckoutError(
            f"the work tree is not clean: {tree.dirty[0].strip()}.", details="\n".join(tree.dirty), hint="Try again."
        )


def _root(place: Path, request: Request) -> Path:
    if not request.git_subdir:
        return place
    root = (place / request.git_subdir).resolve()
    if not root.is_relative_to(place.resolve()) or not root.is_dir():
        raise CheckoutError(
            f"git_subdir {request.git_subdir!r} is no folder of this commit.",
            hint="Name one relative to the repo's root.",
        )
    return root
