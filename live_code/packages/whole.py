"""A repo's requirements that are a whole lock already: used as they are, without a resolver and an index.

pip, too, looks no further than such a file: where one entry has a hash, all that is needed has to stand there with one.
"""

from __future__ import annotations

import re

from live_code.packages import conflict, solution
from live_code.packages.framework import normalised
from live_code.packages.problem import Problem
from live_code.packages.requirements import Chosen, Line, is_list, lines
from live_code.packages.solution import Pin

# A marker is the resolver's business, and so is what is built or constrained.
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*==\s*(?P<version>[\w.!+-]+)(\s+--hash[ =]\S+)+")
_OPTION = re.compile(
    r"(-r|--requirement|-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--require-hashes)\b.*"
)


def pins(problem: Problem) -> list[Pin]:
    """The lock's entries; none when something in the requirements is left to be resolved.

    Raises FrameworkConflictError when one of them is not what the image ships.
    """
    found = [line for text in problem.texts if is_list(text.name) for line in lines(text)]
    entries = [line for line in found if not _OPTION.fullmatch(line.text)]
    bounded = {bound.name for bound in problem.protection.bounds}
    named = [normalised(match["name"]) for line in entries if (match := _ENTRY.fullmatch(line.text))]
    plain = len(set(named)) == len(entries) and not bounded.intersection(named)
    if not entries or not plain or not all(is_list(text.name) for text in problem.texts):
        return []
    for line in entries:
        _check(line, problem)
    return [pin for text in problem.texts for pin in solution.parse(text.text) if pin.name]


def besides(problem: Problem, entries: list[Pin]) -> Problem:
    """What is left to resolve: what the job's side needs and the lock does not have."""
    there = {pin.name for pin in entries}
    needs = tuple(name for name in problem.own_needs if normalised(name) not in there)
    return problem._replace(chosen=Chosen((), ""), texts=(), own_needs=needs)


def _check(line: Line, problem: Problem) -> None:
    match = _ENTRY.fullmatch(line.text)
    assert match
    name, version = normalised(match["name"]), match["version"]
    kept = problem.protection.packages.get(name)
    if kept and not solution.fits(kept, version):
        raise conflict.of_pin(f"{line} asks for {name}=={version}", name, problem.protection)
