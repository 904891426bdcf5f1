"""Which requirements a task has, and the texts of all files that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from live_code.errors import ConfigError, RequirementsError
from live_code.tools import files
from live_code.values import NamedTuple

ON_DEMAND = ("pyproject.toml", "setup.py", "environment.yml")
DEFAULTS = ("extra-requirements.txt", "requirements.txt", "pylock.toml", "uv.lock")
PYPI = "https://pypi.org/simple"
# Files of a project whose metadata is read instead of lines; what their dependencies may depend on besides.
PROJECTS = {"pyproject.toml": ("setup.py", "setup.cfg"), "setup.cfg": ("setup.py",), "setup.py": ("setup.cfg",)}
_CHOICE = re.compile(r"(?P<file>[^\s,\[\]:]+)(?:\[(?P<extras>[^\]]*)\])?(?::(?P<groups>[\w.+-]+))?")
# These are compiled for the lines and files that they may fit: most requirements are names with versions.
_INCLUDE = r"(?:-[rc](?:\s+|=)?|--(?:requirement|constraint)(?:\s+|=))(?P<name>\S+)"
_ONLY_PIP_JOINS = r"(?m)\\\n(?!\s*(--|$))"
_PYLOCK = r"pylock(\.[^.]+)?\.toml"
_REGISTRY = r'\b(?:registry|index) = "(https?://[^"]+)"'
_OPTION = r"(?P<key>-[if]|--[a-z-]+)(?:\s+|=|(?<=-[if]))(?P<value>\S+)"
_LOCAL = r"(?:(?:-e|--editable)[\s=]+)?(?P<path>\.{0,2}/[^\s\[;]*|\.{1,2})(?:\[[^\]]*\])?(?:\s*;.*)?$"


class Input(NamedTuple):
    """A file that requirements come from, relative to the root; of a project also what is chosen in it."""

    name: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Chosen(NamedTuple):
    """The files, and where their choice comes from; none is an empty choice."""

    inputs: tuple[Input, ...]
    origin: str

    def __str__(self) -> str:
        return ", ".join(entry.name for entry in self.inputs)


class Text(NamedTuple):
    """One file of the closure: its name relative to the root, and what stands in it."""

    name: str
    text: str


class Line(NamedTuple):
    """A logical line: continuations joined, comments gone. ``number``: where it begins, from 1."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def choose(root: Path, by_config: str, by_repo: str) -> Chosen:
    """The config's choice, else the repo's, else the file that live repos use, else none. Raises ConfigError."""
    for named, origin in ((by_config, "config.yaml"), (by_repo, "live-code.yaml")):
        if named:
            return Chosen(tuple(_parsed(root, named, origin)), origin)
    for name in DEFAULTS:
        if (root / name).exists():
            return Chosen(tuple(_parsed(root, name, "the repo")), name)
    return Chosen((), "")


def passed_over(root: Path) -> str:
    """A file that tells of packages, and that is only taken when it is named; '' where there is none."""
    return next((name for name in ON_DEMAND if (root / name).exists()), "")


def closure(root: Path, chosen: Chosen) -> tuple[Text, ...]:
    """The texts of the chosen files and all that they include. Raises ConfigError, RequirementsError."""
    texts: dict[str, Text] = {}
    for entry in chosen.inputs:
        _collect(root.resolve(), entry.name, texts, ())
    return tuple(texts.values())


def lines(text: Text) -> Iterator[Line]:
    """A requirements file's logical lines, without those that say nothing."""
    start, words = 0, ""
    for number, line in enumerate(text.text.splitlines(), 1):
        start = start or number
        words += re.sub(r"(^|\s+)#.*$", "", line) if "#" in line else line
        if words.endswith("\\"):
            words = words[:-1] + " "
            continue
        if words.strip():
            yield Line(text.name, start, words.strip())
        start, words = 0, ""
    if words.strip():
        yield Line(text.name, start, words.strip())


def is_list(name: str) -> bool:
    """Whether a file holds lines of requirements, rather than a project's metadata or another tool's format."""
    return Path(name).name not in PROJECTS and not name.endswith((".toml", ".lock", ".yml", ".yaml"))


def is_uv(name: str) -> bool:
    return Path(name).name == "uv.lock"


