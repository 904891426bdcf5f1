"""Makes sure that the files a stage names are what the platform will collect: real files with plain names."""

from __future__ import annotations

import os
import stat
import warnings

from . import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Tuple


def checked_files(files: Iterable[Any], models_dir: str, stage_name: str) -> List[str]:
    """The plain names of a stage's files, found in ``models_dir/<stage>`` or ``models_dir``; links become files there.

    Raises FileNotFoundError or ValueError naming the file that the platform could not collect.
    """
    stage_dir = os.path.join(models_dir, stage_name)
    paths = [_located(os.fspath(file), (stage_dir, models_dir)) for file in files]
    for path in paths:
        _require_file(path)
    return _plain_names(paths)


def checked_attachments(attachments: Any, models_dir: str) -> Dict[str, List[str]]:
    """The plain names per section, each file in ``models_dir/attachments/<section>``: copied there when it is not."""
    if not isinstance(attachments, dict):
        raise ValueError(f"attachments are a mapping of sections to file lists, not {attachments!r}")
    return {str(section): _section(str(section), files, models_dir) for section, files in attachments.items()}


def _section(section: str, files: Iterable[Any], models_dir: str) -> List[str]:
    if os.path.basename(section) != section or section in ("", os.curdir, os.pardir):
        raise ValueError(f"an attachment section is a plain name, not {section!r}")
    home = os.path.join(models_dir, "attachments", section)
    places = (home, models_dir, os.path.join(models_dir, "attachments"))
    paths = [_located(os.fspath(file), places) for file in files]
    for path in paths:
        _require_file(path)
        if os.path.realpath(os.path.dirname(path)) != os.path.realpath(home):
            os.makedirs(home, exist_ok=True)
            copy_file(path, os.path.join(home, os.path.basename(path)))
    return _plain_names(paths)


def _located(file: str, places: Tuple[str, ...]) -> str:
    """Where the file is. Given by a plain or absolute name, or from the models folder with the section's name."""
    if os.pardir in file.split(os.sep):
        raise ValueError(f"a saved file may not leave its folder: {file!r}")
    if os.path.isabs(file):
        inside = any(os.path.realpath(os.path.dirname(file)) == os.path.realpath(place) for place in places)
        if not inside:
            raise ValueError(f"a saved file must stand in {' or '.join(places)}: {file!r}")
        return file
    candidates = [os.path.join(place, file) for place in places]
    path = next((path for path in candidates if os.path.lexists(path)), None)
    if path is None:
        raise FileNotFoundError(2, "no such saved file, looked for in " + " and ".join(places), file)
    if not any(os.path.dirname(os.path.normpath(path)) == os.path.normpath(place) for place in places):
        raise ValueError(f"a saved file is named without folders: {file!r}")
    return path


def _require_file(path: str) -> None:
    if os.path.islink(path):
        if not os.path.exists(path):
            raise FileNotFoundError(2, f"a link to {os.readlink(path)}, which is not there", path)
        if os.path.isfile(path):
            copy_file(os.path.realpath(path), path)
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise ValueError(f"a saved file must be a file, not {'a folder' if stat.S_ISDIR(mode) else 'special'}: {path}")


def _plain_names(paths: Iterable[str]) -> List[str]:
    homes: Dict[str, str] = {}
    for path in paths:
        name, home = os.path.basename(path), os.path.realpath(path)
        if homes.setdefault(name, home) != home:
            raise ValueError(f"two saved files are named {name}: {homes[name]} and {home}")
    return list(homes)


def copy_file(source: str, target: str) -> None:
    """Puts a copy at ``target``, at once and in place of what is there, link or file. Raises OSError."""
    import shutil

    aside = protocol.aside_of(target)
    try:
        shutil.copyfile(source, aside)
        os.replace(aside, target)
    except OSError as error:
        protocol.remove(aside)
        raise protocol.kept(error, target) from error


def brought_home(file: str, models_dir: str) -> str:
    """The plain name of a file that now stands in ``models_dir`` itself, copied there from wherever it was."""
    source = os.path.join(models_dir, os.fspath(file))
    target = os.path.join(models_dir, os.path.basename(source))
    if not os.path.exists(source):
        raise FileNotFoundError(2, "no such saved file", source)
    if os.path.islink(target) or os.path.realpath(source) != os.path.realpath(target):
        if os.path.isfile(target) and os.path.realpath(source) != os.path.realpath(target):
            warnings.warn(f"{target} is replaced by {source}", UserWarning, stacklevel=4)
        os.makedirs(models_dir, exist_ok=True)
        copy_file(os.path.realpath(source), target)
    return os.path.basename(target)
