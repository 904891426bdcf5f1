"""Addresses that a site has moved: ``url.BASE.insteadOf`` of the system's git configuration, and nothing else of it."""

from __future__ import annotations

import os

from live_code.tools.git import local
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

SYSTEM = "/etc/gitconfig"
# Whatever a site may name as the base; git's others run programs of their own.
SCHEMES = ("https", "http", "ssh")


class Rewrite(NamedTuple):
    """URLs that begin with ``prefix`` begin with ``base`` instead."""

    base: str
    prefix: str


def of_system(inherited: Inherited) -> tuple[Rewrite, ...]:
    """Those of /etc/gitconfig, or of the file that GIT_CONFIG_SYSTEM names; none where that can't be read."""
    path = inherited.get("GIT_CONFIG_SYSTEM") or SYSTEM
    if inherited.get("GIT_CONFIG_NOSYSTEM") in ("1", "true") or not os.path.isfile(path):  # noqa: PTH113
        return ()
    words = ["config", "--file", path, "--includes", "--null", "--get-regexp", r"^url\..*\.insteadof$"]
    try:
        found = local.run(words, env=inherited.only(local.PASSED_ON))
    except local.GitFailed:  # there are none
        return ()
    pairs = (entry.split("\n", 1) for entry in found.split("\0") if "\n" in entry)
    return tuple(Rewrite(key[len("url.") : -len(".insteadof")], prefix) for key, prefix in pairs)


def schemes(rewrites: tuple[Rewrite, ...], url: str) -> list[str]:
    """By which protocols, besides its own, an address may have to be reached."""
    bases = [rewrite.base for rewrite in rewrites if url.startswith(rewrite.prefix)]
    return [scheme for scheme in SCHEMES if any(base.startswith(f"{scheme}:") for base in bases)]


def configuration(rewrites: tuple[Rewrite, ...]) -> str:
    """Lines for git's settings."""
    return "".join(f"[url {local.quoted(base)}]\n\tinsteadOf = {local.quoted(prefix)}\n" for base, prefix in rewrites)
