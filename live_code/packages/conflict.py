"""A resolver's explanation → one line that names who asks for what, and what the image has instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from live_code.errors import RequirementsError
from live_code.job.ymir_exc import protocol
from live_code.packages.framework import Protection, normalised
from live_code.packages.requirements import Line, Text, is_list, lines

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?P<wish>@\s*\S+|[^;#]*)")
_WHEEL_URL = re.compile(r"\S*/(?P<name>[A-Za-z0-9][\w.]*)-[^/-]+-[^/]+\.whl")
_DEPENDS = re.compile(r"(?P<who>\S+) depends? on (?P<what>(?P<name>[A-Za-z0-9][\w.-]*)[^\s,]*)")


class FrameworkConflictError(RequirementsError):
    """The repo asks for a framework that is not the image's."""

    kind = "FRAMEWORK_CONFLICT"
    return_code = protocol.CODE_CONFIG


def direct(texts: Iterable[Text], protection: Protection) -> None:
    """Refuses a protected package by URL: seeing what is behind it would mean to download it."""
    for line in _all_lines(texts):
        found = _WHEEL_URL.search(line.text)
        match = found or _REQUIREMENT.match(line.text)
        by_url = found or (match and match["wish"].startswith("@"))
        if match and by_url and normalised(match["name"]) in protection.packages:
            raise _conflict([f"{line} asks for {line.text}"], [normalised(match["name"])], protection, "")


def explain(said: str, texts: Iterable[Text], protection: Protection) -> FrameworkConflictError | None:
    """The conflict with the image's framework that the resolver ran into, or None when it is about other things."""
    words = {normalised(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", said)}
    bounds = {bound.name for bound in protection.bounds}
    involved = [name for name in (*protection.packages, *bounds) if name in words and _held(name, protection, said)]
    if ("No solution found" not in said and "ResolutionImpossible" not in said) or not involved:
        return None
    asking = [*_direct(texts, involved), *_transitive(said, involved)]
    return _conflict(asking, involved, protection, said)


def _held(name: str, protection: Protection, said: str) -> bool:
    """Whether the explanation speaks of the image's version or range, not only of the package."""
    held = protection.packages.get(name) or next(b.versions for b in protection.bounds if b.name == name)
    return bool(re.search(rf"{re.escape(name)}\W*{re.escape(held.strip('<>='))}", said)) or name in protection.packages


def _direct(texts: Iterable[Text], names: list[str]) -> Iterator[str]:
    for line in _all_lines(texts):
        match = _REQUIREMENT.match(line.text)
        if match and normalised(match["name"]) in names and match["wish"].strip():
            yield f"{line} asks for {match[0].strip()}"


def _transitive(said: str, names: list[str]) -> Iterator[str]:
    for match in _DEPENDS.finditer(" ".join(said.split())):
        if normalised(match["name"]) in names and normalised(re.split(r"[=<>!~]", match["who"])[0]) not in names:
            yield f"{match['who']} needs {match['what']}"


def _conflict(asking: list[str], names: list[str], protection: Protection, said: str) -> FrameworkConflictError:
    has = [f"{name} {protection.packages[name]}" for name in names if name in protection.packages]
    reasons = [f"{b.name}{b.versions} has to hold: {b.why}" for b in protection.bounds if b.name in names]
    wanted = "; ".join(dict.fromkeys(asking)) or "the requirements ask for something else"
    there = ([f"the image ships {', '.join(has)}"] if has else []) + reasons
    return FrameworkConflictError(
        f"{wanted}, but {'; '.join(there)}.",
        hint="Use an image tag that fits, or set allow_framework_override: true to install it beside the image's.",
        details=said,
    )


def _all_lines(texts: Iterable[Text]) -> Iterator[Line]:
    for text in texts:
        if is_list(text.name):
            yield from (line for line in lines(text) if not line.text.startswith("-"))
