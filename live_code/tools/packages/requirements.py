"""Which requirements a task has, and the texts of all files that they lead to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from live_code.errors import ConfigError, RequirementsError
from live_code.values import NamedTuple

ON_DEMAND = ("pyproject.toml", "setup.py", "environment.yml", "environment.yaml")
DEFAULTS = ("extra-requirements.txt", "requirements.txt", "pylock.toml", "uv.lock")
PYPI = "https://pypi.org/simple"
# The choice of nothing at all, by the task or by the repo.
NONE = "none"
# Files of a project whose metadata is read instead of lines; what their dependencies may depend on besides.
PROJECTS = {"pyproject.toml": ("setup.py", "setup.cfg"), "setup.cfg": ("setup.py",), "setup.py": ("setup.cfg",)}
_CONDA = (".yml", ".yaml")
_CHOICE = re.compile(r"(?P<file>[^\s,\[\]:]+)(?:\[(?P<extras>[^\]]*)\])?(?::(?P<groups>[\w.+-]+))?")
# These are compiled for the lines and files that they may fit: most requirements are names with versions.
_COMMENT = r"(^|\s+)#.*$"
_PYLOCK = r"pylock(\.[^.]+)?\.toml"
_REGISTRY = r'\b(?:registry|index) = "(https?://[^"]+)"'
_OPTION = r"(?P<key>-[if]|--[a-z-]+)(?:(?:\s+|=|(?<=-[if]))(?P<value>\S.*))?"
_CODING = rb"coding[:=]\s*([-\w.]+)"
_INCLUDE = r"(?:-(?P<short>[rc])(?:\s+|=)?|--(?P<long>requirement|constraint)(?:\s+|=))(?P<name>\S.*)"
_LOCAL = r"(?:(?:-e|--editable)[\s=]+)?(?P<path>\.{1,2}(?:/[^\[;]*?)?)(?:\[[^\]]*\])?(?:\s*;.*)?$"
# Lines that each resolver reads as pip does; all others are put into such words (``forms``).
_USUAL = re.compile(r"(?!file:)[^-./@\s](?:(?!\s-)[^/@\t])*(?:\s+--hash[ =]\S+)*")
_USUAL_OPTION = (
    r"(?:-[rci]|--(?:requirement|constraint|index-url|extra-index-url))(?: +|=)(?!file:)[^\s'\"=$-][^\s'\"$]*"
    r"|--no-index|--require-hashes|-e \."
)
_ARCHIVE = r"(?i)\.(?:whl|zip|tar|t[gbxl]z)\b"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


class Input(NamedTuple):
    """A file that requirements come from, relative to the root; of a project also what is chosen in it."""

    name: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Chosen(NamedTuple):
    """The files, and where their choice comes from; none is an empty choice, of nobody when it has no origin."""

    inputs: tuple[Input, ...]
    origin: str

    def __str__(self) -> str:
        return ", ".join(entry.name for entry in self.inputs)

    @property
    def shown(self) -> str:
        """Its names, or that it was chosen to have none; '' when nobody chose."""
        return str(self) or (NONE if self.origin else "")


class Text(NamedTuple):
    """One file of the closure: its name relative to the root, and what stands in it, in the form that all resolvers
    read: each requirement on the line of the file that it begins on.

    ``constraint``: it bounds, and asks for nothing. ``notes``: what to tell of its form. ``source``: what else in it
    counts, of a file that is no list of requirements by itself. ``settings``: what builds are given, as NAME:KEY=VALUE.
    """

    name: str
    text: str
    constraint: bool = False
    notes: tuple[str, ...] = ()
    source: str = ""
    settings: tuple[str, ...] = ()


class Line(NamedTuple):
    """A logical line: continuations joined, comments gone. ``number``: where it begins, from 1."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


class Around(NamedTuple):
    """What lies around the root: the commit's whole tree, and how to have all of it on the disk."""

    top: Path
    widen: Callable[[], object] = bool


