"""Where packages come from: the task's indexes, else the container's, else PyPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from live_code.packages.requirements import Text, options

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


def choose(mirror: str, extra: tuple[str, ...], texts: tuple[Text, ...], environ: Mapping[str, str]) -> Indexes:
    """The task's ``pypi_mirror`` stands in front of the container's index, that in front of one that a requirements
    file names; all further ones add up. An index that had to stand back is still asked."""
    found = list(options(texts))
    by_file = [value for key, value in found if key in ("-i", "--index-url")]
    container = next((url for key in _DEFAULT if (url := environ.get(key, "").strip())), "")
    default, *behind = [url for url in (mirror, container, *by_file) if url] or [PYPI]
    if mirror and container:
        behind.remove(container)
    further = [value for key, value in found if key == "--extra-index-url"]
    return Indexes(
        default,
        _once(*extra, *behind, *_words(environ, "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"), *further),
        _once(
            *_words(environ, "UV_FIND_LINKS", "PIP_FIND_LINKS"),
            *(value for key, value in found if key in ("-f", "--find-links")),
        ),
        _once(*_words(environ, "UV_INSECURE_HOST", "PIP_TRUSTED_HOST")),
    )


_DEFAULT = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def _words(environ: Mapping[str, str], *keys: str) -> list[str]:
    return [word for key in keys for word in environ.get(key, "").replace(",", " ").split()]


def _once(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
