"""What this container may fetch at all: the hosts, folders and sizes that its maintainer allows."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from live_code.errors import ConfigError, RefusedError
from live_code.tools.git.url import GitUrl
from live_code.tools.machine import container

LOCAL_VARIABLE = "LIVE_CODE_ALLOW_LOCAL"
REPOS_VARIABLE = "LIVE_CODE_ALLOWED_REPOS"
LINKS_VARIABLE = "LIVE_CODE_ALLOW_OUTSIDE_LINKS"
SIZE_VARIABLE = "LIVE_CODE_MAX_CHECKOUT_GB"
_MAX_GB = 20.0


def check(url: GitUrl, environ: Mapping[str, str]) -> None:
    """Raises RefusedError when the repository may not be fetched here."""
    if url.scheme == "file" and not _local_is_allowed(environ):
        raise RefusedError(f"{url} is a folder of this machine.", hint=f"Set {LOCAL_VARIABLE}=1 to allow that here.")
    patterns = allowed(environ)
    if patterns and not any(_matches(url, pattern) for pattern in patterns):
        raise RefusedError(
            f"{url} is not among the repositories that this container may fetch.",
            hint=f"{REPOS_VARIABLE} lists them; its maintainer can add to it.",
        )


def allowed(environ: Mapping[str, str]) -> list[str]:
    """The patterns of the repositories that may be fetched; none: all."""
    return environ.get(REPOS_VARIABLE, "").split()


def redirects_are_allowed(environ: Mapping[str, str]) -> bool:
    """Not where the repositories are listed: another server could stand behind a redirect."""
    return not allowed(environ)


def outside_links_are_allowed(environ: Mapping[str, str]) -> bool:
    return _is_on(environ.get(LINKS_VARIABLE, ""))


def check_size(url: GitUrl, size: int, environ: Mapping[str, str]) -> None:
    """Raises RefusedError when the files of a commit, ``size`` bytes, are more than a checkout may be here."""
    said = environ.get(SIZE_VARIABLE, "")
    try:
        limit = float(said) if said else _MAX_GB
    except ValueError as error:
        raise ConfigError(f"{SIZE_VARIABLE} is {said!r}.", hint="Write a number.") from error
    if size > limit * 1e9:
        raise RefusedError(
            f"the files of {url} are {size / 1e9:.1f} GB, more than {limit:g} GB.",
            hint=f"Set {SIZE_VARIABLE} when that is right.",
        )


def _matches(url: GitUrl, pattern: str) -> bool:
    """Whether a pattern like git.example.com or git.example.com/team/* covers the repository."""
    host = f"{url.host}:{url.port}" if url.port else url.host
    path = url.path.strip("/").removesuffix(".git")
    whole = f"{host}/{path}" if host else f"/{path}"
    return ".." not in path.split("/") and fnmatch.fnmatchcase(whole, pattern if "/" in pattern else f"{pattern}/*")


def _local_is_allowed(environ: Mapping[str, str]) -> bool:
    """Folders as remotes are for laptops. An image takes none unless its maintainer says so."""
    said = environ.get(LOCAL_VARIABLE, "")
    return _is_on(said) if said.strip() else not container.is_image()


def _is_on(said: str) -> bool:
    return said.strip().lower() in ("1", "true", "yes", "on")
