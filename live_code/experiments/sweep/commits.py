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
    if all(_is_full(one) for one in selectors):
        found = [Commit(one.text.lower()) for one in selectors]
    else:
        from live_code.tools.git import history

        url = source.read_url(without_page(git_url)[0], settings)
        with history.fetched(url, store, settings) as past:
            found = [commit for one in selectors for commit in _select(one, past, url)]
    first: dict[str, Commit] = {}
    for commit in found:
        first.setdefault(commit.id, commit)
    return tuple(first.values())


def _is_full(selector: Selector) -> bool:
    return selector.kind == "revision" and bool(_FULL.fullmatch(selector.text.lower()))


def _select(selector: Selector, past: History, url: GitUrl) -> Iterator[Commit]:
    if _is_full(selector):
        yield Commit(selector.text.lower())
        return
    try:
        found = list(_SELECT[selector.kind](selector, past))
    except GitFailed as error:
        raise RefMissingError(
            f"{url} has no {selector.text!r}.{_close(selector.text, past)}",
            hint="Check the name, and that it was pushed.",
            details=str(error),
        ) from error
    if not found:
        raise RefMissingError(f"{url} has no commits for {selector.text!r}.", hint="Check the range or the pattern.")
    yield from found


def _close(text: str, past: History) -> str:
    """Names that may be meant by one of a range's ends, or by the name before ~3 or ^."""
    refs = past.git("for-each-ref", "--format=%(refname)").splitlines()
    names = {ref.split("/", 2)[-1] for ref in refs}
    asked = [re.split(r"[~^@]", end)[0] for end in re.split(r"\.\.\.?", text)]
    return "".join(source.close_names(name, refs) for name in asked if name not in names)


def _revision(selector: Selector, past: History) -> Iterator[Commit]:
    yield _told(past, selector.text, selector.text)


def _range(selector: Selector, past: History) -> Iterator[Commit]:
    yield from _listed(past, "--reverse", selector.text)


def _last(selector: Selector, past: History) -> Iterator[Commit]:
    """Of the branch itself: what was merged into it counts as its merge, once."""
    yield from list(_listed(past, "--first-parent", f"--max-count={selector.number}", selector.text))[::-1]


def _tags(selector: Selector, past: History) -> Iterator[Commit]:
    form = ("--format=%(refname:lstrip=2)", "--sort=version:refname")
    for name in past.git("for-each-ref", *form, f"refs/tags/{selector.text}").splitlines():
        yield _told(past, f"refs/tags/{name}", name)


_SELECT = {"revision": _revision, "range": _range, "last": _last, "tags": _tags}


def _told(past: History, revision: str, name: str) -> Commit:
    return next(_listed(past, "--max-count=1", revision))._replace(name=name)


def _listed(past: History, *words: str) -> Iterator[Commit]:
    for line in past.git("log", "--format=%H%x1f%s", *words, "--").splitlines():
        commit, _, subject = line.partition("\x1f")
        yield Commit(commit, "", subject)
