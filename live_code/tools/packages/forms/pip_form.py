"""One line of a requirements file, as pip reads it → the same in the one form that every resolver reads.

pip takes more than uv does: options behind a requirement, quoted and shortened options, several on a line, editable
git sources, paths in many spellings. Lines keep their numbers: errors name the place in the repo.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from optparse import OptionParser
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from live_code.errors import ConfigError, RequirementsError
from live_code.values import NamedTuple

ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz", ".tlz")
_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_EXTRAS = r"\[[^\]]*\]"
_NAMED = re.compile(rf"(?P<name>{_NAME})\s*(?P<extras>{_EXTRAS})?\s*@\s*(?P<url>\S.*)")
_VCS = re.compile(r"(?P<kind>git|hg|svn|bzr)\+\S+", re.IGNORECASE)
_MARKED_URL = re.compile(r"(?P<what>.*?)(?:\s+;|;\s)\s*(?P<marker>.+)")
_WHEEL_NAME = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*)-[^-]+(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl", re.IGNORECASE)

# What pip's options are called, with their other names; those that were taken once are still found in files.
_VALUES = {
    "--index-url": ("-i", "--pypi-url"),
    "--extra-index-url": (),
    "--constraint": ("-c",),
    "--requirement": ("-r",),
    "--editable": ("-e",),
    "--find-links": ("-f",),
    "--no-binary": (),
    "--only-binary": (),
    "--trusted-host": (),
    "--use-feature": (),
    "--all-releases": (),
    "--only-final": (),
    "--hash": (),
    "--config-settings": ("-C", "--config-setting"),
    "--global-option": (),
    "--install-option": (),
    "--allow-external": (),
    "--allow-unverified": (),
}
_FLAGS = {
    "--no-index": (),
    "--prefer-binary": (),
    "--require-hashes": (),
    "--no-require-hashes": (),
    "--pre": (),
    "--always-unzip": ("-Z",),
    "--allow-all-external": (),
    "--use-wheel": (),
    "--no-use-wheel": (),
    "--process-dependency-links": (),
}
# Those that have a meaning here, on a line of their own; names that packages stand for are listed one by one.
_KEPT = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--require-hashes", "--pre")
_FORMATS = ("--no-binary", "--only-binary")
_INCLUDES = ("--requirement", "--constraint")
_OF_A_BUILD = ("--config-settings", "--global-option")


class Parsed(NamedTuple):
    """A line as pip sees it: a requirement with its options, or options alone. Options by their long names."""

    requirement: str
    editable: bool
    options: tuple[tuple[str, str], ...]

    def values(self, *names: str) -> list[str]:
        return [value for name, value in self.options if name in names]


class Form(NamedTuple):
    """A line in the form that all read; further options of it, which have no order; what to tell of it; and what the
    build of its package is given, as NAME:KEY=VALUE."""

    text: str
    further: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a line stands. ``find``: a path of it → that from the root, '' when it is no file or folder of the commit;
    raises when it leaves that. ``root``: what such paths are seen from; ``folder``: what included files are."""

    line: str
    root: Path
    folder: Path
    find: Callable[[str], str]

    def error(self, message: str, hint: str = "Correct it.") -> RequirementsError:
        return RequirementsError(f"{self.line} {message}", hint=hint)


def form(text: str, place: Place) -> Form:
    """Raises RequirementsError for what pip does not take either, and for what nothing here can fetch."""
    parsed = parse(text, place)
    if parsed.requirement:
        return _of_requirement(parsed, place)
    return _of_options(parsed, place)


def parse(text: str, place: Place) -> Parsed:
    """The line in its parts: what stands before the first word with a dash is the requirement. Raises
    RequirementsError."""
    words = text.split(" ")
    first = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    requirement, behind = " ".join(words[:first]).strip(), " ".join(words[first:])
    try:
        options = _options(shlex.split(behind))
    except ValueError as error:
        raise place.error(f"can't be read as a requirement: {error}.") from error
    editable = next((value for name, value in options if name == "--editable"), "")
    marker = re.search(r"\s;\s*(?P<marker>[^#]+)$", behind) if editable and ";" not in editable else None
    whole = f"{editable} ; {marker['marker'].strip()}" if marker else editable
    return Parsed(requirement or whole.strip(), bool(editable and not requirement), options)


