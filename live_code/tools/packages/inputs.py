"""What a resolver reads: the requirements in one form, projects, other tools' locks; and what rules them out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from live_code.errors import RequirementsError
from live_code.tools import files
from live_code.tools.packages import markers
from live_code.tools.packages.forms import archives, conda, foreign_lock, project_python, script_block
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.messages import conflict
from live_code.tools.packages.problem import PLAIN, Problem, copied
from live_code.tools.packages.requirements import (
    Input,
    Text,
    as_named,
    is_conda,
    is_list,
    is_script,
    lines,
    options,
)
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log

# Resolvers get them as arguments: folders are seen from the file that names them, logins are not for a resolver to
# read, and of an index that is down it can't be told there to do without.
_INDEX_LINE = re.compile(r"^[ \t]*(-f|-i|--(find-links|index-url|extra-index-url|trusted-host)\b)[^\n]*$", re.MULTILINE)
_INCLUDE = re.compile(r"^(?P<option>-[rc]|--requirement|--constraint)[ =]+(?P<name>\S.*)$", re.MULTILINE)
# A path as pip does not take it; and as it tells of it.
_FOR_PIP = re.compile(
    r"^(?:-e\s+(?P<project>\.)|(?P<head>(?:[A-Za-z0-9][^\n@;]*@\s*)?)file:(?P<path>\.{1,2}/[^\s;\[]+))", re.MULTILINE
)
# Of what is no index's it compares the hash itself, in words of its own.
_HASHED_FILE = re.compile(r"^(?P<file>[^\n#]*[a-z]:[./][^\n]*?)(?:\s+(?:\\\n\s*)?--hash[ =]\S+)+", re.MULTILINE)
_WHOLE = re.compile(r"^(?P<name>[A-Za-z0-9][^\s@]* @ )?(?:-e )?file://(?P<path>/[^\s;\[#]*)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)\}")


def examine(problem: Problem, settings: PackageSettings) -> None:
    """Holds the files against the image before anything is resolved, and tells what in them was read otherwise.

    Raises RequirementsError.
    """
    for text in problem.texts:
        notes = list(text.notes)
        if is_conda(text.name):
            notes += conda.check(text.source, text.name, problem.image)
        elif is_script(text.name):
            block = script_block.read(text.source, text.name)
            project_python.check(text.name, str(block.get("requires-python", "")), problem.image)
            if "uv" in (block.get("tool") or {}):
                notes.append(f"{text.name}: [tool.uv] in its block counts for uv alone.")
        if is_list(text.name):
            _check_variables(text, settings)
            archives.check(text, problem.root)
        for note in notes:
            log.warning(note)
    for entry in problem.chosen.inputs:
        project_python.check_tables(entry.name, problem.root / entry.name)
        if wanted := project_python.wanted(problem.root / entry.name):
            project_python.check(entry.name, wanted, problem.image)


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
        elif is_conda(entry.name) or is_script(entry.name):  # by such names resolvers expect what these wrap
            name = f"{entry.name.replace('/', '_')}.txt"
            words.append(_write(folder / name, f"-r {place / copied(entry.name)}\n"))
        elif is_list(entry.name):
            words.append(str(place / (copied(entry.name) if place != Path() else entry.name)))
        else:
            words += _of_project(problem, entry, folder)
    return words


def _of_project(problem: Problem, entry: Input, folder: Path) -> Iterator[str]:
    yield entry.name
    yield from (word for extra in entry.extras for word in ("--extra", extra))
    yield from (word for group in entry.groups for word in ("--group", f"{entry.name}:{group}"))
    own = _uv_table(problem.root / entry.name)
    for key, option in (("constraint-dependencies", "--constraint"), ("override-dependencies", "--override")):
        listed = [str(item) for item in own.get(key) or ()]
        if listed and option == "--override" and problem.resolver != "uv":
            log.warning(f"{entry.name}: [tool.uv] {key} is for uv; {problem.resolver} passes it over.")
            continue
        if option == "--override":
            listed = [line for line in listed if not _is_images(line, entry.name, problem)]
        if listed:
            yield option
            yield _write(folder / f"{key}.txt", "\n".join(listed) + "\n")


def _is_images(line: str, name: str, problem: Problem) -> bool:
    """Whether an override is about a protected package, in the image's version: it would take the place of ours.

    Raises FrameworkConflictError for another version.
    """
    package = re.match(r"[A-Za-z0-9][\w.-]*", line)
    if not package or normalised(package[0]) not in problem.protection.packages:
        return False
    from packaging.requirements import Requirement

    wanted, there = Requirement(line), problem.protection.packages[normalised(package[0])]
    applies = not wanted.marker or wanted.marker.evaluate(markers.environment(problem.image))
    if applies and (wanted.url or not wanted.specifier.contains(there, prereleases=True)):
        raise conflict.of_pin(f"{name} overrides {line}", normalised(package[0]), problem.protection)
    return True


def _uv_table(path: Path) -> dict[str, Any]:
    """``[tool.uv]`` of a pyproject.toml, {} where there is none or it can't be read: the resolver says why."""
    if path.name != "pyproject.toml":
        return {}
    try:
        table = project_python.read_toml(path.read_text(encoding="utf-8")).get("tool", {}).get("uv", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return table if isinstance(table, dict) else {}


def _plain(problem: Problem, folder: Path) -> Path:
    """Where the requirements files stand as every resolver reads them: in the repo, or copied when one does not."""
    texts = [text for text in problem.texts if is_list(text.name)]
    outside = any(text.name.startswith("../") for text in texts)
    named = any(_INDEX_LINE.search(text.text) for text in texts)
    of_pip = problem.resolver != "uv" and any(
        _FOR_PIP.search(text.text) or _HASHED_FILE.search(text.text) for text in texts
    )
    if not (outside or named or of_pip) and all(_is_as_written(problem.root / text.name, text) for text in texts):
        return Path()
    for text in texts:
        content = without_indexes(text.text)
        if outside:
            content = _with_whole_includes(content, (problem.root / text.name).parent, problem.root, folder)
        if of_pip:
            content = _HASHED_FILE.sub(r"\g<file>", content)
            content = _FOR_PIP.sub(lambda match: _as_pip_takes(match, problem.root), content)
        files.write_text(folder / PLAIN / copied(text.name), content)
    return folder / PLAIN


def without_indexes(text: str) -> str:
    """What is taken out leaves its length: resolvers tell the place of a fault by its byte."""
    return _INDEX_LINE.sub(lambda match: " " * len(match[0].encode()), text)


def _as_pip_takes(match: re.Match[str], root: Path) -> str:
    """A project not as editable, which not every build can: it is installed from a copy. A file by its whole path."""
    if match["path"]:
        return f"{match['head']}file://{quote(os.path.normpath(root / unquote(match['path'])))}"
    return match["project"]


def relative(text: str, problem: Problem) -> str:
    """A solution with the projects and files of the repo as a requirements file would name them."""
    root, places = problem.root, (problem.place, problem.place.resolve())

    def shown(match: re.Match[str]) -> str:
        path = Path(unquote(match["path"]))
        top = next((place for place in places if path.is_relative_to(place)), None)
        if top is None:
            return match[0]
        name = os.path.relpath(path, top / root.relative_to(problem.place))
        dotted = name if name == "." or name.startswith("../") else f"./{name}"
        return dotted if path.is_dir() else f"{match['name'] or ''}file:{quote(dotted)}"

    return _WHOLE.sub(shown, text)


def _is_as_written(path: Path, text: Text) -> bool:
    return path.read_bytes().replace(b"\r\n", b"\n") == text.text.encode()


def _with_whole_includes(content: str, place: Path, root: Path, folder: Path) -> str:
    """With the included files, behind all, where their copies are: not beside each other as in the repo."""
    included = []

    def take(match: re.Match[str]) -> str:
        name = as_named(place / match["name"].strip(), root)
        included.append(f"{match['option']} {folder / PLAIN / copied(name)}\n")
        return " " * len(match[0].encode())

    return _INCLUDE.sub(take, content) + "".join(included)


def _check_variables(text: Text, settings: PackageSettings) -> None:
    for line in lines(text):
        for match in _VARIABLE.finditer(line.text):
            if not settings.inherited.get(match["name"]):
                raise RequirementsError(
                    f"{line} has ${{{match['name']}}}, and the container has no such variable.",
                    hint="Give the container that variable, or write the value into the file.",
                )


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def names(text: Text) -> list[str]:
    """The packages that a requirements file names on its lines, normalised."""
    matches = [re.match(r"[A-Za-z0-9][\w.-]*", line.text) for line in lines(text)]
    return [normalised(match[0]) for match in matches if match]


def formats(texts: Iterable[Text]) -> tuple[str, ...]:
    """Which packages have to come as sources or as wheels, and what builds are given: as an installer's options."""
    kept = [f"{key} {value}" for key, value in options(texts) if key in ("--no-binary", "--only-binary")]
    return (*kept, *build_settings(texts))


def build_settings(texts: Iterable[Text]) -> tuple[str, ...]:
    """What the builds of single packages are given, as uv's options."""
    return tuple(f"--config-settings-package {words}" for text in texts for words in text.settings)


def takes_previews(texts: Iterable[Text]) -> bool:
    """Whether a file asks for previews of releases, of all packages (``--pre``)."""
    return any(key == "--pre" for key, _ in options(texts))
