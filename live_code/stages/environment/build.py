"""A lock → an environment: a venv on top of the image's interpreter, built once and shared by all who want it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from live_code.job import pth_line
from live_code.stages.environment.lock import Lock
from live_code.tools import files
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import description, venv
from live_code.tools.settings import PackageSettings
from live_code.tools.store import MARKER, Entry, Store
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.tools.packages.site import Site

LOCK_FILE = "requirements.lock"
# Before any other: what the job's side starts must stand before a package's own start-up line.
HOOK_FILE = "_a_live_code.pth"
_SCHEMA = 3
_WANTED = "the job's environment"


class Environment(NamedTuple):
    """The job's interpreter and where it lives. ``cached``: it was there; ``why``: what made a new one necessary."""

    python: Path
    root: Path
    key: str
    cached: bool
    why: str


def make(lock: Lock, image: Interpreter, store: Store, settings: PackageSettings) -> Environment:
    """The environment for a lock on an image; a known one costs a few looks at its files.

    Projects of the checkout get an environment of their own, per commit, on top of the one that all commits with these
    dependencies share. Raises BuildError, StoreError.
    """
    # The head tells where the lock came from; what is built is the same.
    body = "".join(line for line in lock.text.splitlines(keepends=True) if not line.startswith("#"))
    facts = (_SCHEMA, body, image.fingerprint, image.path, pth_line(), lock.protection)
    shared = _entry(facts, lock, image, store, settings, "", lambda root, site: _build(root, site, lock, image))
    if not lock.projects.lines:
        return shared
    own = (_SCHEMA, shared.key, lock.projects.tree, lock.projects.lines)
    tree = lock.projects.tree
    return _entry(own, lock, image, store, settings, tree, lambda root, site: _add(root, site, shared, lock, image))


def _entry(
    facts: tuple[object, ...],
    lock: Lock,
    image: Interpreter,
    store: Store,
    settings: PackageSettings,
    tree: str,
    build: Callable[[Path, Site], None],
) -> Environment:
    key, fault = _generation(files.sha256_text(repr(facts))[:32], image, store)

    def fill(root: Path, held: int) -> None:
        from live_code.tools.packages.site import Site

        described = description.of(image, lock.text, tree)
        told.append(fault or description.difference(store.path("env"), described))
        log.info(f"building {_WANTED}" + (f": {told[0]}" if told[0] else ""))
        try:
            build(root, Site(root / "bin" / "python", lock.projects.root, lock.indexes, store, settings, held))
            description.write(root, described, image)
        except OSError as error:
            raise store.refused(error) from error

    told: list[str] = []
    entry: Entry = store.folder("env", key, fill, lambda root: description.fault(root, image), _WANTED)
    why = entry.why
    if why == "not in the store":
        why = (told[0] if told else "") or why
    return Environment(entry.path / "bin" / "python", entry.path, key, entry.cached, why)


def _generation(key: str, image: Interpreter, store: Store) -> tuple[str, str]:
    """The key under which a whole one stands or is to be made, and what is wrong with the one before it.

    A job that installs something damages what it runs on: that is not built again while somebody may be using it.
    """
    fault, number, own = "", 1, key
    while (store.path("env", own) / MARKER).exists():
        found = description.fault(store.path("env", own), image)
        if found is None:
            break
        fault = fault or found
        if not store.is_used("env", own):
            break
        number += 1
        own = f"{key}-{number}"
    return own, fault


def _build(root: Path, site: Site, lock: Lock, image: Interpreter) -> None:
    from live_code.tools.packages import install, proof, solution

    python = venv.create(root, image)
    (root / LOCK_FILE).write_text(lock.text, encoding="utf-8")
    (venv.folder_of_packages(root, image) / HOOK_FILE).write_text(pth_line(), encoding="utf-8")
    pins = solution.parse(lock.text)
    doing = f"installing {len(pins)} locked package" + ("" if len(pins) == 1 else "s")
    if pins:
        log.info(doing)
    with log.still(doing):
        install.pins(site, pins)
    for distribution in image.distributions().values():
        venv.add_scripts(python, distribution.scripts)
    proof.unchanged(python, image, lock.protection.packages, site.settings.inherited)
    proof.works(python, image, {pin.name: pin.version for pin in pins}, site.settings.inherited)


def _add(root: Path, site: Site, shared: Environment, lock: Lock, image: Interpreter) -> None:
    from live_code.tools.packages import install, proof

    python = venv.create(root, image, beneath=(venv.folder_of_packages(shared.root, image),))
    (venv.folder_of_packages(root, image) / HOOK_FILE).write_text(pth_line(), encoding="utf-8")
    has_setuptools = "setuptools" in image.packages
    for line in lock.projects.lines:
        install.project(site, line, has_setuptools)
    venv.take_scripts(python, shared.python)
    proof.unchanged(python, image, lock.protection.packages, site.settings.inherited)