def choose(
    root: Path, by_config: str, by_repo: str, *, scripts: tuple[str, ...] = (), around: Around | None = None
) -> Chosen:
    """The config's choice, else the repo's, else the blocks of the scripts that are started (``scripts``), else the
    file that live repos use, else none. Raises ConfigError."""
    for named, origin in ((by_config, "config.yaml"), (by_repo, "live-code.yaml")):
        if named.strip().lower() == NONE:
            return Chosen((), origin)
        if named.strip():
            return Chosen(tuple(_parsed(root, named, origin, around or Around(root))), origin)
    if scripts:
        return Chosen(tuple(map(Input, scripts)), ", ".join(scripts))
    for name in DEFAULTS:
        if (root / name).exists():
            return Chosen(tuple(_parsed(root, name, "the repo", around or Around(root))), name)
    return Chosen((), "")


def scripts(commands: Iterable[str], root: Path) -> tuple[str, ...]:
    """The scripts that commands start and that name their requirements in a block of their own, each once."""
    names = dict.fromkeys(name for command in commands if (name := _script(command)))
    return tuple(name for name in names if _has_block(root / name))


def passed_over(root: Path) -> str:
    """A file that tells of packages, and that is only taken when it is named; '' where there is none."""
    return next((name for name in ON_DEMAND if (root / name).exists()), "")


def closure(root: Path, chosen: Chosen, around: Around | None = None) -> tuple[Text, ...]:
    """The texts of the chosen files and all that they include. Raises ConfigError, RequirementsError."""
    around = around or Around(root)
    walk = _Walk(root.resolve(), around._replace(top=around.top.resolve()), {})
    for entry in chosen.inputs:
        _collect(walk, entry.name, (), constraint=False)
    return tuple(walk.texts.values())


def lines(text: Text) -> Iterator[Line]:
    """A requirements file's logical lines, without those that say nothing."""
    return (line for line, _ in _spans(text))


def _spans(text: Text) -> Iterator[tuple[Line, int]]:
    """Each logical line with the number of its last physical one. As pip joins them: comments go last."""
    start, words, number = 0, "", 0
    for number, line in enumerate(text.text.splitlines(), 1):
        comment = "#" in line and re.match(_COMMENT, line)
        if line.endswith("\\") and not comment:
            start = start or number
            words = _joined(words, line.strip("\\"))
            continue
        yield from _line(text.name, start or number, _joined(words, f" {line}" if comment else line), number)
        start, words = 0, ""
    yield from _line(text.name, start, words, number)


def _joined(words: str, line: str) -> str:
    return f"{words} {line}" if line.startswith("--") else words + line


def _line(name: str, number: int, words: str, last: int) -> Iterator[tuple[Line, int]]:
    words = re.sub(_COMMENT, "", words) if "#" in words else words
    if words.strip():
        yield Line(name, number, words.strip()), last


def is_list(name: str) -> bool:
    """Whether what a file asks for is lines of requirements, not a project's metadata or another tool's lock."""
    return Path(name).name not in PROJECTS and not name.endswith((".toml", ".lock"))


def is_conda(name: str) -> bool:
    return name.endswith(_CONDA)


def is_script(name: str) -> bool:
    """Whether its requirements stand in a block of PEP 723."""
    return name.endswith(".py") and is_list(name)


def is_uv(name: str) -> bool:
    return Path(name).name == "uv.lock"


def is_pylock(name: str) -> bool:
    """Whether it is a lock of PEP 751."""
    return name.endswith(".toml") and bool(re.fullmatch(_PYLOCK, Path(name).name))


def options(texts: Iterable[Text]) -> Iterator[tuple[str, str]]:
    """The options that stand in the files on lines of their own, as (name, value); other locks name indexes, too."""
    for text in texts:
        if is_uv(text.name) or is_pylock(text.name):
            yield from (
                ("--extra-index-url", url) for url in dict.fromkeys(re.findall(_REGISTRY, text.text)) if url != PYPI
            )
        for line in lines(text) if is_list(text.name) else ():
            if line.text.startswith("-") and (match := re.fullmatch(_OPTION, line.text)):
                yield match["key"], match["value"] or ""


