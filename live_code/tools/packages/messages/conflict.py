"""A resolver's explanation → one line that names who asks for what, and what the image has instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from urllib.parse import unquote

from live_code.errors import FrameworkConflictError, RequirementsError
from live_code.tools.packages.framework import Protection, normalised
from live_code.tools.packages.messages import explanation, ranges
from live_code.tools.packages.messages.explanation import Demand
from live_code.tools.packages.requirements import Line, Text, is_list, lines
from live_code.tools.packages.solution import same
from live_code.values import NamedTuple

# Of a package that has more releases than these in the way, only the first and the last are named.
MOST_NAMED = 5

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<wish>@\s*\S+|[^;#]*?)\s*(?P<marker>;.*)?$"
)
_WHEEL_URL = re.compile(r"\S*[/\\](?P<name>[A-Za-z0-9][\w.]*)-(?P<version>[^/-]+)-[^/]+\.whl")


class Requirement(NamedTuple):
    """What is asked for, in words, and which of the held packages it is about."""

    words: str
    about: str


class _Hold(NamedTuple):
    """What a package has to be, and why, in words."""

    versions: str
    words: str


def direct(texts: Iterable[Text], protection: Protection) -> None:
    """Refuses a protected package by URL: seeing what is behind it would mean to download it."""
    for line in _all_lines(texts):
        name = _by_url(line.text)
        if name in protection.packages and not _is_shipped(line.text, protection):
            asking = Requirement(f"{line} asks for {line.text}", name)
            raise _conflict([asking], [_shipped(name, protection)])


def as_shipped(texts: tuple[Text, ...], protection: Protection) -> tuple[Text, ...]:
    """The texts with a wheel that is the very version of the image as that version: nobody has to fetch it."""
    return tuple(
        text._replace(text="".join(_as_version(line, protection) for line in text.text.splitlines(keepends=True)))
        if is_list(text.name) and ".whl" in text.text
        else text
        for text in texts
    )


def explain(
    output: str, texts: Iterable[Text], protection: Protection, subject: str = "a project"
) -> FrameworkConflictError | None:
    """The conflict with the image's framework that the resolver ran into, or None when it is about other things.

    Only what does not fit is named: a requirement that the image's version meets is in nobody's way.
    """
    texts, demands = tuple(texts), _demands(output, protection)
    asked = [demand for demand in demands if not _is_ours(demand, protection)]
    pairs = [
        (demand, hold)
        for demand in asked
        for hold in _holds(demand.name, demands, protection)
        if not _agree(demand.ranges, hold.versions)
    ]
    if not pairs:
        return None
    askings = _askings([demand for demand, _ in pairs], asked, texts, subject)
    return _conflict(askings, [hold for _, hold in pairs], output)


def among(output: str, texts: Iterable[Text], subject: str = "a project") -> RequirementsError | None:
    """The conflict of requirements with each other that the resolver ran into, None when there is no such one."""
    texts, demands = tuple(texts), _demands(output, Protection())
    pairs = [pair for pair in combinations(demands, 2) if _exclude(*pair)]
    if not pairs:
        return None
    # What the files ask for themselves says most, and stands first: that is where one looks.
    pair = min(pairs, key=lambda pair: sum(bool(demand.who) for demand in pair))
    first, second = (
        _words(demand, demands, texts, subject) for demand in sorted(pair, key=lambda item: bool(item.who))
    )
    return RequirementsError(f"{first}, but {second}.", hint="Loosen one of the two.", details=output.strip())


def _exclude(demand: Demand, other: Demand) -> bool:
    """Whether two demands can't be met at once; those of different releases of one package need not be."""
    if demand.name != other.name or (demand.who and demand.who_name == other.who_name):
        return False
    return not any(_agree(demand.ranges, versions) for versions in other.ranges)


