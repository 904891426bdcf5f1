"""Where packages come from: the task's indexes, else the container's, else PyPI. No URL here holds a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

from live_code.errors import FrameworkConflictError, LiveCodeError
from live_code.tools.packages.framework import Protection, is_family
from live_code.tools.packages.requirements import PYPI, Text, is_list, options
from live_code.tools.settings import PackageSettings
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeVar

    from live_code.tools.packages.solution import Solution

    T = TypeVar("T")

# Indexes and pages that offer frameworks and what those need.
_FRAMEWORKS_OWN = r"//download\.pytorch\.org/|/torch_stable\.html|/pytorch-wheels/|//repo\.mxnet\.io/|//apache-mxnet\."
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links")
_SOURCE_TABLE = r"(?ms)^\[\[tool\.uv\.index\]\]\s*$(.*?)(?=^\[|\Z)"
_EXPLICIT = r"(?m)^\s*explicit\s*=\s*true\b"
# A URL with a login; git has logins of its own.
_WITH_LOGIN = r"""(?<![\w+])https?://[^/\s@'"]+@[^\s;]+"""
_SOURCE_URL = r"""(?m)^\s*url\s*=\s*["']([^"']+)["']"""
_INDEX_LINE, _FURTHER_LINE = "index: ", "further index: "


class UnreachableError(Exception):
    """An index did not answer as one. ``url``: what was asked for, '' when that is not known."""

    def __init__(self, url: str, error: LiveCodeError) -> None:
        super().__init__(str(error))
        self.url = url
        self.error = error


class Indexes(NamedTuple):
    """The index that is asked for everything, and further ones; of all that they offer the best version wins, as pip
    does it. ``instead``: which take the first one's place, in turn, while it is down. ``find_links``: folders or pages
    of wheels. ``trusted``: hosts whose certificate is not checked."""

    default: str
    extra: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """As uv's arguments; both its resolver and its installer take them."""
        words = ["--default-index", self.default, "--index-strategy", "unsafe-best-match"]
        words += [word for url in self.extra for word in ("--index", url)]
        words += [word for place in self.find_links for word in ("--find-links", place)]
        return words + [word for host in self.trusted for word in ("--allow-insecure-host", host)]

    def header(self) -> list[str]:
        """As lines of a lock's head."""
        return [f"{_INDEX_LINE}{self.default}", *(f"{_FURTHER_LINE}{url}" for url in self.extra)]

    def without(self, url: str) -> Indexes | None:
        """What is left when the index or page that ``url`` belongs to is down; None when nothing else was named."""
        down = [index for index in (*self.extra, *self.find_links) if url.startswith(index.rstrip("/"))]
        if down:
            return self._replace(extra=_others(self.extra, down), find_links=_others(self.find_links, down))
        if url.startswith(self.default.rstrip("/")) and self.instead:
            return self._replace(default=self.instead[0], instead=self.instead[1:])
        return None

    def without_frameworks_own(self) -> Indexes:
        """What is left without the places that offer little but frameworks, which the image has."""
        own = [place for place in (*self.extra, *self.find_links) if re.search(_FRAMEWORKS_OWN, place)]
        return self._replace(extra=_others(self.extra, own), find_links=_others(self.find_links, own))


def try_each(indexes: Indexes, attempt: Callable[[Indexes], T]) -> T:
    """The first attempt that finds its indexes up. Raises the error behind the last UnreachableError, and behind one
    that was passed over when without it something is not found."""
    passed_over: list[LiveCodeError] = []
    while True:
        try:
            return attempt(indexes)
        except UnreachableError as down:
            fewer = indexes.without(down.url)
            if fewer is None:
                raise down.error from None
            passed_over += [down.error] if fewer.default == indexes.default else []
            instead = "without it" if fewer.default == indexes.default else f"with {fewer.default}"
            log.warning(f"{down.error.message} Going on {instead}.")
            indexes = fewer
        except FrameworkConflictError:
            raise
        except LiveCodeError as error:
            if not passed_over:
                raise
            raise _needed(passed_over[0], error) from error


def solve_sparingly(indexes: Indexes, attempt: Callable[[Indexes], Solution], protection: Protection) -> Solution:
    """A solution without the frameworks' own indexes, if all of a framework that it has is the image's; else with."""
    spared = indexes.without_frameworks_own()
    if spared == indexes or not protection.packages:
        return try_each(indexes, attempt)
    try:
        solved = try_each(spared, attempt)
    except FrameworkConflictError:
        raise
    except LiveCodeError:
        return try_each(indexes, attempt)
    others = [pin.name for pin in solved.pins if is_family(pin.name) and pin.name not in protection.packages]
    return try_each(indexes, attempt) if others else solved


