"""What happened in the repository between the commits of two runs: the log, and how much of which file changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from live_code.errors import LiveCodeError, RefMissingError, StoreError
from live_code.stages.record.reading import Record
from live_code.tools import store
from live_code.tools.git import fetch, local, repository
from live_code.tools.git import url as git_url
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.url import GitUrl, UrlError
from live_code.tools.settings import GitSettings, Settings
from live_code.tools.store import Store
from live_code.values import NamedTuple

if TYPE_CHECKING:
    from live_code.tools.git.history import History as Clone

_LOG_LIMIT = 200


class FileChange(NamedTuple):
    """Lines added and removed; -1 each for a binary file."""

    path: str
    added: int
    removed: int


class Entry(NamedTuple):
    """A commit of the log. ``lost``: it is only in the older run's history, so the newer run went without it."""

    commit: str
    author: str
    date: str
    subject: str
    lost: bool


class History(NamedTuple):
    """From ``old`` to ``new``. ``missing``: why the log or the files are not there, '' when they are."""

    url: str
    old: str
    new: str
    log: tuple[Entry, ...] = ()
    files: tuple[FileChange, ...] = ()
    missing: str = ""


def between(old: Record, new: Record, settings: Settings, *, offline: bool) -> History | None:
    """None when both ran the same commit, or come from different repositories.

    File changes need the two commits only, which the store has; the log needs the commits between, which it does
    not: the server is asked for those, unless ``offline``.
    """
    url = str(new.get("source", "url") or "")
    if not old.commit or not new.commit or old.commit == new.commit or old.get("source", "url") != url:
        return None
    history = History(url, old.commit, new.commit)
    try:
        address = git_url.parse(url)
        history = history._replace(files=_files(address, history, store.find(settings.store), settings.git, offline))
        if offline:
            return history._replace(missing="the log was not asked for")
        return history._replace(log=_log(address, history, store.find(settings.store), settings.git))
    except (LiveCodeError, UrlError, local.GitFailed, OSError) as error:
        return history._replace(missing=str(error))


def _files(url: GitUrl, history: History, cache: Store, settings: GitSettings, offline: bool) -> tuple[FileChange, ...]:
    for commit in (history.old, history.new):
        if not offline:
            fetch.ensure(Wanted(url, commit), cache, settings)
        elif not repository.holding(url, commit, cache).holds(commit):
            raise StoreError(f"the store does not have {commit}.")
    old, new = (repository.holding(url, commit, cache).path for commit in (history.old, history.new))
    words = ["--git-dir", str(old), "diff", "--numstat", "-z", "--no-renames", history.old, history.new]
    with tempfile.TemporaryDirectory(prefix="live-code-git-") as home:
        local.write_settings(Path(home), [old, new])
        # two layers of the store may have one commit each
        env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": local.quoted(f"{new}/objects")}
        output = local.run(words, env={**local.environment(settings.inherited, Path(home)), **env})
    rows = (row.split("\t", 2) for row in output.split("\0") if row)
    return tuple(FileChange(path, _count(added), _count(removed)) for added, removed, path in rows)


def _log(url: GitUrl, history: History, cache: Store, settings: GitSettings) -> tuple[Entry, ...]:
    from live_code.tools.git.history import fetched

    form = "--format=%m%x1f%H%x1f%an%x1f%cs%x1f%s"
    with fetched(url, cache, settings) as clone:
        for commit in (history.old, history.new):
            _require_reached(commit, url, clone)
        span = f"{history.old}...{history.new}"
        output = clone.git("log", form, "--left-right", f"--max-count={_LOG_LIMIT}", span, "--")
    rows = (line.split("\x1f") for line in output.splitlines())
    return tuple(Entry(commit, author, date, subject, side == "<") for side, commit, author, date, subject in rows)


def _require_reached(commit: str, url: GitUrl, clone: Clone) -> None:
    try:
        clone.git("cat-file", "-e", f"{commit}^{{commit}}")
    except local.GitFailed as error:
        raise RefMissingError(
            f"the commits between, as {commit[:12]} is on no branch or tag of {url}.",
            hint="It was perhaps amended, or its branch is gone.",
        ) from error


def _count(text: str) -> int:
    return int(text) if text.isdigit() else -1