def of_pin(words: str, name: str, protection: Protection) -> FrameworkConflictError:
    """The conflict that a lock's entry is. ``words``: where it stands and what it says."""
    return _conflict([Requirement(words, name)], _holds(name, (), protection))


def asking(name: str, versions: str, demands: Sequence[Demand], texts: Iterable[Text], subject: str) -> str:
    """Who asks for a package in versions that can't be had, in words: the line, and by way of what."""
    texts = tuple(texts)
    wanted = Demand("", name, (versions,))
    own = [demand for demand in demands if demand.name == name and _agree(demand.ranges, versions)]
    first = next((demand for demand in own if not demand.who), next(iter(own), wanted))
    return _words(first, demands, texts, subject)


def place(name: str, texts: Iterable[Text]) -> Line | None:
    """The line of a requirements file that asks for a package by its name."""
    return next((line for line in _all_lines(texts) if _name(line) == name), None)


def _demands(output: str, protection: Protection) -> tuple[Demand, ...]:
    demands = explanation.read(output).demands
    # A project whose file is resolved stands for the requirements: all that is asked for is its own.
    roots = {demand.who for demand in demands if _is_pin(demand, protection) and not re.search("[<=>]", demand.who)}
    return tuple(demand._replace(who="") if demand.who in roots else demand for demand in demands)


def _is_pin(demand: Demand, protection: Protection) -> bool:
    """Whether it is our own demand that a package stays as the image has it."""
    return demand.ranges == (f"=={protection.packages.get(demand.name, '')}",)


def _is_ours(demand: Demand, protection: Protection) -> bool:
    return _is_pin(demand, protection) or _is_bound(demand, protection) or demand.who_name in protection.packages


def _is_bound(demand: Demand, protection: Protection) -> bool:
    return any((demand.name, demand.ranges) == (bound.name, (bound.versions,)) for bound in protection.bounds)


def _holds(name: str, demands: Iterable[Demand], protection: Protection) -> Iterator[_Hold]:
    if name in protection.packages:
        yield _shipped(name, protection)
    for bound in protection.bounds:
        if bound.name == name:
            yield _Hold(bound.versions, f"{name}{bound.versions} has to hold: {bound.why}")
    for demand in demands:
        owner = demand.who_name
        # uv gives our range of a package to whatever needs that package.
        if _is_bound(demand, protection) or len(demand.ranges) != 1:
            continue
        if demand.name == name and owner in protection.packages:
            yield _Hold(demand.ranges[0], f"the image's {owner} {protection.packages[owner]} needs {demand}")


def _shipped(name: str, protection: Protection) -> _Hold:
    return _Hold(f"=={protection.packages[name]}", f"the image ships {name} {protection.packages[name]}")


def _agree(wanted: Sequence[str], versions: str) -> bool:
    return any(ranges.overlap(one, versions) for one in wanted)


def _askings(
    clashing: Sequence[Demand], demands: Sequence[Demand], texts: tuple[Text, ...], subject: str
) -> list[Requirement]:
    askings: list[Requirement] = []
    for who, name in dict.fromkeys((demand.who_name, demand.name) for demand in clashing):
        group = list(dict.fromkeys(d for d in clashing if (d.who_name, d.name) == (who, name)))
        if who and len(group) > MOST_NAMED:
            askings.append(Requirement(_many(group, demands, texts), name))
        else:
            askings += [Requirement(_words(demand, demands, texts, subject), name) for demand in group]
    return askings


def _words(demand: Demand, demands: Sequence[Demand], texts: tuple[Text, ...], subject: str) -> str:
    if demand.who:
        return f"{_lead(demand.who_name, demands, texts)}{demand.who} needs {demand}"
    line = _line_of(demand, texts)
    wish = _REQUIREMENT.match(line.text) if line else None
    asked = line.text[: wish.start("marker")].strip() if line and wish and wish["marker"] else line and line.text
    return f"{line} asks for {asked}" if line else f"{subject} asks for {demand}"


