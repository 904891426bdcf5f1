"""Locked packages → files in an environment, by uv, from the store's package cache where they are there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from live_code.errors import BuildError
from live_code.tools.packages import failures, uv
from live_code.tools.packages.index import Indexes, UnreachableError, try_each
from live_code.tools.packages.site import Site
from live_code.tools.packages.solution import Pin
from live_code.tools.processes import runner
from live_code.tools.terminal import log


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
    for some, options in ((named, of_builds), (others, [*of_builds, *_words(of_index)])):
        hashed = "".join(entry.text for entry in some if entry.is_hashed)
        _install(site, hashed, ["--require-hashes", *options])
        _install(site, "".join(entry.text for entry in some if not entry.is_hashed), options)


def _words(options: Iterable[str]) -> list[str]:
    return [word for line in options for word in line.split(" ", 1)]


def project(site: Site, line: str, has_setuptools: bool) -> None:
    """Builds a project of the checkout, named as in a requirements file, and installs it. Raises BuildError.

    It is built in a copy, so that the work tree stays the commit's. A project that only has a setup.py is built in the
    environment itself where that can: such ones import torch to find out how to build.
    """
    name = line.removeprefix("-e ").strip()
    doing = f"building {name} of this commit"
    log.info(doing)
    with log.still(doing), tempfile.TemporaryDirectory(prefix="live-code-build-") as folder:
        copy = Path(folder, "source")
        root = _copied(site.root, name, copy)
        declared = (root / name.split("[")[0] / "pyproject.toml").exists()
        options = [] if declared or not has_setuptools else ["--no-build-isolation"]
        _install(site._replace(root=root), f"{name}\n", options)


def _copied(root: Path, name: str, copy: Path) -> Path:
    """Copies the tree that a project lies in; returns the root there. A project beside the root takes what is above."""
    above = name.split("[")[0].split("/").count("..")
    top = root.resolve().parents[above - 1] if above else root
    shutil.copytree(top, copy, symlinks=True)
    return copy / root.resolve().relative_to(top.resolve())


def _install(site: Site, text: str, options: list[str]) -> None:
    if not text:
        return
    arguments: list[str | Path] = ["pip", "install", "--python", site.python, "--no-deps", *options]

    def attempt(some: Indexes, *more: str) -> None:
        words = [*arguments, *some.arguments(), *more, "--requirements", "-"]
        try:
            uv.run(words, site.store, site.settings, cwd=site.root, stdin=text, lock=site.lock)
        except runner.ProcessError as error:
            raise failures.of_installer(error, site.store.path("logs")) from error

    if not _from_cache(site, attempt):
        try_each(site.indexes, attempt)


def _from_cache(site: Site, attempt: _Attempt) -> bool:
    """What is locked and in the package cache needs no index, up or down: its hashes prove it. Costs 20 ms to try."""
    if not site.store.path("wheels", "archive-v0").exists():
        return False
    try:
        attempt(site.indexes, "--offline")
    except (BuildError, UnreachableError):
        return False
    return True