def _needed(down: LiveCodeError, error: LiveCodeError) -> LiveCodeError:
    message = f"{down.message.rstrip('.')}, and without it {error.message}"
    return type(down)(message, hint=down.hint, details=f"{down.details}\n{error.details}".strip())


def _others(places: tuple[str, ...], left_out: list[str]) -> tuple[str, ...]:
    return tuple(place for place in places if place not in left_out)


def with_logins(settings: PackageSettings, texts: tuple[Text, ...]) -> PackageSettings:
    """The settings with the logins that stand in the requirements' own URLs, or in the variables that those name."""
    urls = [value for key, value in options(texts) if key in _INDEX_OPTIONS and "@" in value]
    urls += [url for url, _ in _source_urls(texts) if "@" in url]
    urls += [match[0] for text in texts if is_list(text.name) for match in re.finditer(_WITH_LOGIN, text.text)]
    expanded = [_expanded(url, settings) for url in urls]
    return settings._replace(index_urls=(*settings.index_urls, *expanded)) if urls else settings


def without_logins(text: str, settings: PackageSettings) -> str:
    """A list of requirements whose files' URLs have no login: no lock holds one, and ``with_logins`` keeps it. One in a
    variable that the container lacks stays, to be told of."""
    if "@" not in text or "://" not in text:
        return text
    return re.sub(
        _WITH_LOGIN, lambda match: match[0] if "${" in _expanded(match[0], settings) else public(match[0]), text
    )


def for_pins(indexes: Indexes, names: Iterable[str], protection: Protection) -> Indexes:
    """Those that an installation of these packages may need: the frameworks' own for a part of one alone."""
    needed = not protection.packages or any(is_family(name) for name in names)
    return indexes if needed else indexes.without_frameworks_own()


def of_sources(texts: tuple[Text, ...]) -> tuple[str, ...]:
    """The indexes that projects name for single packages (``[[tool.uv.index]]``): a resolver reads them there, and the
    installer has to be told."""
    return _once(*(url for url, _ in _source_urls(texts)))


def _source_urls(texts: tuple[Text, ...]) -> list[tuple[str, bool]]:
    """Each with whether it is for all packages, not only for those that name it."""
    projects = (text.text for text in texts if "tool.uv.index" in text.text and not is_list(text.name))
    tables = (table for text in projects for table in re.findall(_SOURCE_TABLE, text))
    found = ((re.search(_SOURCE_URL, table), not re.search(_EXPLICIT, table)) for table in tables)
    return [(match[1], for_all) for match, for_all in found if match]


def choose(mirror: str, extra: tuple[str, ...], texts: tuple[Text, ...], settings: PackageSettings) -> Indexes:
    """The task's ``pypi_mirror`` (several: one after the other) stands before the container's index, that before one
    that a requirements file names. The task's mirror takes the place of the container's, the file's adds up."""
    named = [(key, _expanded(value, settings)) for key, value in options(texts)]
    default, *instead = [url for url in (*mirror.replace(",", " ").split(), settings.default_index) if url] or [""]
    by_file = [value for key, value in named if key in ("-i", "--index-url")]
    if not default:
        default, *by_file = by_file or [PYPI]
    further = [value for key, value in named if key == "--extra-index-url"]
    further += [
        url for url, for_all in _source_urls(texts) if for_all and public(url).rstrip("/") != default.rstrip("/")
    ]
    return Indexes(
        public(default),
        _once(*extra, *by_file, *settings.extra_indexes, *further),
        _once(*instead),
        _once(
            *settings.find_links,
            *(value for key, value in named if key in ("-f", "--find-links")),
        ),
        _once(*settings.trusted_hosts),
    )


def of_lock(text: str, others: Indexes) -> Indexes:
    """The indexes that a lock was made from, where its head names them; ``others`` stand in for the first one."""
    default = [line[len(_INDEX_LINE) + 2 :] for line in text.splitlines() if line.startswith(f"# {_INDEX_LINE}")]
    extra = [line[len(_FURTHER_LINE) + 2 :] for line in text.splitlines() if line.startswith(f"# {_FURTHER_LINE}")]
    if not default:
        return others
    instead = tuple(url for url in (others.default, *others.instead) if url != default[0])
    return others._replace(default=default[0], extra=_once(*extra, *others.extra), instead=instead)


def public(url: str) -> str:
    """A URL without user and password. Something that is no URL (a folder, a host) stays as it is."""
    if "@" not in url or not re.match(r"[a-z]+://", url):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _expanded(value: str, settings: PackageSettings) -> str:
    """With the container's variables where the text names them, as pip does it."""
    if "${" not in value:
        return value
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda match: settings.inherited.get(match[1], match[0]), value)


def _once(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(public(word) for word in words))