def _many(group: Sequence[Demand], demands: Sequence[Demand], texts: tuple[Text, ...]) -> str:
    """Many releases of a package, each of which wants something else than there is."""
    from packaging.version import Version

    named = [re.sub(r"^.*?[=<>!~]=?=?([\w.+!]*\w).*$", r"\1", demand.who) for demand in group]
    releases = sorted((text for text in named if re.match(r"\d", text)), key=Version) or ["?"]
    who, name = group[0].who_name, group[0].name
    spread = f"{who} {releases[0]} to {releases[-1]} ({len(group)} releases)"
    return f"{_lead(who, demands, texts)}{spread} need other versions of {name}"


def _lead(name: str, demands: Sequence[Demand], texts: tuple[Text, ...]) -> str:
    """The line that leads to a package, and by way of what."""
    paths: list[tuple[str, ...]] = [(name,)]
    for path in paths:  # grows as it is read: the shortest way is found first
        if line := place(path[0], texts):
            words = "".join(f"{one} needs {other}, " for one, other in pairwise(path))
            return f"{line}: {words}"
        known = {step for other in paths for step in other}
        paths += [(who, *path) for who in _askers(path[0], demands) if who not in known]
    return ""


def _askers(name: str, demands: Iterable[Demand]) -> list[str]:
    return [who for who in dict.fromkeys(d.who_name for d in demands if d.name == name) if who]


def _line_of(demand: Demand, texts: tuple[Text, ...]) -> Line | None:
    """The line that asks for that very range, else the only one of that package: of several, any might be innocent."""
    named = [line for line in _all_lines(texts) if _name(line) == demand.name]
    wanted = [_parts(versions) for versions in demand.ranges]
    exact = [line for line in named if _parts(_wish(line)) in wanted]
    return next(iter(exact), named[0] if len(named) == 1 else None)


def _parts(versions: str) -> frozenset[str]:
    """A range without the order in which it is written."""
    return frozenset(versions.split(","))


def _name(line: Line) -> str:
    match = _REQUIREMENT.match(line.text)
    return normalised(match["name"]) if match else ""


def _wish(line: Line) -> str:
    match = _REQUIREMENT.match(line.text)
    return re.sub(r"[\s()]", "", match["wish"]) if match and not match["wish"].startswith("@") else ""


def _by_url(text: str) -> str:
    """The package that a line names by URL or file, '' when it does not."""
    wheel = _WHEEL_URL.search(text)
    match = wheel or _REQUIREMENT.match(text)
    return normalised(match["name"]) if match and (wheel or match["wish"].startswith("@")) else ""


def _is_shipped(text: str, protection: Protection) -> bool:
    """Whether a line's wheel is of the very version that the image has, as `pip freeze` names where it came from."""
    wheel = _WHEEL_URL.search(text)
    return bool(wheel and same(unquote(wheel["version"]), protection.packages.get(normalised(wheel["name"]), "")))


def _as_version(line: str, protection: Protection) -> str:
    plain = line.strip()
    if plain.startswith(("#", "-")) or not _is_shipped(plain, protection):
        return line
    name = _by_url(plain)
    marker = re.search(r"\s;.*", plain)
    return f"{name}=={protection.packages[name]}{marker[0] if marker else ''}\n"


def _conflict(requirements: Iterable[Requirement], holds: Iterable[_Hold], output: str = "") -> FrameworkConflictError:
    asked = "; ".join(dict.fromkeys(item.words for item in requirements))
    there = "; ".join(dict.fromkeys(hold.words for hold in holds))
    return FrameworkConflictError(
        f"{asked}, but {there}.",
        hint="Use an image tag that fits, loosen that, or set allow_framework_override: true to replace its own.",
        details=output.strip(),
    )


def _all_lines(texts: Iterable[Text]) -> Iterator[Line]:
    for text in texts:
        if is_list(text.name):
            yield from (line for line in lines(text) if not line.text.startswith("-"))