def _options(words: list[str]) -> tuple[tuple[str, str], ...]:
    """Raises ValueError for one that pip does not know."""
    found: list[tuple[str, str]] = []
    parser = _parser()
    parser.values_found = found  # type: ignore[attr-defined]
    parser.parse_args(words)
    return tuple(found)


class _Parser(OptionParser):
    """pip's own is one of optparse, too: it takes beginnings of names, and values with and without a space."""

    values_found: list[tuple[str, str]]

    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


@cache
def _parser() -> OptionParser:
    parser = _Parser(add_help_option=False)

    def keep(option: Any, _: str, value: str | None, parser: Any) -> None:
        parser.values_found.append((option.get_opt_string(), value or ""))

    for name, others in _VALUES.items():
        parser.add_option(name, *others, action="callback", type="string", callback=keep)
    for name, others in _FLAGS.items():
        parser.add_option(name, *others, action="callback", callback=keep)
    return parser


def _of_options(parsed: Parsed, place: Place) -> Form:
    lines, notes = [], []
    included = [(name, value) for name, value in parsed.options if name in _INCLUDES]
    if included:  # pip follows the first, and requirements before constraints
        name, value = min(included, key=lambda option: _INCLUDES.index(option[0]))
        lines.append(f"{name} {_included(value, place)}")
    for name, value in parsed.options:
        if name in _FORMATS:
            lines += [f"{name} {package.strip()}" for package in value.split(",") if package.strip()]
        elif name == "--find-links" and "://" not in value:
            lines.append(f"{name} {_folder(value, place)}")
        elif name in _KEPT:
            lines.append(f"{name} {value}".strip())
        elif name == "--use-wheel" or name in _INCLUDES:
            pass
        elif name == "--trusted-host":
            notes.append(f"{place.line}: whom to trust is the container's to say: PIP_TRUSTED_HOST={value}.")
        else:
            notes.append(f"{place.line}: {name} changes nothing here.")
    first, *further = lines or [""]
    return Form(first, tuple(further), tuple(notes))


def _included(value: str, place: Place) -> str:
    """A file that is included, from the one that does; ``file:`` is seen from the root."""
    if not value.startswith("file:"):
        return value
    found = place.find(unquote(urlsplit(value).path))
    return os.path.relpath(place.root / found, place.folder) if found else value.removeprefix("file:")


def _folder(value: str, place: Place) -> str:
    """A folder of wheels, from the root; one that is not there stays as it is written."""
    path = unquote(value.removeprefix("file:"))
    return value if path.startswith("/") else place.find(path) or value


def _of_requirement(parsed: Parsed, place: Place) -> Form:
    what, marker = _split(parsed.requirement)
    named = _NAMED.fullmatch(what)
    name = f"{named['name']}{named['extras'] or ''}".replace(" ", "") if named else ""
    target = named["url"] if named else what
    if vcs := _VCS.match(target):
        text = _of_vcs(name, target, vcs["kind"].lower(), place)
    elif parsed.editable or _is_path(target) or (name and _is_path(f"./{target}") and not urlsplit(target).scheme):
        text = _of_path(name, target, parsed.editable, place)
    else:
        text = f"{name} @ {target}" if named else what
    hashes = "".join(f" --hash={value}" for value in parsed.values("--hash"))
    package = re.match(_NAME, text)
    settings = tuple(_settings(package[0], parsed)) if package and not text.startswith(("git+", "file:")) else ()
    notes = list(_ignored(parsed, place, handed_on=bool(settings)))
    if vcs and parsed.editable:
        notes.append(f"{place.line}: {target} is installed as that commit has it: not editable.")
    return Form(f"{text}{f' ; {marker}' if marker else ''}{hashes}", (), tuple(notes), settings)


