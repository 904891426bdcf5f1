"""Wheels and source archives that lie in the repo and are named as requirements: are they what they are called?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from live_code.errors import RequirementsError
from live_code.tools.packages.requirements import Line, Text, is_list, lines

_ARCHIVE = re.compile(r"(?:^|@\s*)file:(?P<path>\.{1,2}/[^\s;\[]+)")
_LFS = b"version https://git-lfs.github.com/spec/"


def names(texts: Iterable[Text]) -> list[str]:
    """The archives of the repo that requirements name, relative to the root."""
    found = (_ARCHIVE.search(line.text) for text in texts if is_list(text.name) for line in lines(text))
    return [os.path.normpath(unquote(match["path"])) for match in found if match]


def check(text: Text, root: Path) -> None:
    """Raises RequirementsError for one that is something else, or that is cut off."""
    for line in lines(text):
        if match := _ARCHIVE.search(line.text):
            _check(line, unquote(match["path"]), root)


def _check(line: Line, name: str, root: Path) -> None:
    path = root / name
    kind = "wheel" if name.lower().endswith(".whl") else "archive"
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise RequirementsError(
                f"{line} names {name}, of which only Git LFS's pointer is here.", hint="Set git_lfs: on."
            )
    if why := _fault(path, kind):
        raise RequirementsError(
            f"{line} names {name}, which is no {kind}: {why}.", hint="Put a whole one in its place."
        )


def _fault(path: Path, kind: str) -> str:
    """What is wrong with an archive; ''."""
    import tarfile
    import zipfile

    if kind == "wheel" or path.name.lower().endswith(".zip"):
        if not zipfile.is_zipfile(path):
            return "it is no zip file, or was cut off"
        with zipfile.ZipFile(path) as archive:
            has_metadata = any(re.fullmatch(r"[^/]+\.dist-info/METADATA", member) for member in archive.namelist())
        return "" if kind != "wheel" or has_metadata else "it has no metadata"
    return "" if tarfile.is_tarfile(path) else "it can't be unpacked"
