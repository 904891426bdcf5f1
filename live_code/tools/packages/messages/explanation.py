"""A resolver's explanation, in the words of uv → who demands what, and what there is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from live_code.tools.packages.framework import normalised
from live_code.values import NamedTuple

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_RANGE = r"(?:===?|~=|!=|[<>]=?)[\w.+!*-]*[\w*]"
_ATOM = rf"{_NAME}(?:\[[^\]]*\])?(?:{_RANGE}(?:,{_RANGE})*)?"
_BOUND = rf"{_NAME}(?:\[[^\]]*\])?{_RANGE}(?:,{_RANGE})*"
# `one of:` stands before the parts of a range that has holes.
_ITEM = rf"(?:one of:(?: {_BOUND})+|{_ATOM})"
_VERB = r"(?:depends?|was|were|has|have|is|are|requires?|cannot|does|you)\b"
_LIST = rf"{_ITEM}(?: and (?!all versions |only |the |there )(?!{_ATOM} {_VERB})(?!{_VERB}){_ITEM})*"
_DEPENDS = re.compile(rf"(?:all versions of )?(?P<who>{_ATOM}) depends? on (?P<items>{_LIST})")
_REQUIRE = re.compile(rf"you require (?P<items>{_LIST})")
_PART = re.compile(rf"(?P<name>{_NAME})(?P<extras>\[[^\]]*\])?(?P<range>(?:{_RANGE}(?:,{_RANGE})*)?)")
_PREMISES = re.compile(r"[Bb]ecause (?P<premises>.*?)(?:,? we can conclude that |$)")
_ABSENCES = (
    ("package", re.compile(rf"(?P<what>{_ATOM}) was not found in the (?:package registry|provided package locations)")),
    ("version", re.compile(rf"there (?:is|are) no versions? of (?P<what>{_ATOM})")),
    ("wheel", re.compile(rf"(?P<what>{_ATOM}) has no (?:usable wheels|wheels with a matching)")),
    ("python", re.compile(rf"(?P<what>{_ATOM}) depends on (?P<note>Python{_RANGE}(?:,{_RANGE})*)")),
    ("yanked", re.compile(rf"(?P<what>{_ATOM}) was yanked(?: \(reason: (?P<note>[^)]*)\))?")),
    ("offline", re.compile(rf"(?P<what>{_ATOM}) was not found in the cache")),
)


class Demand(NamedTuple):
    """Who asks for which versions of a package. ``who``: '' for the requirements themselves, else a package with the
    versions of it that do so. ``ranges``: one of them has to hold."""

    who: str
    name: str
    ranges: tuple[str, ...]

    @property
    def who_name(self) -> str:
        return normalised(re.split(r"[=<>!~\[]", self.who)[0])

    def __str__(self) -> str:
        return self.name + " or ".join(_joined(self.ranges))


def _joined(ranges: Iterable[str]) -> list[str]:
    """Ranges as a package's author writes them: what lies around a hole of one version excludes that version."""
    joined: list[str] = []
    for text in ranges:
        hole = re.fullmatch(
            r"(?P<before>.*)<(?P<version>[^,=]+)\n>(?P=version),(?P<behind>.*)", f"{(joined or [''])[-1]}\n{text}"
        )
        if hole:
            joined[-1] = f"{hole['before']}!={hole['version']},{hole['behind']}"
        else:
            joined.append(text)
    return joined


class Absence(NamedTuple):
    """What can't be had, and why: there is no such package, version or wheel, or it is for another Python."""

    why: str
    name: str
    versions: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.versions}"


class Explanation(NamedTuple):
    demands: tuple[Demand, ...]
    absences: tuple[Absence, ...]


def read(text: str) -> Explanation:
    """The facts that an explanation starts from; what it concludes is left out."""
    premises = [match["premises"] for match in _PREMISES.finditer(" ".join(text.split()))]
    demands = (demand for premise in premises for demand in _demands(premise))
    absences = (absence for premise in premises for absence in _absences(premise))
    return Explanation(tuple(dict.fromkeys(demands)), tuple(dict.fromkeys(absences)))


def _demands(premise: str) -> Iterator[Demand]:
    for match in _DEPENDS.finditer(premise):
        who, items = match["who"], match["items"]
        yield from (demand for demand in _listed(who, items) if demand.name != "python")
    for match in _REQUIRE.finditer(premise):
        yield from _listed("", match["items"])


def _listed(who: str, items: str) -> Iterator[Demand]:
    for item in items.split(" and "):
        parts = list(_PART.finditer(item.removeprefix("one of:")))
        yield Demand(who, normalised(parts[0]["name"]), tuple(part["range"] for part in parts))


def _absences(premise: str) -> Iterator[Absence]:
    for why, pattern in _ABSENCES:
        for match in pattern.finditer(premise):
            part = _PART.match(match["what"])
            if part:
                note = match.groupdict().get("note") or ""
                yield Absence(why, normalised(part["name"]), part["range"], note)
