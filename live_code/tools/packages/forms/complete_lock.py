"""A repo's requirements that are a whole lock already: used as they are, without a resolver and an index.

pip, too, looks no further than a file where one entry has a hash: all that is needed has to stand there with one.
"""

from __future__ import annotations

import re

from live_code.tools.packages import markers, solution
from live_code.tools.packages.forms import foreign_lock
from live_code.tools.packages.framework import is_family, normalised
from live_code.tools.packages.messages import conflict
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.requirements import Chosen, Line, Text, is_list, lines
from live_code.tools.packages.solution import Pin
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

_ENTRY = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:==\s*(?P<version>[\w.!+-]+)|@\s*(?P<url>\S+))"
    r"\s*(?:;\s*(?P<marker>.+?))?(?P<hashes>(?:\s+--hash[ =]\S+)*)"
)
_OPTION = re.compile(
    r"(-r|--requirement|-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--require-hashes"
    r"|--no-binary|--only-binary|--pre|--no-index)\b.*"
)
_COMMIT = re.compile(r"git\+\S+@[0-9a-f]{40}(#\S*)?")
_MARKER = re.compile(r"\s*;.*?(?=\s*(?:\\|--hash|$))", re.MULTILINE)


class _Entry(NamedTuple):
    line: Line
    pin: Pin


def pins(problem: Problem, store: Store, settings: PackageSettings) -> list[Pin]:
    """The lock's entries for the job's interpreter; none when something in the requirements is left to be resolved.

    Raises RequirementsError when the requirements, or another tool's lock, can't be read, or are for others than the
    image; FrameworkConflictError when an entry is not what the image ships.
    """
    texts = [text for text in problem.texts if is_list(text.name)]
    texts += foreign_lock.texts(problem, store, settings)
    if not texts or len(texts) < len(problem.texts):
        return []
    entries: list[_Entry] = []
    for text in texts:
        parsed = _entries(text, problem)
        if parsed is None:
            return []
        entries += parsed
    named = [entry.pin.name for entry in entries if entry.pin.name]
    if not entries or len(set(named)) < len(named):
        return []
    left = _without_the_frameworks_own(entries, problem)
    for entry in left:
        _check(entry, problem)
    return [entry.pin for entry in left]


def besides(problem: Problem, entries: list[Pin]) -> Problem:
    """What is left to resolve: what the job's side needs and the lock does not have."""
    there = {pin.name for pin in entries}
    needs = tuple(name for name in problem.own_needs if normalised(name) not in there)
    return problem._replace(chosen=Chosen((), ""), texts=(), own_needs=needs)


def _entries(text: Text, problem: Problem) -> list[_Entry] | None:
    """What of a file is for the job's interpreter; None when it is no lock."""
    local = not is_list(text.name)  # other tools' locks hold what a project in the repo needs, too
    wanted = [line for line in lines(text) if not _OPTION.fullmatch(line.text)]
    parsed = [pin for pin in solution.parse(text.text) if pin.name or not _OPTION.match(pin.text)]
    if len(parsed) != len(wanted):
        return None
    environment, entries = markers.environment(problem.image), []
    for line, pin in zip(wanted, parsed, strict=True):
        match = _ENTRY.fullmatch(line.text)
        exact = match and (match["hashes"] or _COMMIT.fullmatch(match["url"] or ""))
        applies = markers.holds(match["marker"] or "", environment) if match else True
        if applies is None or not (exact or (pin.is_local and local)):
            return None
        if applies:
            entries.append(_Entry(line, pin._replace(text=_MARKER.sub("", pin.text, count=1)) if match else pin))
    return entries


def _without_the_frameworks_own(entries: list[_Entry], problem: Problem) -> list[_Entry]:
    """Without the packages of its family (CUDA's) that only the image's framework asks for: it has what it needs."""
    met = {entry.pin.name for entry in entries} & problem.protection.packages.keys()
    own: set[str] = set()
    while more := {
        entry.pin.name
        for entry in entries
        if is_family(entry.pin.name)
        and entry.pin.name not in own
        and (via := solution.via(entry.pin))
        and via <= met | own
    }:
        own |= more
    return [entry for entry in entries if entry.pin.name not in own]


def _check(entry: _Entry, problem: Problem) -> None:
    name, version = entry.pin.name, entry.pin.version
    shipped = problem.protection.packages.get(name)
    wrong = bool(shipped) and not (version and solution.fits(shipped or "", version))
    for bound in problem.protection.bounds:
        wrong = wrong or (bound.name == name and not (version and markers.is_within(version, bound.versions)))
    if wrong:
        line = entry.line if is_list(entry.line.file) else foreign_lock.placed(entry.line, problem)
        asks = f"{line} asks for {name}=={version}" if version else f"{line} asks for {line.text}"
        raise conflict.of_pin(asks, name, problem.protection)
