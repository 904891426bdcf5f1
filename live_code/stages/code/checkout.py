"""The work tree of the commit: fetched when the store lacks it, cut from the store, and proved to be it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from live_code.errors import CheckoutError, ConfigError, RefusedError, SourceError
from live_code.stages.code.source import Source
from live_code.stages.request.hyperparameters import Request
from live_code.tools.git import contents, policy, repository, worktree
from live_code.tools.git.contents import Submodule
from live_code.tools.git.fetch import Wanted, ensure, rebuild
from live_code.tools.git.local import GitFailed
from live_code.tools.git.worktree import Tree
from live_code.tools.settings import GitSettings, Inherited
from live_code.tools.store import Store
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeVar

    from live_code.tools.git.patch import Patch

    _Result = TypeVar("_Result")

_DEEPEST = 10


class Checkout(NamedTuple):
    """A clean work tree. ``root``: where the job looks for its files: ``place``, or a folder in it.

    ``cached``: all of it was in the store. ``tree``: the id of the commit's tree. ``patch``: None without one.
    """

    root: Path
    place: Path
    commit: str
    tree: str
    cached: bool
    submodules: tuple[Submodule, ...] = ()
    lfs_files: int = 0
    patch: Patch | None = None

    @property
    def content(self) -> str:
        """What tells the files that stand in ``place``, and ``root`` in it, from all others; '' when that is not known:
        no commit's."""
        if not self.tree:
            return ""
        inner = (f"{submodule.path}={submodule.commit}" for submodule in self.submodules)
        subdir = os.path.relpath(self.root, self.place)
        return " ".join((self.patch.tree if self.patch else self.tree, subdir, f"lfs={self.lfs_files}", *inner))


class _Setting(NamedTuple):
    """What stays the same for a repository and all its submodules."""

    request: Request
    store: Store
    settings: GitSettings


class _Made(NamedTuple):
    """One repository's work tree and those of its submodules, whose paths are relative to the outermost."""

    commit: str
    tree: str
    cached: bool
    submodules: tuple[Submodule, ...]
    links: tuple[Path, ...]
    lfs_files: int


def make(source: Source, request: Request, store: Store, place: Path, settings: GitSettings) -> Checkout:
    """Fills ``place`` with the commit's files, its submodules and LFS contents, and the patch of the request.

    An earlier work tree of ours that stands there is replaced; a folder with anything else in it is left alone and is
    an error. Raises SourceError, CheckoutError, StoreError.
    """
    place = place.absolute()
    _check_place(place)
    subdir = _subdir(request)
    made = _fill(Wanted(source.url, source.commit, source.ref), place, _Setting(request, store, settings), subdir, 0)
    if source.kind == "tag":
        worktree.name(place, source.ref, source.commit, settings.inherited)
    patch = _patched(Path("/in", request.git_patch), place, settings.inherited) if request.git_patch else None
    links = [*made.links, *worktree.links(place, settings.inherited)] if patch else made.links
    if not settings.allow_outside_links:
        _check_links(place, links)
    return Checkout(
        root=_root(place, subdir),
        place=place,
        commit=made.commit,
        tree=made.tree,
        cached=made.cached,
        submodules=made.submodules,
        lfs_files=made.lfs_files,
        patch=patch,
    )


def _fill(wanted: Wanted, place: Path, setting: _Setting, only: str, depth: int) -> _Made:
    request, store, settings = setting
    cached = ensure(wanted, store, settings)
    listing, store = _from_store(lambda layers: contents.read(wanted, layers, settings), wanted, setting)
    policy.check_size(wanted.url, listing.bytes, settings)
    if depth == 0 and settings.verify_signature:  # it names its submodules' commits: its signature stands for them too
        from live_code.tools.git import signature

        signature.check(wanted, store, settings)
    listing = listing.within(only)
    sparse = "" if any(f"{only}/".startswith(f"{submodule.path}/") for submodule in listing.submodules) else only
    whole = setting._replace(store=store)
    tree, _ = _from_store(lambda layers: _cut(wanted, layers, place, settings, sparse), wanted, whole)
    _prove(tree, listing.commit, wanted)
    inner = _fill_submodules(wanted, listing.submodules, place, setting, depth)
    pointers = listing.pointers if request.git_lfs != "off" else ()
    if pointers:
        from live_code.tools.git import lfs

        lfs.fill(wanted, pointers, place, setting.store, settings)
    return _Made(
        listing.commit,
        listing.tree,
        cached and all(made.cached for _, made in inner),
        tuple(nested for submodule, made in inner for nested in (submodule, *_below(submodule.path, made.submodules))),
        tuple(place / link for link in listing.links) + tuple(link for _, made in inner for link in made.links),
        len(pointers) + sum(made.lfs_files for _, made in inner),
    )


