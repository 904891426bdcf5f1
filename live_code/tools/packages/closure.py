"""The texts of all files that requirements lead to, each in the one form that all resolvers read."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from live_code.errors import RequirementsError
from live_code.tools.packages.requirements import (
    PROJECTS,
    Around,
    Chosen,
    Line,
    Text,
    Walk,
    is_conda,
    is_list,
    is_script,
    lines,
    relative,
    spans,
)

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


def texts(root: Path, chosen: Chosen, around: Around | None = None) -> tuple[Text, ...]:
    """The texts of the chosen files and all that they include. Raises ConfigError, RequirementsError."""
    around = around or Around(root)
    walk = Walk(root.resolve(), around._replace(top=around.top.resolve()), {})
    for entry in chosen.inputs:
        _collect(walk, entry.name, (), constraint=False)
    return tuple(walk.texts.values())


def _collect(walk: Walk, name: str, path: tuple[str, ...], *, constraint: bool) -> None:
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


def _in_one_form(walk: Walk, name: str, source: str) -> Text:
    """A list of requirements in words that all read: lines that have such words already stay as they are."""
    listed, physical, kept = _listed(name, source)
    own = not kept
    if own and all(_is_usual(line, last, physical) for line, last in listed) and len(physical) == _ends(source):
        return Text(name, source)
    from live_code.tools.packages import forms

    folder = (walk.root / name).parent
    bases = (walk.root, folder) if own else (folder, walk.root)
    further: list[str] = []
    notes: list[str] = []
    settings: list[str] = []
    for line, last in listed:
        if own and _is_usual(line, last, physical):
            continue
        place = forms.Place(str(line), walk.root, folder, partial(walk.find, line=str(line), bases=bases))
        form = forms.Form(line.text) if _is_usual_text(line.text) else forms.form(line.text, place)
        physical[line.number - 1 : last] = [form.text, *[""] * (last - line.number)]
        further += form.further
        notes += form.notes
        settings += form.settings
    text = "".join(f"{words}\n" for words in (*physical, *further))
    return Text(name, text, notes=tuple(notes), source=kept, settings=tuple(settings))


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


def _listed(name: str, source: str) -> tuple[list[tuple[Line, int]], list[str], str]:
    """The requirements of a file with their last lines, its physical lines, and what else in it counts."""
    if not (is_conda(name) or is_script(name)):
        return list(spans(Text(name, source))), source.splitlines(), ""
    if is_conda(name):
        from live_code.tools.packages import conda

        return *_placed(name, conda.lines(source, name)), source or "\n"
    from live_code.tools.packages import script_block

    block = script_block.block(source)
    if not block:
        raise RequirementsError(
            f"{name} has no block of requirements (# /// script).", hint="Add one, or name a requirements file."
        )
    return *_placed(name, script_block.lines(block, name)), block


def _placed(name: str, numbered: list[tuple[int, str]]) -> tuple[list[tuple[Line, int]], list[str]]:
    """Each entry on the line where it stands, or the next that is free; other lines are empty."""
    listed, free = [], 1
    for number, words in numbered:
        free = max(number, free)
        listed.append((Line(name, free, words), free))
        free += 1
    return listed, [""] * (free - 1)


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


def _add_files(walk: Walk, paths: list[Path]) -> None:
    for file in paths:
        if file.is_file():
            name = relative(file.resolve(), walk.root)
            walk.texts.setdefault(name, Text(name, _read(file, name, ())))


def _add_project(walk: Walk, line: Line, name: str) -> None:
    place = walk.root / (walk.find(name, str(line), (walk.root,)) or name)
    own = [place / other for other in PROJECTS if (place / other).is_file()]
    if not own:
        raise RequirementsError(
            f"{line} names {name}, which is no project: it has neither pyproject.toml nor setup.py.",
            hint="Correct the path, or add one of them.",
        )
    _add_files(walk, own)


def _included(walk: Walk, folder: Path, line: Line, name: str) -> str:
    if "://" in name:
        raise RequirementsError(
            f"{line} includes {name} from the network, where it may change.", hint="Copy it into the repo."
        )
    included = walk.find(name, str(line), (folder,))
    if not included or not (walk.root / included).is_file():
        shown = included or Path(os.path.normpath(relative(folder, walk.root) + f"/{name}")).as_posix()
        raise RequirementsError(f"{line} includes {shown}, which is no file of this commit.", hint="Add it.")
    return included
