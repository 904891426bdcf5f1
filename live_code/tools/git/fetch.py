"""Bringing one commit into the store: once, however many ask for it, and only what is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from live_code.errors import CheckoutError, RefMissingError, SourceError
from live_code.tools.git import repository
from live_code.tools.git.local import GitFailed
from live_code.tools.git.repository import HELD, Repository
from live_code.tools.git.url import GitUrl
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.tools.git.access import Access

ALL = "+refs/*:refs/remote/*"


class Wanted(NamedTuple):
    """A commit of a repository, and the ref that it was found by ('' when it was named by its id)."""

    url: GitUrl
    commit: str
    ref: str = ""


def ensure(wanted: Wanted, store: Store, settings: GitSettings) -> bool:
    """Sees to it that the commit is in a layer of the store; True when it already was. From now on it is in use.

    Raises SourceError, CheckoutError.
    """
    if repository.below(wanted.url, wanted.commit, store):
        return True
    repo = repository.find(wanted.url, store)
    store.use("git", repo.path.name)
    if repo.holds(wanted.commit):
        return True
    with store.locked("git", repo.path.name, f"{wanted.url} is being fetched") as lock:
        if not repo.holds(wanted.commit):
            _bring(wanted, repo, store, settings, lock)
    return False


def ensure_all(url: GitUrl, commits: Sequence[str], store: Store, settings: GitSettings) -> None:
    """Brings those of the commits into the store that the server gives out by their ids, asking it once for all.
    The others are for ``ensure``, which tells what is wrong with each.

    Raises SourceError, CheckoutError.
    """
    repo = repository.find(url, store)
    commits = [commit for commit in commits if not repository.below(url, commit, store)]
    if not commits:
        return
    store.use("git", repo.path.name)
    with store.locked("git", repo.path.name, f"{url} is being fetched") as lock:
        if missing := [commit for commit in commits if not repo.holds(commit)]:
            _bring_all(url, missing, repo, store, settings, lock)


def rebuild(wanted: Wanted, store: Store, settings: GitSettings) -> str:
    """Looks through the repository after it gave reason to; fetches the commit into a new one when it is damaged: in
    its place, or in the top layer when it is in a read-only one.

    Returns what was wrong, '' when nothing was. Raises SourceError, CheckoutError.
    """
    from live_code.tools import files
    from live_code.tools.git import access

    repo, top = repository.holding(wanted.url, wanted.commit, store), repository.find(wanted.url, store)
    store.use("git", top.path.name)
    with store.locked("git", top.path.name, f"{wanted.url} is being looked through") as lock:
        with access.opened(settings, store, wanted.url, repo.path) as opened:
            damage = repo.damage(opened.env)
        if damage:
            log.warning(f"the store's copy of {wanted.url} is damaged and is made anew: {damage.splitlines()[0]}")
            if repo == top:
                files.remove_tree(top.path)
            if not top.holds(wanted.commit):
                _bring(wanted, top, store, settings, lock)
    return damage


def _bring_all(
    url: GitUrl, commits: Sequence[str], repo: Repository, store: Store, settings: GitSettings, lock: int
) -> None:
    from live_code.tools.git import access

    repo.sweep()
    log.info(f"fetching {len(commits)} commit{'s' * (len(commits) > 1)} from {url}")
    with access.opened(settings, store, url, repo.path) as opened, _full_store_reported(store):
        try:
            repo.create(opened.env, "sha256" if len(commits[0]) == 64 else "sha1")
        except GitFailed as error:
            raise _unusable(error) from error
        while commits:
            refused = _refused(url, commits, repo, opened, lock)
            commits = [commit for commit in commits if commit not in refused]


def _refused(url: GitUrl, commits: Sequence[str], repo: Repository, access: Access, lock: int) -> Sequence[str]:
    """Fetches all, or none and returns the one that the server named, else all: there is nothing more to ask for."""
    from live_code.tools.git import remote

    try:
        remote.fetch(url, [f"{commit}:{HELD}/{commit}" for commit in commits], repo.path, access, depth=1, lock=lock)
    except RefMissingError as error:
        return [commit for commit in commits if commit in error.details] or commits
    return commits


def _unusable(error: GitFailed) -> CheckoutError:
    return CheckoutError(f"git failed in the store: {error}.", hint="Check the store's folder.")


@contextmanager
def _full_store_reported(store: Store) -> Iterator[None]:
    """Git does not always say that there was no space: it may tell of a broken connection, or of nothing."""
    try:
        yield
    except (CheckoutError, SourceError) as error:
        from live_code.tools.telemetry import space

        if space.full(store.root) and not isinstance(error, RefMissingError):
            raise store.full() from error
        raise


def _bring(wanted: Wanted, repo: Repository, store: Store, settings: GitSettings, lock: int) -> None:
    from live_code.tools.git import access

    repo.sweep()
    with access.opened(settings, store, wanted.url, repo.path) as opened, _full_store_reported(store):
        try:
            repo.create(opened.env, "sha256" if len(wanted.commit) == 64 else "sha1")
            _fetch(wanted, repo, opened, lock)
        except GitFailed as error:
            raise _unusable(error) from error


def _fetch(wanted: Wanted, repo: Repository, access: Access, lock: int) -> None:
    from live_code.tools.git import remote

    url, commit, ref = wanted
    log.info(f"fetching {commit} from {url}")
    try:
        remote.fetch(url, [f"{commit}:{HELD}/{commit}"], repo.path, access, depth=1, lock=lock)
    except RefMissingError as error:
        if ref:  # a server that gives out only what its refs point to
            remote.fetch(url, [f"+{ref}:refs/remote/wanted"], repo.path, access, depth=1, lock=lock)
            if repo.hold(commit, access.env):
                return
            log.warning(f"{ref} of {url} has moved since it was found to be {commit}")
        log.info("the server does not give out this commit by its id: fetching all branches and tags")
        remote.fetch(url, [ALL], repo.path, access, lock=lock)
        if not repo.hold(commit, access.env):
            error.message = f"the commit is not in {url}: {commit}."
            raise
