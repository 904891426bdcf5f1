"""Locks of other tools, uv.lock and pylock.toml: as lines of a requirements file with hashes."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from live_code.errors import RequirementsError
from live_code.tools.packages import markers, uv
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.requirements import Input, Line, Text, is_pylock, is_uv
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock


def texts(problem: Problem, store: Store, settings: PackageSettings) -> list[Text]:
    """The chosen locks of other tools, with the chosen extras and groups. Raises RequirementsError."""
    locks = []
    for entry in problem.chosen.inputs:
        if is_uv(entry.name):
            locks.append(Text(entry.name, _exported(problem, entry, store, settings)))
        elif is_pylock(entry.name):
            locks.append(Text(entry.name, _of_pylock(problem, entry)))
    return locks


def placed(line: Line, problem: Problem) -> Line:
    """A line of such a text where its package stands in the lock itself."""
    source = next((text.text for text in problem.texts if text.name == line.file), "").splitlines()
    name, _, version = re.split(r"\s*[;\[@\s\\]", line.text, maxsplit=1)[0].partition("==")
    found = [
        number for number, words in enumerate(source, 1) if re.match(rf"name *= *[\"']{re.escape(name)}[\"']", words)
    ]
    exact = [number for number in found if any(f'"{version}"' in words for words in source[number : number + 2])]
    return line._replace(number=(exact or found or [line.number])[0])


def _exported(problem: Problem, entry: Input, store: Store, settings: PackageSettings) -> str:
    """A uv.lock's packages, as uv reads it; nothing is resolved and no index is asked. Raises RequirementsError."""
    place = (problem.root / entry.name).parent
    python = re.search(r'^requires-python = "(.*)"', _text(problem, entry), re.MULTILINE)
    _check_python(entry, python[1] if python else "", problem.image.version)
    arguments = ["export", "--frozen", "--no-emit-project", "--no-header", "--quiet", "--no-default-groups"]
    arguments += ["--python", str(problem.image.path)]
    arguments += [word for extra in entry.extras for word in ("--extra", extra)]
    arguments += [word for group in entry.groups for word in ("--group", group)]
    try:
        return uv.run(arguments, store, settings, cwd=place).stdout
    except runner.ProcessError as error:
        last = error.last_lines.strip().splitlines()[-1:] or [""]
        raise RequirementsError(
            f"{entry.name} can't be read: {last[0].removeprefix('error: ')}.", details=error.last_lines
        ) from error


def _of_pylock(problem: Problem, entry: Input) -> str:
    lock, image = _read(problem, entry), problem.image
    _check_python(entry, str(lock.requires_python or ""), image.version)
    there = markers.environment(image)
    groups = entry.groups or tuple(lock.default_groups or ())
    chosen = [
        package
        for package in lock.packages
        if markers.holds(str(package.marker or ""), there, entry.extras, groups)
        and markers.is_within(image.version, str(package.requires_python or ""))
    ]
    return "".join(_line(package, entry) for package in chosen)


def _read(problem: Problem, entry: Input) -> Pylock:
    from packaging.pylock import Pylock, PylockValidationError

    tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return Pylock.from_dict(tomllib.loads(_text(problem, entry)))
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise RequirementsError(f"{entry.name} can't be read: {error}.", hint="Correct it in the repo.") from error


def _text(problem: Problem, entry: Input) -> str:
    return next(text.text for text in problem.texts if text.name == entry.name)


def _check_python(entry: Input, wanted: str, there: str) -> None:
    if not markers.is_within(there, wanted):
        raise RequirementsError(
            f"{entry.name} is for Python {wanted}, but the image has {there}.", hint="Use another image tag."
        )


def _line(package: Package, entry: Input) -> str:
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    files += [package.sdist] if package.sdist else []
    if package.vcs:
        beneath = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        return f"{package.name} @ {package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}{beneath}\n"
    if package.directory:
        path = package.directory.path
        return f"{'-e ' if package.directory.editable else ''}{path if path.startswith('.') else f'./{path}'}\n"
    if package.archive and package.archive.url:
        return f"{package.name} @ {package.archive.url}{_hashes(package.archive.hashes)}\n"
    if files and package.version:
        return f"{package.name}=={package.version}{''.join(_hashes(file.hashes) for file in files)}\n"
    raise RequirementsError(f"{entry.name} does not tell where {package.name} comes from.", hint="Make it anew.")


def _hashes(known: Mapping[str, str]) -> str:
    # uv and pip know these; one is enough
    name = next((name for name in ("sha256", "sha384", "sha512") if name in known), "")
    return f" \\\n    --hash={name}:{known[name]}" if name else ""
