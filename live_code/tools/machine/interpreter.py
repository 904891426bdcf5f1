"""The image's interpreter: which one it is, and what it says about itself, kept until its files change."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import InterpreterError
from live_code.tools import files
from live_code.tools.processes import runner
from live_code.tools.settings import Inherited, Settings
from live_code.tools.store import Store
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

PYTHON_VARIABLE = "LIVE_CODE_PYTHON"
OLDEST = (3, 8)
SCRIPT = Path(__file__).with_name("inventory.py")
_SCHEMA = 3
_METADATA = (".dist-info", ".egg-info", ".egg-link", ".pth", ".egg")
_HINT = f"Name the interpreter that the job shall use in {PYTHON_VARIABLE}."


class Framework(NamedTuple):
    """A module that an image ships, found by its files. ``cuda``: what it was built for, '' when it says nothing;
    ``numpy``: the major version that it was built against, 0 when that can't be seen."""

    version: str
    path: str
    cuda: str
    numpy: int = 0


class Distribution(NamedTuple):
    """An installed package as its metadata says; ``requires`` and ``extras`` in the words of PEP 508."""

    version: str
    folder: str
    requires: tuple[str, ...]
    extras: tuple[str, ...]
    scripts: Mapping[str, str]


class Interpreter(NamedTuple):
    """An interpreter and what is installed in it. ``content`` is the same wherever the same packages are, with the same
    requirements; ``fingerprint`` where they also lie in the same places.

    ``home``: the folder of the base interpreter. ``own_folders``: what only the image's own venv sees, if it is one.
    ``inventory``: the file in the store that has all of it; ``distributions`` reads the rest from there.
    """

    path: Path
    version: str
    implementation: str
    platform: str
    prefix: str
    home: str
    is_venv: bool
    is_conda: bool
    sees_system: bool
    site_packages: tuple[str, ...]
    own_folders: tuple[str, ...]
    packages: Mapping[str, str]
    frameworks: Mapping[str, Framework]
    content: str
    fingerprint: str
    inventory: Path

    def packages_in(self, environment: Path) -> Path:
        """Where an environment on top of this interpreter has its own packages."""
        major, minor, _ = self.version.split(".")
        return environment / "lib" / f"python{major}.{minor}" / "site-packages"

    def distributions(self) -> dict[str, Distribution]:
        """Every package's metadata, by normalised name. Read when needed: a warm start does not."""
        answer = json.loads(self.inventory.read_bytes())["said"]
        return {name: _distribution(item) for name, item in answer["distributions"].items()}


def find(settings: Settings) -> Path:
    """The interpreter that the container names; else the first python3 on PATH that isn't the bootstrapper's own.

    Raises InterpreterError.
    """
    if settings.python:
        path = Path(settings.python).expanduser().absolute()
        if not os.access(path, os.X_OK) or path.is_dir():
            raise InterpreterError(f"{PYTHON_VARIABLE} names {settings.python}, which can't be executed.", hint=_HINT)
        return path
    own = Path(sys.prefix, "bin").resolve() if sys.prefix != sys.base_prefix else None
    for folder in (os.defpath if settings.path is None else settings.path).split(os.pathsep):
        path = Path(folder or ".", "python3").absolute()
        if os.access(path, os.X_OK) and not path.is_dir() and path.parent.resolve() != own:
            return path
    raise InterpreterError("there is no python3 on PATH besides live-code's own.", hint=_HINT)


def inspect(python: Path, store: Store, inherited: Inherited) -> Interpreter:
    """What ``python`` says about itself; not asked again while its files and its site-packages stand as they stood,
    and the script that asks knows the same frameworks.

    Raises InterpreterError.
    """
    key = files.sha256_text(f"{_SCHEMA} {_identity(python)} {SCRIPT.read_text(encoding='utf-8')}")[:32]
    if known := store.read_below("python", key, lambda file: _known(python, file)):
        return known
    path = store.path("python", key)
    if (known := _known(python, path)) is not None:
        return known
    with store.locked("python", key, f"what {python} has installed"):
        if (known := _known(python, path)) is not None:
            return known
        answer = ask(python, inherited)
        try:
            files.write_json(path, _entry(_stamp(python, answer), answer))
        except OSError as error:
            raise store.refused(error) from error
        return _interpreter(python, answer, _content(answer), path)


def _identity(python: Path) -> str:
    """What tells an image's interpreter from another image's at the same path, on a store that both use: where it
    really lies, the file itself, and the packages beside it. Neither's entry takes the place of the other's then."""
    real = Path(os.path.realpath(python))
    parts = [str(python), _times(real)]
    for prefix in dict.fromkeys((python.parent.parent, real.parent.parent)):
        libraries = Path(prefix, "lib")
        for name in _names(str(libraries)):
            if name.startswith("python3"):
                parts += _metadata_in(libraries / name / "site-packages")
    return "\n".join(parts)


