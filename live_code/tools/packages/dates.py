"""As of when requirements are resolved where that is not now: the commit's own time, or a date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from live_code.errors import CheckoutError, ConfigError
from live_code.tools.git import worktree
from live_code.tools.git.local import GitFailed, run
from live_code.tools.settings import Inherited
from live_code.tools.store import Store

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"


def cutoff(as_of: str, place: Path, commit: str, store: Store, inherited: Inherited) -> str:
    """From ``resolve_as_of``, in RFC 3339. A commit's time is read from git once and kept.

    Raises ConfigError, CheckoutError.
    """
    if as_of == "commit":
        return store.text("date", commit, lambda: _commit_time(place, inherited), "the commit's date")[0]
    if re.fullmatch(_DATE, as_of):
        return f"{as_of}T23:59:59Z"
    if re.fullmatch(_TIME, as_of):
        return as_of
    raise ConfigError(f"resolve_as_of is {as_of!r}.", hint="Write commit, now, or a date like 2022-06-30.")


def options(moment: str, undated: Iterable[str]) -> list[str]:
    """As uv's arguments. ``undated``: packages that are of today whatever the moment."""
    return [
        *("--exclude-newer", moment),
        *(word for name in undated for word in ("--exclude-newer-package", f"{name}=2999-01-01T00:00:00Z")),
    ]


def _commit_time(place: Path, inherited: Inherited) -> str:
    from datetime import datetime, timezone

    try:
        seconds = run(["log", "-1", "--format=%ct", "HEAD"], env=worktree.environment_in(place, inherited), cwd=place)
    except GitFailed as error:
        raise CheckoutError("git does not tell the commit's date.", hint="Name a date.", details=str(error)) from error
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
