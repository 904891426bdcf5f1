"""The work tree of the commit: fetched when the store lacks it, cut from the store, and proved to be it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from live_code.config import Request
from live_code.errors import CheckoutError
from live_code.git import repository, worktree
from live_code.git.fetch import Wanted, ensure, rebuild
from live_code.git.local import GitFailed
from live_code.git.worktree import Tree
from live_code.source import Source
from live_code.store import Store


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
    wanted = Wanted(source.url, source.commit, source.ref)
    cached = ensure(wanted, store, environ)
    tree = _cut(wanted, store, place, environ)
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


def _cut(wanted: Wanted, store: Store, place: Path, environ: Mapping[str, str]) -> Tree:
    """Cuts the work tree; once more when the store's copy turns out to be damaged."""
    try:
        return _cut_once(wanted, store, place, environ)
    except GitFailed as error:
        if not rebuild(wanted, store, environ):
            raise _not_cut(wanted, error) from error
    try:
        return _cut_once(wanted, store, place, environ)
    except GitFailed as error:
        raise _not_cut(wanted, error) from error


def _cut_once(wanted: Wanted, store: Store, place: Path, environ: Mapping[str, str]) -> Tree:
    try:
        worktree.empty(place)
        return worktree.cut(repository.find(wanted.url, store), wanted.commit, place, environ, str(wanted.url))
    except OSError as error:
        raise CheckoutError(
            f"{place} can't be filled: {error.strerror}.", hint="Name a writable folder with free space in it."
        ) from error


def _not_cut(wanted: Wanted, error: GitFailed) -> CheckoutError:
    return CheckoutError(
        f"the work tree of {wanted.commit} could not be made: {str(error).splitlines()[-1]}.",
        hint="Check the space that is left, and the details.",
        details=str(error),
    )


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