def _metadata_in(folder: Path) -> list[str]:
    return [_times(folder), *sorted(name for name in _names(str(folder)) if name.endswith(_METADATA))]


def described(file: Path) -> dict[str, Any]:
    """What an image's interpreter printed when it ran ``inventory.py``. Raises InterpreterError."""
    try:
        answer: dict[str, Any] = json.loads(file.read_bytes())
        answer["version"], answer["distributions"], answer["frameworks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InterpreterError(
            f"{file} is no inventory of an interpreter: {error}.",
            hint=f"docker run --rm -i IMAGE python3 - < {SCRIPT} > {file.name}",
        ) from error
    return answer


def read(file: Path, python: Path, store: Store) -> Interpreter:
    """An image's interpreter as an inventory describes it; ``python``, one of the same version, stands in for it."""
    answer = {**described(file), "executable": str(python)}
    path = store.path("python", files.sha256_text(json.dumps(answer))[:32])
    files.write_json(path, _entry(None, answer))
    return _interpreter(python, answer, _content(answer), path)


def ask(python: Path, inherited: Inherited) -> dict[str, Any]:
    """Runs the inventory script in ``python`` with the container's variables: 0.1 to 0.5 s. Raises InterpreterError."""
    argv: list[str | Path] = [python, "-I", "-B", SCRIPT]
    try:
        answer: dict[str, Any] = json.loads(runner.run(argv, env=clean(inherited), timeout=120).stdout)
    except runner.ProcessError as error:
        raise InterpreterError(
            f"the interpreter {python} does not answer (code {error.code}).", hint=_HINT, details=error.last_lines
        ) from error
    except ValueError as error:
        raise InterpreterError(f"{python} does not behave like a Python interpreter.", hint=_HINT) from error
    version = tuple(int(part) for part in answer["version"].split("."))
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise InterpreterError(
            f"{python} is Python {answer['version']}; a job needs {oldest} or newer.", hint="Use another image tag."
        )
    return answer


def clean(inherited: Inherited) -> dict[str, str]:
    """The variables without those that would make another Python look into our environment."""
    return inherited.without(("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"))


def _known(python: Path, path: Path) -> Interpreter | None:
    try:
        cached = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if cached["stamp"] is None or cached["stamp"] != _stamp(python, cached["said"]):
        return None
    return _interpreter(python, cached["said"], cached["content"], path)


def _entry(stamp: str | None, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"stamp": stamp, "content": _content(answer), "said": answer}


def _content(answer: Mapping[str, Any]) -> str:
    """What a lock depends on of an image: no path of it, nothing that differs where the same is installed elsewhere."""
    kind = [answer[key] for key in ("version", "implementation", "platform")]
    packages = {
        name: [item["version"], sorted(item["requires"]), sorted(item["extras"])]
        for name, item in answer["distributions"].items()
    }
    frameworks = {
        name: {key: value for key, value in item.items() if key != "path"}
        for name, item in answer["frameworks"].items()
    }
    return files.sha256_text(json.dumps([kind, packages, frameworks], sort_keys=True))[:32]


def _stamp(python: Path, answer: Mapping[str, Any]) -> str | None:
    """What changes when the interpreter or anything installed in it does.

    Names of metadata folders, not only the folders' times: images built reproducibly give every folder the same time.
    None for a script (pyenv's shims): which interpreter it leads to depends on more than its files.
    """
    with python.open("rb") as file:
        if file.read(2) == b"#!":
            return None
    parts = [_times(python), _times(Path(answer["prefix"], "pyvenv.cfg"))]
    for folder in answer["site_packages"]:
        parts += _metadata_in(Path(folder))
    parts += [_times(Path(item["path"])) for item in answer["frameworks"].values()]
    return files.sha256_text("\n".join(parts))


def _times(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:  # not there, or closed to this user: another image's
        return f"{path} -"
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted, of hundreds of entries
    except OSError:
        return []


def _interpreter(python: Path, answer: Mapping[str, Any], content: str, inventory: Path) -> Interpreter:
    packages = {name: item["version"] for name, item in answer["distributions"].items()}
    frameworks = {name: Framework(**item) for name, item in answer["frameworks"].items()}
    path = Path(answer["executable"] or python)
    facts = (path, content, answer["site_packages"], frameworks)
    return Interpreter(
        path=path,
        packages=packages,
        frameworks=frameworks,
        content=content,
        fingerprint=files.sha256_text(repr(facts))[:32],
        inventory=inventory,
        site_packages=tuple(answer["site_packages"]),
        own_folders=tuple(answer["own_folders"]),
        **{key: answer[key] for key in _PLAIN},
    )


_PLAIN = ("version", "implementation", "platform", "prefix", "home", "is_venv", "is_conda", "sees_system")


def _distribution(item: Mapping[str, Any]) -> Distribution:
    return Distribution(
        version=item["version"],
        folder=item["folder"],
        requires=tuple(item["requires"]),
        extras=tuple(item["extras"]),
        scripts=item["scripts"],
    )
