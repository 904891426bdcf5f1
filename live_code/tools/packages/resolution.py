"""A problem → a lock's text: every package that the job adds to the image, with its exact version and its hashes."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from live_code import __version__
from live_code.tools.packages import inputs, markers, papers, solution, uv_resolver
from live_code.tools.packages.forms import complete_lock, hashes
from live_code.tools.packages.messages import conflict, oddities
from live_code.tools.packages.problem import AS_OF, PROJECT, Problem
from live_code.tools.packages.requirements import options
from live_code.tools.packages.solution import Solution
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log


def text(problem: Problem, store: Store, settings: PackageSettings) -> str:
    """The lock. Raises RequirementsError, BuildError, DownloadError."""
    conflict.direct(problem.all_texts, problem.protection)
    problem = problem._replace(texts=conflict.as_shipped(problem.texts, problem.protection))
    inputs.examine(problem, settings)
    hashes.check(problem)
    own_wishes = problem.constraints or problem.extra
    pins = [] if own_wishes else complete_lock.pins(problem, store, settings)
    left = complete_lock.besides(problem, pins) if pins else problem
    solved = Solution([])
    if left.chosen.inputs or left.own_needs or left.extra:
        solved = _solved_in_parts(left, store, settings)
    image, protected = problem.image.packages, problem.protection.packages
    own = [pin for pin in solution.without(pins, image) if pin.name not in protected]
    added = [pin for pin in solution.without(solved.pins, image) if pin.name not in protected]
    for sentence in oddities.of((*own, *added), problem.image.distributions(), markers.environment(problem.image)):
        log.warning(sentence)
    given = hashes.bound(left, added, store, settings)
    local = [f"# {PROJECT}{pin.local}\n" for pin in (*own, *added) if pin.is_local]
    entries = [f"{pin.text.rstrip()}\n" for pin in own if not pin.is_local]
    entries += [solution.entry(pin, given, "live-code's job side") for pin in added if not pin.is_local]
    formats = [f"{line}\n" for line in inputs.formats(problem.all_texts)]
    return "".join((*_head(problem, solved.sighted), *formats, *local, *entries))


def _solved_in_parts(problem: Problem, store: Store, settings: PackageSettings) -> Solution:
    """As ``_solved``. Where the repo keeps its own from all indexes, what the job's side needs still comes from one."""
    if not problem.own_needs or not any(key == "--no-index" for key, _ in options(problem.all_texts)):
        return _solved(problem, store, settings)
    theirs = _solved(problem._replace(own_needs=()), store, settings)
    rest = complete_lock.besides(problem, theirs.pins)._replace(extra="")
    ours = _solved(rest, store, settings).pins if rest.own_needs else []
    return theirs._replace(pins=[*theirs.pins, *ours])


def _solved(problem: Problem, store: Store, settings: PackageSettings) -> Solution:
    doing = f"resolving {problem.subject}"
    log.info(doing)
    with log.still(doing), tempfile.TemporaryDirectory(prefix="live-code-lock-") as name:
        folder = Path(name)
        (folder / "papers").mkdir()
        asked = _copied(problem, folder / "repo") if problem.content else problem
        if problem.resolver == "pip-tools":
            from live_code.tools.packages import pip_resolver  # few ask for it

            solve = pip_resolver.solve
        else:
            solve = uv_resolver.solve
        return solve(asked, papers.write(asked, folder / "papers"), store, settings)


def _copied(problem: Problem, place: Path) -> Problem:
    """As it stands, in a place of its own: what is built there leaves files, and a resolver's cache knows folders by
    their path."""
    shutil.copytree(problem.place, place, symlinks=True)
    return problem._replace(place=place, root=place / problem.root.relative_to(problem.place))


def _head(problem: Problem, sighted: str) -> Iterator[str]:
    image = problem.image
    yield f"# made by live-code {__version__} for {image.implementation} {image.version} on {image.platform}\n"
    if shown := problem.chosen.shown:
        yield f"# from: {shown}" + ("" if problem.chosen.inputs else f" ({problem.chosen.origin})") + "\n"
    for name, lines in (("constraints", problem.constraints), ("extra requirements", problem.extra)):
        public = re.sub(r"(\w://)[^/\s@]+@", r"\1", lines)  # a login in an index's URL is not for a lock
        yield from (f"# {name} of the task: {line}\n" for line in public.splitlines())
    if problem.cutoff:
        yield f"# {AS_OF}{problem.cutoff}\n"
    if problem.protection.packages:
        versions = (f"{name}=={version}" for name, version in problem.protection.packages.items())
        yield f"# kept as the image has it: {', '.join(versions)}\n"
    if sighted:
        yield f"# built with the image's packages in sight: {sighted}\n"
    yield from (f"# {line}\n" for line in problem.indexes.header())
