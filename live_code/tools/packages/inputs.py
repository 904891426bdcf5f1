"""Requirements in other words than lines: projects, other tools' locks, conda's files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live_code.errors import RequirementsError
from live_code.tools import files
from live_code.tools.files import yamlfile
from live_code.tools.packages import foreign_lock, solution
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.problem import PLAIN, Problem
from live_code.tools.packages.requirements import Input, Text, is_list, lines
from live_code.tools.packages.solution import Pin
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store

# Resolvers get them as arguments: folders are seen from the file that names them, logins are not for a resolver to
# read, and of an index that is down it can't be told there to do without.
_INDEX_LINE = re.compile(r"^[ \t]*(-f|-i|--(find-links|index-url|extra-index-url|trusted-host)\b)[^\n]*$", re.MULTILINE)
_NOT_CONDAS_OWN = re.compile(r"\s*(python|pip|setuptools|wheel)\b")


def prepare(problem: Problem, folder: Path, store: Store, settings: PackageSettings) -> list[str]:
    """The files that a resolver reads, with the parts of projects that are asked for, as its arguments.

    Raises RequirementsError.
    """
    words: list[str] = []
    place = _plain(problem, folder)
    others = foreign_lock.texts(problem, store, settings)
    for entry in problem.chosen.inputs:
        if other := next((text for text in others if text.name == entry.name), None):
            words.append(_write(folder / f"{entry.name.replace('/', '_')}.txt", other.text))
        elif entry.name.endswith((".yml", ".yaml")):
            words.append(_write(folder / "environment.txt", "\n".join(_pip_part(problem, entry)) + "\n"))
        else:
            words.append(str(place / entry.name) if is_list(entry.name) else entry.name)
            words += [word for extra in entry.extras for word in ("--extra", extra)]
            words += [word for group in entry.groups for word in ("--group", f"{entry.name}:{group}")]
    return words


def _plain(problem: Problem, folder: Path) -> Path:
    """Where the requirements files stand as every resolver reads them: in the repo, or copied when one does not."""
    texts = [text for text in problem.texts if is_list(text.name)]
    if not any(_INDEX_LINE.search(text.text) for text in texts) and all(
        (problem.root / text.name).read_bytes().replace(b"\r\n", b"\n") == text.text.encode() for text in texts
    ):
        return Path()
    for text in texts:
        # What is taken out leaves its length: resolvers tell the place of a fault by its byte.
        content = _INDEX_LINE.sub(lambda match: " " * len(match[0].encode()), text.text)
        files.write_text(folder / PLAIN / text.name, content)
    return folder / PLAIN


def locked_already(problem: Problem, store: Store, settings: PackageSettings) -> dict[str, Pin]:
    """The pins of the repo's own locks by name: files in which every entry is exact and has its hashes."""
    texts = [text for text in problem.texts if is_list(text.name)] + foreign_lock.texts(problem, store, settings)
    parsed = [solution.parse(text.text) for text in texts]
    whole = [entries for entries in parsed if entries and all(pin.is_hashed for pin in entries)]
    return {pin.name: pin for entries in whole for pin in entries if pin.version}


def _pip_part(problem: Problem, entry: Input) -> Iterator[str]:
    """The pip part of conda's environment.yml; paths in it made whole. What only conda has is refused."""
    path = problem.root / entry.name
    dependencies = yamlfile.read_mapping(path, hint="Correct it in the repo.").get("dependencies") or []
    conda = [str(item) for item in dependencies if not isinstance(item, dict)]
    _check_conda_part(problem, entry, conda)
    for line in (line for item in dependencies if isinstance(item, dict) for line in _listed(item.get("pip"))):
        included = re.match(r"(-r|-c|-e|--requirement|--constraint|--editable)[\s=]+(\S+)", line)
        yield f"{included[1]} {(path.parent / included[2]).resolve()}" if included else line


def _check_conda_part(problem: Problem, entry: Input, conda: list[str]) -> None:
    python = next((item for item in conda if re.match(r"\s*python\s*[=<>]", item)), "")
    wanted = re.search(r"=+\s*(\d+\.\d+)", python)
    if wanted and not problem.image.version.startswith(f"{wanted[1]}."):
        raise RequirementsError(
            f"{entry.name} asks for {python.strip()}, but the image has Python {problem.image.version}.",
            hint="Use another image tag.",
        )
    if only_conda := [item for item in conda if not _NOT_CONDAS_OWN.match(item)]:
        raise RequirementsError(
            f"{entry.name} asks conda for {', '.join(only_conda)}; live-code installs with pip alone.",
            hint="List what the job needs in a requirements file, and name it in `requirements`.",
        )


def _listed(value: Any) -> list[str]:
    return [str(item).strip() for item in value] if isinstance(value, list) else []


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def names(text: Text) -> list[str]:
    """The packages that a requirements file names on its lines, normalised."""
    matches = [re.match(r"[A-Za-z0-9][\w.-]*", line.text) for line in lines(text)]
    return [normalised(match[0]) for match in matches if match]
