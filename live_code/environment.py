"""A lock → an environment: a venv on top of the image's interpreter, built once and shared by all who want it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from live_code import files, interpreter, log, process
from live_code.errors import BuildError
from live_code.interpreter import Interpreter
from live_code.job import pth_line
from live_code.lock import Lock
from live_code.packages import failures, solution, uv, venv
from live_code.packages.solution import Pin
from live_code.store import Store

LOCK_FILE = "requirements.lock"
# Before any other: what the job's side starts must stand before a package's own start-up line.
HOOK_FILE = "_a_live_code.pth"
_SCHEMA = 1


class Environment(NamedTuple):
    """The job's interpreter and where it lives. ``cached``: it was there; ``why``: what made a new one necessary."""

    python: Path
    root: Path
    key: str
    cached: bool
    why: str


def make(lock: Lock, image: Interpreter, store: Store) -> Environment:
    """The environment for a lock on an image; a known one costs a few looks at its files. Raises BuildError."""
    key = files.sha256_text(repr((_SCHEMA, lock.text, image.fingerprint, image.path, pth_line())))[:32]
    entry = store.folder(
        "env",
        key,
        fill=lambda root: _build(root, lock, image, store),
        check=lambda root: _fault(root, lock, image),
        waiting_for="the job's environment",
    )
    return Environment(entry.path / "bin" / "python", entry.path, key, entry.cached, entry.why)


def _build(root: Path, lock: Lock, image: Interpreter, store: Store) -> None:
    python = venv.create(root, image)
    (root / LOCK_FILE).write_text(lock.text, encoding="utf-8")
    (venv.folder_of_packages(root, image) / HOOK_FILE).write_text(pth_line(), encoding="utf-8")
    pins = solution.parse(lock.text)
    if pins:
        log.info(f"installing {len(pins)} locked packages")
    _install(python, [pin for pin in pins if pin.is_hashed], ["--require-hashes"], lock, store)
    # What is locked to a commit has no hash: its id is one.
    _install(python, [pin for pin in pins if not pin.is_hashed], [], lock, store)
    _prove(python, lock, image)
    _prove_numpy(python, pins, image)


def _install(python: Path, pins: list[Pin], options: list[str], lock: Lock, store: Store) -> None:
    if not pins:
        return
    arguments: list[str | Path] = ["pip", "install", "--python", python, "--no-deps", "--quiet", *options]
    arguments += [*lock.indexes.arguments(), "--requirements", "-"]
    try:
        uv.run(arguments, store, stdin="".join(pin.text for pin in pins))
    except process.ProcessError as error:
        raise failures.of_installer(error) from error


def _prove(python: Path, lock: Lock, image: Interpreter) -> None:
    """The framework in the new environment is the image's own, to the file. Raises BuildError."""
    said = interpreter.ask(python)
    for name, version in lock.protection.packages.items():
        found = said["distributions"].get(name, {}).get("version", version)
        if found != version:
            raise BuildError(f"the environment would change the image's {name} from {version} to {found}.")
    for name, module in image.frameworks.items():
        now = said["frameworks"].get(name)
        if name in lock.protection.packages and (now is None or interpreter.Framework(**now) != module):
            raise BuildError(f"the environment would not use the image's own {name} in {module.path}.")


def _prove_numpy(python: Path, pins: list[Pin], image: Interpreter) -> None:
    """A numpy that stands before the image's still works with its framework: tried, when there is one. BuildError."""
    numpy = next((pin for pin in pins if pin.name == "numpy"), None)
    tries = {"torch": "import numpy, torch; torch.from_numpy(numpy.zeros(1))", "mxnet": "import mxnet"}
    for name, code in tries.items():
        if numpy is None or name not in image.frameworks or any(pin.name == name for pin in pins):
            continue
        try:
            process.run([python, "-c", code], timeout=300)
        except process.ProcessError as error:
            raise BuildError(
                f"the image's {name} does not work with numpy {numpy.version}, which the requirements lead to.",
                hint=f"Ask for numpy {image.packages.get('numpy', 'in another version')}.",
                details=error.last_lines,
            ) from error


def _fault(root: Path, lock: Lock, image: Interpreter) -> str | None:
    """What is wrong with an environment that is to be used again, or None."""
    if not (root / "bin" / "python").exists():
        return f"its interpreter {image.path} is gone"
    for path in (root / "pyvenv.cfg", venv.folder_of_packages(root, image) / HOOK_FILE):
        if not path.is_file():
            return f"{path.name} is missing"
    if (root / LOCK_FILE).read_text(encoding="utf-8") != lock.text:
        return "its lock is another"
    return None
