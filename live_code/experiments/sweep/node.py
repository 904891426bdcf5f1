"""What a machine does once for all runs of a sweep that come to it."""

from __future__ import annotations

from collections.abc import Sequence

from live_code.errors import LiveCodeError
from live_code.stages.code import source
from live_code.tools import store
from live_code.tools.git import fetch, repository
from live_code.tools.git.url import without_page
from live_code.tools.settings import GitSettings, Settings
from live_code.tools.store import Store
from live_code.tools.terminal import log

# More commits than these each run fetches by itself: a node may need few of them.
TOGETHER = 50


def prepare(git_url: str, commits: Sequence[str], settings: Settings, wanted: str = "") -> None:
    """Has this machine's store fetch all commits at once, where they are few: the git server is asked once. Nothing
    is done when it has ``wanted``.

    What goes wrong is told here in a line; each run meets it again, and tells it as its own end.
    """
    if not 1 < len(commits) <= TOGETHER:
        return
    try:
        _ensure(git_url, commits, store.find(settings.store), settings.git, wanted)
    except LiveCodeError as error:
        log.warning(f"the commits can't be fetched at once: {error}")


def _ensure(git_url: str, commits: Sequence[str], cache: Store, settings: GitSettings, wanted: str) -> None:
    url = source.read_url(without_page(git_url)[0], settings)
    if not repository.holding(url, wanted, cache).holds(wanted):
        fetch.ensure_all(url, commits, cache, settings)
