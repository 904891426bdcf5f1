"""What this container may fetch at all: the hosts, folders and sizes that its maintainer allows."""

from __future__ import annotations

import fnmatch

from live_code.errors import RefusedError
from live_code.tools.git.url import GitUrl
from live_code.tools.machine import container
from live_code.tools.settings import GitSettings

LOCAL_VARIABLE = "LIVE_CODE_ALLOW_LOCAL"
REPOS_VARIABLE = "LIVE_CODE_ALLOWED_REPOS"
SIZE_VARIABLE = "LIVE_CODE_MAX_CHECKOUT_GB"


def check(url: GitUrl, settings: GitSettings) -> None:
    """Raises RefusedError when the repository may not be fetched here."""
    if url.scheme == "file" and not _local_is_allowed(settings):
        raise RefusedError(f"{url} is a folder of this machine.", hint=f"Set {LOCAL_VARIABLE}=1 to allow that here.")
    patterns = settings.allowed_repos
    if patterns and not any(_matches(url, pattern) for pattern in patterns):
        raise RefusedError(
            f"{url} is not among the repositories that this container may fetch.",
            hint=f"{REPOS_VARIABLE} lists them; its maintainer can add to it.",
        )


def redirects_are_allowed(settings: GitSettings) -> bool:
    """Not where the repositories are listed: another server could stand behind a redirect."""
    return not settings.allowed_repos


def check_size(url: GitUrl, size: int, settings: GitSettings) -> None:
    """Raises RefusedError when the files of a commit, ``size`` bytes, are more than a checkout may be here."""
    limit = settings.max_checkout_gb
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


def _local_is_allowed(settings: GitSettings) -> bool:
    """Folders as remotes are for laptops. An image takes none unless its maintainer says so."""
    return not container.is_image() if settings.allow_local is None else settings.allow_local