def _settings(package: str, parsed: Parsed) -> Iterator[str]:
    for name, value in parsed.options:
        if name in _OF_A_BUILD:
            yield f"{package}:{value if name == '--config-settings' else f'{name}={value}'}"


def _ignored(parsed: Parsed, place: Place, *, handed_on: bool) -> Iterator[str]:
    """What pip leaves aside behind a requirement, and what a build here is not given."""
    for name in dict.fromkeys(name for name, _ in parsed.options if name not in ("--hash", "--editable")):
        if name in (*_OF_A_BUILD, "--install-option"):
            if not (handed_on and name in _OF_A_BUILD):
                yield f"{place.line}: {name} is not handed on to the build."
        else:
            yield f"{place.line}: {name} counts only on a line of its own; pip passes it over here, too."


def _split(text: str) -> tuple[str, str]:
    """What is asked for, and its marker. A URL may have a semicolon in it."""
    if "://" in text:
        match = _MARKED_URL.fullmatch(text)
        return (match["what"].strip(), match["marker"].strip()) if match else (text, "")
    what, _, marker = text.partition(";")
    return what.strip(), marker.strip()


def _is_path(target: str) -> bool:
    """As pip tells a path from a name: by a slash or a dot in front, or an archive's ending."""
    if target.lower().startswith("file:"):
        return True
    if "://" in target:
        return False
    plain, _ = _without_extras(target)
    return "/" in plain or plain.startswith(".") or plain.lower().endswith(ARCHIVES)


def _without_extras(target: str) -> tuple[str, str]:
    match = re.fullmatch(rf"(?P<path>.+?)\s*(?P<extras>{_EXTRAS})", target)
    return (match["path"], match["extras"].replace(" ", "")) if match else (target, "")


def _of_vcs(name: str, target: str, kind: str, place: Place) -> str:
    if kind != "git":
        raise place.error(
            f"asks for {target}: only git is fetched here, not {kind}.",
            "Put a wheel of it, or its source, into the repo and name that.",
        )
    if "://" not in target:  # scp's form, which pip takes for an editable one: git+git@host:team/lib.git
        host, _, path = target.removeprefix("git+").partition(":")
        target = f"git+ssh://{host}/{path.lstrip('/')}"
    url, _, fragment = target.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    egg = re.fullmatch(rf"(?P<name>{_NAME})\s*(?P<extras>{_EXTRAS})?", unquote(parts.get("egg", "")))
    name = name or (f"{egg['name']}{egg['extras'] or ''}" if egg else "")
    beneath = f"#subdirectory={parts['subdirectory']}" if parts.get("subdirectory") else ""
    return f"{name} @ {url}{beneath}" if name else f"{url}{beneath}"


def _of_path(name: str, target: str, editable: bool, place: Place) -> str:
    plain, extras = _without_extras(target)
    path = plain
    if plain.lower().startswith("file:"):
        path = unquote(urlsplit(plain).path)
        if name and path.startswith("/") and _is_elsewhere(path, place):
            return f"{name} @ {target}"  # a place of the image, or of another machine
    elif "#" in plain:
        path = plain.partition("#")[0]
    found = place.find(path) or place.find(unquote(path))
    if not found:
        raise place.error(f"names {plain}, which is no file or folder of this commit.", "Correct it, or add it.")
    if (place.root / found).is_dir():
        return f"{'-e ' if editable else ''}{_dotted(found)}{extras or _extras_of(name)}"
    wheel = _WHEEL_NAME.fullmatch(Path(found).name)
    name = name or (f"{wheel['name']}{extras}" if wheel else "")
    url = f"file:{quote(_dotted(found))}"
    return f"{name} @ {url}" if name else f"{url}{extras}"


def _is_elsewhere(path: str, place: Place) -> bool:
    try:
        place.find(path)
    except ConfigError:
        return True
    return False


def _extras_of(name: str) -> str:
    return f"[{name.partition('[')[2]}" if "[" in name else ""


def _dotted(path: str) -> str:
    return path if path == "." or path.startswith("../") else f"./{path}"
