"""Where packages come from: the task's indexes, else the container's, else PyPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PYPI = "https://pypi.org/simple"


class Indexes(NamedTuple):
    """The index that is asked for everything, and further ones; of all that they offer the best version wins, as pip
    does it. ``find_links``: folders or pages of wheels. ``trusted``: hosts whose certificate is not checked."""

    default: str
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """As uv's arguments; both its resolver and its installer take them."""
        words = ["--default-index", self.default, "--index-strategy", "unsafe-best-match"]
        words += [word for url in self.extra for word in ("--index", url)]
        words += [word for place in self.find_links for word in ("--find-links", place)]
        return words + [word for host in self.trusted for word in ("--allow-insecure-host", host)]


def choose(mirror: str, extra: tuple[str, ...], environ: Mapping[str, str]) -> Indexes:
    """The task's ``pypi_mirror`` stands in front of the container's own index; the further ones add up."""
    given = next(
        (url for key in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL") if (url := environ.get(key))), ""
    )
    added = [word for key in ("UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL") for word in environ.get(key, "").split()]
    links = environ.get("UV_FIND_LINKS", "").replace(",", " ").split() + environ.get("PIP_FIND_LINKS", "").split()
    trusted = environ.get("UV_INSECURE_HOST", "").split() + environ.get("PIP_TRUSTED_HOST", "").split()
    return Indexes(
        mirror or given or PYPI, (*extra, *added), tuple(dict.fromkeys(links)), tuple(dict.fromkeys(trusted))
    )