def _fill_submodules(
    parent: Wanted, submodules: tuple[Submodule, ...], place: Path, setting: _Setting, depth: int
) -> list[tuple[Submodule, _Made]]:
    request = setting.request
    if request.git_submodules == "off":
        return []
    if request.git_submodules == "auto":  # git too passes over a folder that .gitmodules does not name
        submodules = tuple(submodule for submodule in submodules if submodule.url)
    if submodules and depth >= _DEEPEST:
        raise RefusedError(f"the submodules of {parent.url} are nested more than {_DEEPEST} deep.")
    if not submodules:
        return []
    from live_code.tools.git.submodules import of_submodule, plan

    planned = plan(parent.url, submodules, setting.settings)
    made = []
    for submodule, (path, wanted) in zip(submodules, planned, strict=True):
        try:
            filled = _fill(wanted, place / path, setting, "", depth + 1)
        except (SourceError, CheckoutError) as error:
            raise of_submodule(error, path, wanted.commit) from error
        made.append((Submodule(path, str(wanted.url), submodule.commit), filled))
    return made


def _patched(file: Path, place: Path, inherited: Inherited) -> Patch:
    from live_code.tools.git import patch  # few tasks have one

    return patch.apply(file, place, inherited)


def _below(path: str, submodules: tuple[Submodule, ...]) -> tuple[Submodule, ...]:
    return tuple(submodule._replace(path=f"{path}/{submodule.path}") for submodule in submodules)


def _check_place(place: Path) -> None:
    try:
        taken = place.exists() and any(place.iterdir()) and not worktree.is_ours(place)
    except OSError as error:
        raise CheckoutError(
            f"{place} can't be read: {error.strerror}.", hint="Name another folder: LIVE_CODE_WORKDIR=DIR."
        ) from error
    if taken:
        raise CheckoutError(
            f"{place} has files in it that are not an earlier checkout's.",
            hint="Empty it, or name another folder: LIVE_CODE_WORKDIR=DIR.",
        )


def _from_store(action: Callable[[Store], _Result], wanted: Wanted, setting: _Setting) -> tuple[_Result, Store]:
    """The action's result, and the store that it was done on. It is done once more when the store's copy turns out to
    be damaged and was made anew: on the top layer alone, where it is whole."""
    try:
        return action(setting.store), setting.store
    except GitFailed as error:
        if not rebuild(wanted, setting.store, setting.settings):
            raise _not_cut(wanted, error) from error
    try:
        return action(setting.store.top), setting.store.top
    except GitFailed as error:
        raise _not_cut(wanted, error) from error


def _cut(wanted: Wanted, store: Store, place: Path, settings: GitSettings, only: str) -> Tree:
    source = repository.holding(wanted.url, wanted.commit, store)
    try:
        worktree.empty(place)
        return worktree.cut(source, wanted.commit, place, settings.inherited, str(wanted.url), only=only)
    except (OSError, GitFailed) as error:
        from live_code.tools.telemetry import space

        if place.is_relative_to(store.root) and space.full(store.root):
            raise store.full() from error
        if isinstance(error, GitFailed):
            raise
        raise CheckoutError(
            f"{place} can't be filled: {error.strerror}.", hint="Name a writable folder with free space in it."
        ) from error


def _not_cut(wanted: Wanted, error: GitFailed) -> CheckoutError:
    return CheckoutError(
        f"the work tree of {wanted.commit} could not be made: {str(error).splitlines()[-1]}.",
        hint="Check the space that is left, and the details.",
        details=str(error),
    )


def _prove(tree: Tree, commit: str, wanted: Wanted) -> None:
    """``commit``: what the wanted id leads to."""
    for head in (commit, tree.commit):
        if head != wanted.commit:
            raise CheckoutError(
                f"HEAD is {head}, not {wanted.commit}.", hint="If that is a tag's id, write the commit's own."
            )
    if tree.dirty:
        raise CheckoutError(
            f"the work tree of {wanted.url} is not clean: {tree.dirty[0].strip()}.", details="\n".join(tree.dirty)
        )


def _check_links(place: Path, links: Iterable[Path]) -> None:
    """Refuses a link that leads out of the work tree, by whatever way: it is followed as the job would follow it."""
    top = os.path.realpath(place)
    for link in links:
        target = os.path.realpath(link)
        if target != top and not target.startswith(f"{top}/"):
            raise RefusedError(
                f"the link {os.path.relpath(link, place)} leads out of the repo, to {target}.",
                hint="Take it out of the repo; LIVE_CODE_ALLOW_OUTSIDE_LINKS=1 allows such links in this container.",
            )


def _subdir(request: Request) -> str:
    """``git_subdir``, plain: relative and without '.', '..' or doubled slashes. Raises CheckoutError."""
    parts = [part for part in request.git_subdir.split("/") if part not in ("", ".")]
    if request.git_subdir.startswith("/") or {"..", ".git"} & set(parts):
        raise _no_subdir(request.git_subdir)
    return "/".join(parts)


def _root(place: Path, subdir: str) -> Path:
    root = place / subdir
    if subdir and (root.is_symlink() or not root.is_dir()):
        raise _no_subdir(subdir)
    return root


def _no_subdir(subdir: str) -> CheckoutError:
    error = CheckoutError(
        f"git_subdir {subdir!r} is no folder of this commit.", hint="Name one relative to the repo's root."
    )
    error.return_code = ConfigError.return_code
    return error