def is_pylock(name: str) -> bool:
    """Whether it is a lock of PEP 751."""
    return name.endswith(".toml") and bool(re.fullmatch(_PYLOCK, Path(name).name))


def options(texts: tuple[Text, ...]) -> Iterator[tuple[str, str]]:
    """The options that stand in the files on lines of their own, as (name, value); other locks name indexes, too."""
    for text in texts:
        if is_uv(text.name) or is_pylock(text.name):
            yield from (
                ("--extra-index-url", url) for url in dict.fromkeys(re.findall(_REGISTRY, text.text)) if url != PYPI
            )
        for line in lines(text) if is_list(text.name) else ():
            if line.text.startswith("-") and (match := re.match(_OPTION, line.text)):
                yield match["key"], match["value"]


def _parsed(root: Path, named: str, origin: str) -> Iterator[Input]:
    hint = f"Correct it in {origin}."
    rest = _CHOICE.sub("", named).strip(" ,")
    if rest:
        raise ConfigError(f"requirements is {named!r}: {rest!r} is no file name.", hint=hint)
    for match in _CHOICE.finditer(named):
        name, extras, groups = match["file"], match["extras"], match["groups"]
        if not files.inside(root, name, "requirements").is_file():
            raise ConfigError(f"requirements names {name}, which is no file of this commit.", hint=hint)
        if (extras or groups) and is_list(name):
            raise ConfigError(f"requirements names parts of {name}, which is no project.", hint=hint)
        yield Input(name, tuple((extras or "").replace(",", " ").split()), (groups,) if groups else ())


def _collect(root: Path, name: str, texts: dict[str, Text], path: tuple[str, ...]) -> None:
    if name in path:
        circle = " → ".join((*path[path.index(name) :], name))
        raise RequirementsError(f"requirements files include each other in a circle: {circle}.", hint="Break it.")
    if name in texts:
        return
    file = files.inside(root, name, "requirements")
    texts[name] = Text(name, _read(file, name, path))
    if not is_list(name):
        beside = [file.parent / other for other in PROJECTS.get(file.name, ())]
        _add_files(root, beside, texts)
        return
    for line in lines(texts[name]):
        if not line.text.startswith(("-", ".", "/")):
            continue
        if match := re.match(_INCLUDE, line.text):
            included = _included(root, file.parent, line, match["name"])
            if not (root / included).is_file():
                raise RequirementsError(f"{line} includes {included}, which is no file of this commit.", hint="Add it.")
            _collect(root, included, texts, (*path, name))
        elif match := re.match(_LOCAL, line.text):
            project = _below(root, root, line, match["path"])
            _add_files(root, [project / other for other in PROJECTS], texts)


def _read(file: Path, name: str, path: tuple[str, ...]) -> str:
    try:
        data = file.read_bytes()
        # PowerShell's `pip freeze > requirements.txt` writes UTF-16; pip reads both by their mark.
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8").removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        where = f", included by {path[-1]}," if path else ""
        raise RequirementsError(f"the requirements file {name}{where} can't be read: {error}.") from error
    text = text.replace("\r\n", "\n")
    return _joined(Text(name, text)) if "\\" in text and is_list(name) and re.search(_ONLY_PIP_JOINS, text) else text


def _joined(text: Text) -> str:
    """Each logical line on the line where it began: uv reads continuations only before ``--hash``, pip anywhere."""
    whole, number = "", 1
    for line in lines(text):
        whole += "\n" * (line.number - number) + line.text
        number = line.number
    return whole + "\n"


def _add_files(root: Path, paths: list[Path], texts: dict[str, Text]) -> None:
    for file in paths:
        if file.is_file():
            name = file.resolve().relative_to(root).as_posix()
            texts.setdefault(name, Text(name, _read(file, name, ())))


def _included(root: Path, folder: Path, line: Line, name: str) -> str:
    if "://" in name:
        raise RequirementsError(
            f"{line} includes {name} from the network, where it may change.", hint="Copy it into the repo."
        )
    return _below(root, folder, line, name).relative_to(root).as_posix()


def _below(root: Path, folder: Path, line: Line, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(root):
        raise ConfigError(f"{line} names {name}, which leaves the repo.", hint="Keep it in the repo.")
    return path
