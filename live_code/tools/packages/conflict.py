"""A resolver's explanation → one line that names who asks for what, and what the image has instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from live_code.errors import FrameworkConflictError
from live_code.tools.packages.framework import Protection, normalised
from live_code.tools.packages.requirements import Line, Text, is_list, lines
from live_code.values import NamedTuple

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<wish>@\s*\S+|[^;#]*)")
_WHEEL_URL = re.compile(r"\S*/(?P<name>[A-Za-z0-9][\w.]*)-[^/-]+-[^/]+\.whl")
_DEPENDS = re.compile(
    r"(?P<who>[A-Za-z0-9][\w.-]*[^\s,]*)(?: \d[\w.+]*)? depends? on (?P<what>(?P<name>[A-Za-z0-9][\w.-]*)[^\s,]*)"
)


def direct(texts: Iterable[Text], protection: Protection) -> None:
    """Refuses a protected package by URL: seeing what is behind it would mean to download it."""
    for line in _all_lines(texts):
        wheel = _WHEEL_URL.search(line.text)
        match = wheel or _REQUIREMENT.match(line.text)
        by_url = wheel or (match and match["wish"].startswith("@"))
        if match and by_url and normalised(match["name"]) in protection.packages:
            name = normalised(match["name"])
            raise _conflict([Requirement(f"{line} asks for {line.text}", name)], [name], protection, "")


def explain(output: str, texts: Iterable[Text], protection: Protection) -> FrameworkConflictError | None:
    """The conflict with the image's framework that the resolver ran into, or None when it is about other things."""
    if "No solution found" not in output and "ResolutionImpossible" not in output:
        return None
    held = (*protection.packages, *(bound.name for bound in protection.bounds))
    mentioned = {normalised(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", output)}
    involved = [name for name in held if name in mentioned]
    if not involved:
        return None
    needs = list(_needs(output))
    requirements = [
        Requirement(f"{n.who} needs {n.requirement}", n.name)
        for n in needs
        if n.name in involved and n.who_name not in held
    ]
    requirements = [*_direct(texts, involved), *requirements] or list(_against(texts, needs, held))
    return _conflict(requirements, involved, protection, output) if requirements else None


def of_pin(words: str, name: str, protection: Protection) -> FrameworkConflictError:
    """The conflict that a lock's entry is. ``words``: where it stands and what it says."""
    return _conflict([Requirement(words, name)], [name], protection, "")


class Requirement(NamedTuple):
    """What is asked for, in words, and which of the held packages it is about."""

    words: str
    about: str


class _Need(NamedTuple):
    who: str
    who_name: str
    requirement: str
    name: str


def _needs(output: str) -> Iterator[_Need]:
    """Who depends on what, as the resolver explains it."""
    for match in _DEPENDS.finditer(" ".join(output.split())):
        who = normalised(re.split(r"[=<>!~\[]", match["who"])[0])
        yield _Need(match["who"], who, match["what"], normalised(match["name"]))


def _direct(texts: Iterable[Text], names: Iterable[str]) -> Iterator[Requirement]:
    for line in _all_lines(texts):
        match = _REQUIREMENT.match(line.text)
        if match and normalised(match["name"]) in names and match["wish"].strip():
            yield Requirement(f"{line} asks for {match[0].strip()}", normalised(match["name"]))


def _against(texts: Iterable[Text], needs: list[_Need], held: tuple[str, ...]) -> Iterator[Requirement]:
    """What is asked for that does not fit what the framework needs in turn."""
    for need in needs:
        if need.who_name in held:
            for direct in _direct(texts, [need.name]):
                yield Requirement(
                    f"{direct.words} and the image's {need.who_name} needs {need.requirement}", need.who_name
                )


def _conflict(
    requirements: list[Requirement], names: list[str], protection: Protection, output: str
) -> FrameworkConflictError:
    about = {item.about for item in requirements}
    has = [f"{name} {protection.packages[name]}" for name in names if name in about and name in protection.packages]
    reasons = [f"{b.name}{b.versions} has to hold: {b.why}" for b in protection.bounds if b.name in about]
    there = ([f"the image ships {', '.join(has)}"] if has else []) + reasons
    return FrameworkConflictError(
        f"{'; '.join(dict.fromkeys(item.words for item in requirements))}, but {'; '.join(there)}.",
        hint="Use an image tag that fits, loosen that, or set allow_framework_override: true to replace its own.",
        details=output.strip(),
    )


def _all_lines(texts: Iterable[Text]) -> Iterator[Line]:
    for text in texts:
        if is_list(text.name):
            yield from (line for line in lines(text) if not line.text.startswith("-"))
