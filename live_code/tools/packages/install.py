"""Locked packages → files in an environment, by uv, from the store's package cache where they are there."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from live_code.errors import BuildError, BuildTimeoutError
from live_code.tools.git import local, worktree
from live_code.tools.git.local import GitFailed
from live_code.tools.packages import builds, dates, solution, uv
from live_code.tools.packages.index import Indexes, UnreachableError, try_each
from live_code.tools.packages.site import Site
from live_code.tools.packages.solution import Pin
from live_code.tools.processes import runner
from live_code.tools.settings import Inherited
from live_code.tools.terminal import log

_OF_TAGS = re.compile(r"setuptools[_-]scm|hatch[_-]vcs|versioningit|versioneer|dunamai|\bpbr\b")
_NO_DATES = "missing an upload date"


class _Attempt(Protocol):
    def __call__(self, indexes: Indexes, /, *options: str) -> None: ...


def pins(site: Site, entries: list[Pin], formats: tuple[str, ...] = ()) -> None:
    """Installs a lock's entries, each checked against its hashes; ``formats``: the lock's options. Raises BuildError.

    What is locked to a commit has no hash: the commit's id is one.
    """
    of_index = [line for line in formats if line.startswith(("--no-binary", "--only-binary"))]
    of_builds = _words(line for line in formats if line not in of_index)
    # As with pip, files that are named are taken as they are, whatever the index's have to be.
    named = [entry for entry in entries if entry.url and of_index]
    others = [entry for entry in entries if entry not in named]
    first = [entry for entry in others if entry.name in site.first]
    behind = [entry for entry in others if entry.name not in site.first]
    of_all = [*of_builds, *_words(of_index)]
    for some, options in ((first, of_all), (named, of_builds), (behind, of_all)):
        hashed = "".join(entry.text for entry in some if entry.is_hashed)
        _install(site, hashed, ["--require-hashes", *options])
        _install(site, "".join(entry.text for entry in some if not entry.is_hashed), options)


def _words(options: Iterable[str]) -> list[str]:
    return [word for line in options for word in line.split(" ", 1)]


def projects(site: Site, place: Path, entries: tuple[str, ...], has_setuptools: bool) -> None:
    """Builds projects of the checkout, named as in a requirements file, and installs them. Raises BuildError.

    They are built in a copy of the work tree ``place``, so that it stays the commit's. A project that only has a
    setup.py is built in the environment itself where that can: such ones import torch to find out how to build.
    """
    with tempfile.TemporaryDirectory(prefix="live-code-build-") as folder:
        copy = Path(folder, "source")
        shutil.copytree(place, copy, symlinks=True)
        root = copy / site.root.relative_to(place)
        for entry in entries:
            name = entry.removeprefix("-e ").strip()
            _warn_of_version(root / name.split("[")[0], name, place, site.settings.inherited)
            doing = f"building {name} of this commit"
            log.info(doing)
            with log.still(doing):
                _install(site._replace(root=root), f"{name}\n", _isolation(root / name.split("[")[0], has_setuptools))


def _warn_of_version(project: Path, name: str, place: Path, inherited: Inherited) -> None:
    """A version that is made from git's tags is no release's where a fetched commit has none."""
    texts = (project / file for file in ("pyproject.toml", "setup.py", "setup.cfg"))
    if not any(_OF_TAGS.search(text.read_text(encoding="utf-8", errors="replace")) for text in texts if text.is_file()):
        return
    try:
        local.run(["describe", "--tags"], env=worktree.environment_in(place, inherited), cwd=place)
    except GitFailed:
        log.warning(
            f"the version of {name} is made from git's tags, and none was fetched with it: it is no release's. "
            "Name the tag instead of the id in git_branch, if what asks for the version counts."
        )


def _isolation(project: Path, has_setuptools: bool) -> list[str]:
    legacy = (project / "setup.py").exists() and not (project / "pyproject.toml").exists()
    return ["--no-build-isolation"] if legacy and has_setuptools else []


def _install(site: Site, text: str, options: list[str]) -> None:
    if not text:
        return
    if _from_wheels(site, text, options):
        return
    arguments: list[str | Path] = ["pip", "install", "--python", site.python, "--no-deps", *options]
    arguments += ["--find-links", site.builds.links, "--build-constraints", site.builds.constraints]
    configuration = {"UV_CONFIG_FILE": str(path)} if (path := _configuration(site, text)) else {}

    def attempt(some: Indexes, *more: str) -> None:
        words = [*arguments, *some.arguments(), *more, "--requirements", "-"]

        def run(variables: Mapping[str, str]) -> None:
            further = {**configuration, **variables}
            uv.run(words, site.store, site.settings, cwd=site.root, stdin=text, lock=site.lock, further=further)

        try:
            builds.seeing(run, site.builds, site.image)
        except runner.ProcessError as error:
            from live_code.tools.packages.messages import failures  # loaded when there is one

            raise failures.of_installer(error, failures.logs_in(site.settings, site.store)) from error

    def dated(some: Indexes, *more: str) -> None:
        try:
            attempt(some, *more, *(dates.options(site.cutoff, site.undated) if site.cutoff else ()))
        except BuildError as error:
            if _NO_DATES not in error.details:
                raise
            log.warning("the index does not tell when releases were made: what is built is built with today's.")
            attempt(some, *more)

    if not (_has_sources(site, text) and _from_cache(site, dated)):
        try_each(site.indexes, dated)


def _configuration(site: Site, text: str) -> Path | None:
    """What is built is kept apart by the framework that it was built beside."""
    names = [pin.name for pin in solution.parse(text) if pin.name]
    words = site.builds.variables(names)
    if not words:
        return None
    path = site.builds.links.parent / "uv.toml"
    path.write_text(words, encoding="utf-8")
    return path


def _from_wheels(site: Site, text: str, options: list[str]) -> bool:
    """What is locked and in the package cache needs no index, up or down: its hashes prove it. Costs 20 ms to try.

    Of wheels alone: uv looks at each twice as long where it is told what a build may see.
    """
    if not site.store.path("wheels", "archive-v0").exists() or _has_sources(site, text):
        return False
    words: list[str | Path] = ["pip", "install", "--python", site.python, "--no-deps", *options]
    words += [*site.indexes.arguments(), "--offline", "--no-build", "--requirements", "-"]
    try:
        uv.run(words, site.store, site.settings, cwd=site.root, stdin=text, lock=site.lock)
    except runner.ProcessError:
        return False
    return True


def _has_sources(site: Site, text: str) -> bool:
    """Whether something of it may come from sources, or from a wheel that was built here: beside what, is not said."""
    pins = solution.parse(text)
    cache = site.store.path("wheels")
    kept = {path.name for place in ("pypi/*", "index/*/*") for path in cache.glob(f"sdists-v*/{place}")}
    return any(not pin.name or pin.url or pin.name in kept for pin in pins)


def _from_cache(site: Site, attempt: _Attempt) -> bool:
    """As ``_from_wheels``, of what may have to be built."""
    try:
        attempt(site.indexes, "--offline")
    except BuildTimeoutError:
        raise
    except (BuildError, UnreachableError):
        return False
    return True
