"""Which commits a sweep is about: ranges, the last few, tags by pattern, resolved to full ids by the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from live_code.errors import RefMissingError
from live_code.experiments.sweep.spec import Selector
from live_code.stages.code import source
from live_code.tools.git.local import GitFailed
from live_code.tools.git.url import GitUrl, without_page
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

if TYPE_CHECKING:
    from live_code.tools.git.history import History

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Commit(NamedTuple):
    """``name``: what the spec called it, '' for one of many. ``subject``: its message's first line, '' when nobody
    had to ask for it."""

    id: str
    name: str = ""
    subject: str = ""


def resolve(selectors: Sequence[Selector], git_url: str, store: Store, settings: GitSettings) -> tuple[Commit, ...]:
    """Each commit once, in the order of the spec; those of a range and the last few from the oldest to the newest.

    Full commit ids are believed without a look at the repository: one that is not there fails by itself, later.
    Raises SourceError.
    """
    if all(_is_full(selector) for selector in selectors):
        commits = [Commit(selector.text.lower()) for selector in selectors]
    else:
        from live_code.tools.git import history

        url = source.read_url(without_page(git_url)[0], settings)
        with history.fetched(url, store, settings) as clone:
            commits = [commit for selector in selectors for commit in _select(selector, clone, url)]
    first: dict[str, Commit] = {}
    for commit in commits:
        first.setdefault(commit.id, commit)
    return tuple(first.values())


def _is_full(selector: Selector) -> bool:
    return selector.kind == "revision" and bool(_FULL.fullmatch(selector.text.lower()))


def _select(selector: Selector, clone: History, url: GitUrl) -> Iterator[Commit]:
    if _is_full(selector):
        yield Commit(selector.text.lower())
        return
    try:
        commits = list(_SELECT[selector.kind](selector, clone))
    except GitFailed as error:
        raise RefMissingError(
            f"{url} has no {selector.text!r}.{_close(selector.text, clone)}",
            hint="Check the name, and that it was pushed.",
            details=str(error),
        ) from error
    if not commits:
        raise RefMissingError(f"{url} has no commits for {selector.text!r}.", hint="Check the range or the pattern.")
    yield from commits


def _close(text: str, clone: History) -> str:
    """Names that may be meant by one of a range's ends, or by the name before ~3 or ^."""
    refs = clone.git("for-each-ref", "--format=%(refname)").splitlines()
    names = {ref.split("/", 2)[-1] for ref in refs}
    wanted = [re.split(r"[~^@]", end)[0] for end in re.split(r"\.\.\.?", text)]
    return "".join(source.close_names(name, refs) for name in wanted if name not in names)


def _revision(selector: Selector, clone: History) -> Iterator[Commit]:
    yield _named_commit(clone, selector.text, selector.text)


def _range(selector: Selector, clone: History) -> Iterator[Commit]:
    yield from _listed(clone, "--reverse", selector.text)


def _last(selector: Selector, clone: History) -> Iterator[Commit]:
    """Of the branch itself: what was merged into it counts as its merge, once."""
    yield from list(_listed(clone, "--first-parent", f"--max-count={selector.number}", selector.text))[::-1]


def _tags(selector: Selector, clone: History) -> Iterator[Commit]:
    form = ("--format=%(refname:lstrip=2)", "--sort=version:refname")
    for name in clone.git("for-each-ref", *form, f"refs/tags/{selector.text}").splitlines():
        yield _named_commit(clone, f"refs/tags/{name}", name)


_SELECT = {"revision": _revision, "range": _range, "last": _last, "tags": _tags}


def _named_commit(clone: History, revision: str, name: str) -> Commit:
    return next(_listed(clone, "--max-count=1", revision))._replace(name=name)


def _listed(clone: History, *words: str) -> Iterator[Commit]:
    for line in clone.git("log", "--format=%H%x1f%s", *words, "--").splitlines():
        commit, _, subject = line.partition("\x1f")
        yield Commit(commit, "", subject)