def _script(command: str) -> str:
    words = (word.strip("'\"").removeprefix("./") for word in command.split())
    return next((word for word in words if word.endswith(".py") and not word.startswith(("/", "-", ".."))), "")


def _has_block(path: Path) -> bool:
    try:
        source = path.read_bytes()
    except OSError:
        return False
    if b"# /// script" not in source:
        return False
    from live_code.tools.packages.forms import script_block

    return bool(script_block.block(source.decode("utf-8", "replace").replace("\r\n", "\n")))


class _Walk(NamedTuple):
    root: Path
    around: Around
    texts: dict[str, Text]

    def find(self, name: str, line: str, bases: tuple[Path, ...]) -> str:
        """A path relative to the root, as it is from the first of ``bases`` that has it; '' where none does.

        Raises ConfigError when it leaves the commit's tree.
        """
        outside = False
        for base in bases:
            path = (base / name).resolve()
            if not path.is_relative_to(self.around.top):
                outside = True
                continue
            if not path.exists() and not path.is_relative_to(self.root):
                self.around.widen()
            if path.exists():
                return _relative(path, self.root)
        if outside:
            raise ConfigError(f"{line} names {name}, which leaves the repo.", hint="Keep it in the repo.")
        return ""


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def as_named(path: Path, root: Path) -> str:
    """A file from the root, by a link's own name where one leads to it: what it includes is seen from there."""
    named = Path(os.path.normpath(path))
    return _relative(named, root) if named.resolve() == path.resolve() else _relative(path.resolve(), root.resolve())


def _parsed(root: Path, named: str, origin: str, around: Around) -> Iterator[Input]:
    hint = f"Correct it in {origin}."
    rest = _CHOICE.sub("", named).strip(" ,")
    if rest:
        raise ConfigError(f"requirements is {named!r}: {rest!r} is no file name.", hint=hint)
    walk = _Walk(root.resolve(), around._replace(top=around.top.resolve()), {})
    for match in _CHOICE.finditer(named):
        name, extras, groups = match["file"], match["extras"], match["groups"]
        if name.startswith("/"):
            raise ConfigError(
                f"requirements {name!r} leaves the repo.", hint="Name a path relative to the repo's root."
            )
        found = walk.find(name, "requirements", (walk.root,))
        if not found or not (root / found).is_file():
            raise ConfigError(f"requirements names {name}, which is no file of this commit.", hint=hint)
        if (extras or groups) and is_list(name):
            raise ConfigError(f"requirements names parts of {name}, which is no project.", hint=hint)
        yield Input(
            os.path.normpath(name), tuple((extras or "").replace(",", " ").split()), (groups,) if groups else ()
        )


def _collect(walk: _Walk, name: str, path: tuple[str, ...], *, constraint: bool) -> None:
    if name in path:
        circle = " → ".join((*path[path.index(name) :], name))
        raise RequirementsError(f"requirements files include each other in a circle: {circle}.", hint="Break it.")
    known = walk.texts.get(name)
    if known and (constraint or not known.constraint):
        return
    file = walk.root / name
    source = _read(file, name, path)
    if not is_list(name):
        walk.texts[name] = Text(name, source)
        _add_files(walk, [file.parent / other for other in PROJECTS.get(file.name, ())])
        return
    text = walk.texts[name] = _in_one_form(walk, name, source)._replace(constraint=constraint)
    for line in lines(text):
        if not line.text.startswith(("-", ".")):
            continue
        if match := re.match(_INCLUDE, line.text):
            included = _included(walk, file.parent, line, match["name"])
            is_bound = constraint or (match["short"] or match["long"])[0] == "c"
            _collect(walk, included, (*path, name), constraint=is_bound)
        elif match := re.match(_LOCAL, line.text):
            _add_project(walk, line, match["path"])


