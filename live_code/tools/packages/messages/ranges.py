"""Whether ranges of versions admit a version, or have one in common, as PEP 440 counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_VERSION = re.compile(r"(?:===?|~=|!=|[<>]=?)\s*v?([\w.+!-]*\w)")


def fits(version: str, wanted: str) -> bool:
    """Whether a version lies in a range; what can't be read as either proves nothing, and fits.

    An image's 2.6.0+cu124 is a 2.6.0, and its 2.5.0a0 of a vendor counts as any pre-release does.
    """
    try:
        return SpecifierSet(wanted).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def overlap(first: str, second: str) -> bool:
    """Whether a version may lie in both ranges: tried with those that they name, and with the next ones to them."""
    bounds = [match for text in (first, second) for match in _VERSION.findall(text)]
    if not bounds:
        return True
    return any(
        fits(version, first) and fits(version, second) for bound in dict.fromkeys(bounds) for version in _around(bound)
    )


def _around(bound: str) -> Iterator[str]:
    yield bound
    try:
        release = list(Version(bound).release)
    except InvalidVersion:
        return
    yield ".".join(map(str, [*release, 1]))  # the least one that lies above it for every kind of comparison
    while release and not release[-1]:
        release.pop()
    if release:
        yield ".".join(map(str, [*release[:-1], release[-1] - 1, 9999]))
