"""A lock → an environment: a venv on top of the image's interpreter, built once and shared by all who want it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from live_code.job import pth_line
from live_code.stages.environment.lock import OWN_NEEDS, Lock
from live_code.tools import files
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import description, index
from live_code.tools.store import MARKER, Entry, Store
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.tools.packages.site import Site

LOCK_FILE = "requirements.lock"
# Before any other: what the job's side starts must stand before a package's own start-up line.
HOOK_FILE = "_a_live_code.pth"
_SCHEMA = 4
_WANTED = "the job's environment"


class Environment(NamedTuple):
    """The job's interpreter and where it lives. ``cached``: it was there; ``why``: what made a new one necessary."""

    python: Path
    root: Path
    key: str
    cached: bool
    why: str


class _Kind(NamedTuple):
    """``facts``: what the key is made from. ``check``: what is wrong with one that is there, or None.
    ``beneath``: whose packages are seen below its own."""

    facts: tuple[object, ...]
    check: Callable[[Path], str | None]
    build: Callable[[Path, Site], None]
    tree: str = ""
    beneath: tuple[Path, ...] = ()


def make(lock: Lock, image: Interpreter, store: Store) -> Environment:
    """The environment for a lock on an image; a known one costs a few looks at its files.

    Projects of the checkout get an environment of their own, per commit, on top of the one that all commits with these
    dependencies share. Raises BuildError, StoreError.
    """
    # The head says where the lock came from; what is built is the same, but for the date of what builds it.
    body = "".join(line for line in lock.text.splitlines(keepends=True) if not line.startswith("#"))
    facts = (_SCHEMA, body, image.fingerprint, image.path, pth_line(), lock.protection, lock.cutoff)
    kind = _Kind(facts, partial(description.fault, image=image), partial(_build, lock=lock, image=image))
    shared = _entry(kind, lock, image, store)
    if not lock.projects.lines:
        return shared
    own = (_SCHEMA, shared.key, lock.projects.content, lock.projects.lines)
    check, build = partial(_fault, shared=shared, image=image), partial(_add, shared=shared, lock=lock, image=image)
    return _entry(_Kind(own, check, build, lock.projects.content, (shared.root,)), lock, image, store)


def _entry(kind: _Kind, lock: Lock, image: Interpreter, store: Store) -> Environment:
    key, fault = _generation(files.sha256_text(repr(kind.facts))[:32], kind.check, store)

    def fill(root: Path, held: int) -> None:
        import tempfile  # for what is built, not for what is there

        described = description.of(image, lock.text, kind.tree)
        reasons.append(fault or description.difference(store.places("env"), described))
        log.info(f"building {_WANTED}" + (f": {reasons[0]}" if reasons[0] else ""))
        try:
            with tempfile.TemporaryDirectory(prefix="live-code-build-") as folder:
                kind.build(root, _site((root, *kind.beneath), Path(folder, "builds"), lock, image, store, held))
            description.write(root, described, image)
        except OSError as error:
            raise store.refused(error) from error

    reasons: list[str] = []
    entry: Entry = store.folder("env", key, fill, kind.check, _WANTED)
    why = entry.why
    if why == "not in the store":
        why = (reasons[0] if reasons else "") or why
    return Environment(entry.path / "bin" / "python", entry.path, key, entry.cached, why)


def _site(roots: tuple[Path, ...], folder: Path, lock: Lock, image: Interpreter, store: Store, held: int) -> Site:
    from live_code.tools.packages import builds, framework, solution
    from live_code.tools.packages.site import Site

    pins = solution.parse(lock.text)
    # A framework that takes the place of the image's is what builds have to see.
    own = [pin for pin in pins if lock.overridden.packages and framework.is_family(pin.name)]
    instead = tuple(map(image.packages_in, roots)) if own else ()
    seen = builds.write(folder, image, lock.protection, instead=instead)
    return Site(
        python=roots[0] / "bin" / "python",
        root=lock.projects.root,
        image=image,
        builds=seen._replace(identity=", ".join(f"{pin.name} {pin.version}" for pin in own)) if own else seen,
        first=tuple(pin.name for pin in own),
        cutoff=lock.cutoff,
        undated=tuple(name for name in OWN_NEEDS if name not in image.packages),
        indexes=index.for_pins(lock.indexes, (pin.name for pin in pins), lock.protection),
        store=store,
        settings=lock.settings,
        lock=held,
    )


def _generation(key: str, check: Callable[[Path], str | None], store: Store) -> tuple[str, str]:
    """The key under which a layer has a whole one, or one is to be made; and what is wrong with the one before it.

    A job that installs something damages what it runs on: that is not built again while somebody may be using it.
    """
    fault, free, number, own = "", "", 1, key
    while faults := [check(path) for path in store.places("env", own) if (path / MARKER).exists()]:
        if None in faults:
            return own, fault
        fault = fault or faults[0] or ""
        free = free or ("" if _is_taken(own, store) else own)
        number += 1
        own = f"{key}-{number}"
    return free or own, fault


def _is_taken(key: str, store: Store) -> bool:
    return (store.path("env", key) / MARKER).exists() and store.is_used("env", key)


def _fault(root: Path, shared: Environment, image: Interpreter) -> str | None:
    """As ``description.fault``, of one that stands on the shared one: another layer may have had that when it was
    made."""
    if (fault := description.fault(root, image)) is not None:
        return fault
    from live_code.tools.packages import venv

    stands = venv.sees(root, image, image.packages_in(shared.root))
    return None if stands else "what it stands on is elsewhere now"


def _build(root: Path, site: Site, lock: Lock, image: Interpreter) -> None:
    from live_code.tools.packages import install, proof, solution, venv

    python = venv.create(root, image)
    (root / LOCK_FILE).write_text(lock.text, encoding="utf-8")
    (image.packages_in(root) / HOOK_FILE).write_text(pth_line(), encoding="utf-8")
    pins = solution.parse(lock.text)
    doing = f"installing {len(pins)} locked package" + ("" if len(pins) == 1 else "s")
    if pins:
        log.info(doing)
    with log.still(doing):
        install.pins(site, pins, solution.formats(lock.text))
    for distribution in image.distributions().values():
        venv.add_scripts(python, distribution.scripts)
    proof.unchanged(python, image, lock.protection.packages, site.settings.inherited)
    added = {pin.name: pin.version for pin in pins}
    proof.works(python, image, added, site.settings.inherited)
    proof.warn_of_parts(python, image, added, site.settings.inherited)


def _add(root: Path, site: Site, shared: Environment, lock: Lock, image: Interpreter) -> None:
    from live_code.tools.packages import install, proof, venv

    python = venv.create(root, image, beneath=(image.packages_in(shared.root),))
    (image.packages_in(root) / HOOK_FILE).write_text(pth_line(), encoding="utf-8")
    install.projects(site, lock.projects.place, lock.projects.lines, "setuptools" in image.packages)
    venv.copy_scripts(python, shared.python)
    proof.unchanged(python, image, lock.protection.packages, site.settings.inherited)