def _in_one_form(walk: _Walk, name: str, source: str) -> Text:
    """A list of requirements in words that all read: lines that have such words already stay as they are."""
    own = not (is_conda(name) or is_script(name))
    physical = source.splitlines() if own else []
    listed = list(_spans(Text(name, source))) if own else []
    odd = [(line, last) for line, last in listed if not _is_usual(line, last, physical)]
    if own and not odd and len(physical) == _ends(source):
        return Text(name, source)
    from live_code.tools.packages.forms import rewriting

    entries, kept = [rewriting.Entry(line.number, last, line.text) for line, last in odd], ""
    if is_conda(name):
        entries, kept = rewriting.of_conda(source, name), source
    elif is_script(name):
        entries, kept = rewriting.of_script(source, name)
    folder = (walk.root / name).parent
    find = partial(walk.find, bases=(walk.root, folder) if own else (folder, walk.root))
    text, notes, settings = rewriting.whole(entries, physical, name, walk.root, folder, find)
    return Text(name, text, notes=notes, source=kept, settings=settings)


def _ends(source: str) -> int:
    """How many lines others than Python's splitlines see."""
    return source.count("\n") + (not source.endswith("\n") and bool(source))


def _is_usual(line: Line, last: int, physical: list[str]) -> bool:
    """Whether all read the line as pip does; continued lines are joined by pip anywhere, by uv before an option."""
    joined = physical[line.number : last]
    return all(part.lstrip().startswith("--") for part in joined) and _is_usual_text(line.text)


def _is_usual_text(text: str) -> bool:
    if text.startswith("-"):
        return bool(re.fullmatch(_USUAL_OPTION, text))
    return bool(_USUAL.fullmatch(text)) and not re.search(_ARCHIVE, text)


def _read(file: Path, name: str, path: tuple[str, ...]) -> str:
    try:
        text = _decoded(file.read_bytes())
    except (OSError, UnicodeDecodeError, LookupError) as error:
        where = f", included by {path[-1]}," if path else ""
        raise RequirementsError(
            f"the requirements file {name}{where} can't be read: {error}.",
            hint="Save it as UTF-8, or name its encoding in its first line: # -*- coding: gbk -*-",
        ) from error
    return text.replace("\r\n", "\n")


def _decoded(data: bytes) -> str:
    """As pip reads it: by a mark (PowerShell's `pip freeze > FILE` writes UTF-16), by a coding line, else as UTF-8.

    Bytes of another encoding do no harm in comments.
    """
    if not data.isascii() or b"coding" in data or b"\0" in data:
        for mark, encoding in _BOMS:
            if data.startswith(mark):
                return data[len(mark) :].decode(encoding)
        for line in data.split(b"\n")[:2]:
            if line.startswith(b"#") and (match := re.search(_CODING, line)):
                return data.decode(match[1].decode("ascii"))
    text = data.decode("utf-8", "surrogateescape")
    if not text.isprintable() and re.search("[\udc80-\udcff]", "".join(line.text for line in lines(Text("", text)))):
        return data.decode("utf-8")
    return re.sub("[\udc80-\udcff]", "?", text) if not text.isascii() else text


def _add_files(walk: _Walk, paths: list[Path]) -> None:
    for file in paths:
        if file.is_file():
            name = _relative(file.resolve(), walk.root)
            walk.texts.setdefault(name, Text(name, _read(file, name, ())))


def _add_project(walk: _Walk, line: Line, name: str) -> None:
    place = walk.root / (walk.find(name, str(line), (walk.root,)) or name)
    own = [place / other for other in PROJECTS if (place / other).is_file()]
    if not own:
        raise RequirementsError(
            f"{line} names {name}, which is no project: it has neither pyproject.toml nor setup.py.",
            hint="Correct the path, or add one of them.",
        )
    _add_files(walk, own)


def _included(walk: _Walk, folder: Path, line: Line, name: str) -> str:
    if "://" in name:
        raise RequirementsError(
            f"{line} includes {name} from the network, where it may change.", hint="Copy it into the repo."
        )
    included = walk.find(name, str(line), (folder,))
    if not included or not (walk.root / included).is_file():
        shown = included or Path(os.path.normpath(_relative(folder, walk.root) + f"/{name}")).as_posix()
        raise RequirementsError(f"{line} includes {shown}, which is no file of this commit.", hint="Add it.")
    return as_named(folder / name, walk.root)
