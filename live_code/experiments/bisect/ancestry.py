"""The commits between a good one and a bad one, in the order in which they came."""

from __future__ import annotations

from live_code.errors import ConfigError, RefMissingError
from live_code.experiments.sweep.commits import Commit
from live_code.stages.code import source
from live_code.tools.git import history
from live_code.tools.git.history import History
from live_code.tools.git.local import GitFailed
from live_code.tools.git.url import without_page
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store


def between(git_url: str, good: str, bad: str, store: Store, settings: GitSettings) -> tuple[Commit, ...]:
    """From ``good`` to ``bad``, both included, along the first parents: what was merged counts as its merge.

    Raises SourceError, or ConfigError when ``bad`` does not come after ``good``.
    """
    url = source.read_url(without_page(git_url)[0], settings)
    with history.fetched(url, store, settings) as clone:
        first, last = (_resolve(clone, name, str(url)) for name in (good, bad))
        if first.id == last.id or not _comes_after(clone, first, last):
            raise ConfigError(
                f"{bad} does not come after {good} in {url}.",
                hint="--good names the earlier commit, and --bad one that was built on it.",
            )
        listing = clone.git("log", "--reverse", "--first-parent", _FORM, f"{first.id}..{last.id}", "--")
    return (first, *(_commit(line) for line in listing.splitlines()))


def _resolve(clone: History, name: str, url: str) -> Commit:
    try:
        return _commit(clone.git("log", "--max-count=1", _FORM, "--end-of-options", name, "--"))._replace(name=name)
    except GitFailed as error:
        raise RefMissingError(
            f"{url} has no {name!r}.", hint="Write a commit, tag or branch, and check that it was pushed."
        ) from error


def _comes_after(clone: History, first: Commit, last: Commit) -> bool:
    return clone.git("merge-base", first.id, last.id).strip() == first.id


def _commit(line: str) -> Commit:
    commit, _, subject = line.strip().partition("\x1f")
    return Commit(commit, "", subject)


_FORM = "--format=%H%x1f%s"
