"""As of when requirements are resolved: the commit's own time, a date, or now."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.errors import CheckoutError, ConfigError
from live_code.tools.git import worktree
from live_code.tools.git.local import GitFailed, run
from live_code.tools.settings.values import Inherited
from live_code.tools.store import Store
from live_code.values import NamedTuple

DEFAULT = "now"  # why: docs/environment.md
# Compiled when a date is given: most starts have none.
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"


class Cutoff(NamedTuple):
    """``time``: RFC 3339, '' for none. ``asked``: what it was made from."""

    time: str
    asked: str


def cutoff(asked: str, place: Path, commit: str, store: Store, inherited: Inherited) -> Cutoff:
    """From ``resolve_as_of``. A commit's time is read from git once and kept. Raises ConfigError, CheckoutError."""
    word = asked or DEFAULT
    if word == "now":
        return Cutoff("", word)
    if word == "commit":
        text, _ = store.text("date", commit, lambda: _commit_time(place, inherited), "the commit's date")
        return Cutoff(text, word)
    if re.fullmatch(_DATE, word):
        return Cutoff(f"{word}T23:59:59Z", word)
    if re.fullmatch(_TIME, word):
        return Cutoff(word, word)
    raise ConfigError(f"resolve_as_of is {word!r}.", hint="Write commit, now, or a date like 2022-06-30.")


def _commit_time(place: Path, inherited: Inherited) -> str:
    from datetime import datetime, timezone

    try:
        said = run(["log", "-1", "--format=%ct", "HEAD"], env=worktree.environment_in(place, inherited), cwd=place)
    except GitFailed as error:
        raise CheckoutError("git does not tell the commit's date.", hint="Name a date.", details=str(error)) from error
    return datetime.fromtimestamp(int(said), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
