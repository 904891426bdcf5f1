"""Makes the files that a stage names what the platform will collect: real files with plain names.

A name may come before its file. What is not there yet is kept with a warning; the check at the end of the run decides.
"""

from __future__ import annotations

import os

from . import protocol
from ._odd import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Tuple


def checked_files(files: Iterable[Any], models_dir: str, stage_name: str) -> List[str]:
    """The names of a stage's files, found in ``models_dir/<stage>`` or ``models_dir``.

    A link becomes its file; a file that lies elsewhere is copied into ``models_dir``.
    """
    places = (os.path.join(models_dir, stage_name), models_dir)
    return _names((_collected(os.fspath(file), places, models_dir) for file in files), f"stage {stage_name}")


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
    names = []
    for file in files:
        path = _found(os.fspath(file), places)
        if path and not _is_in(path, (home,)):
            os.makedirs(home, exist_ok=True)
            copy_file(os.path.realpath(path), os.path.join(home, os.path.basename(path)))
        names.append((_collected(os.fspath(file), (home,), home)[0], path or ""))
    return _names(names, f"attachments {section}")


def _collected(file: str, places: Tuple[str, ...], home: str) -> Tuple[str, str]:
    """The name under which the platform finds the file, and where it is ('' when it is not there yet)."""
    path = _found(file, places)
    if path is None:
        name = _name_for_later(file, places)
        warn(f"saved file {name} is not in {home} yet; it has to be there when the run ends")
        return name, ""
    if not _is_in(path, places):
        warn(f"saved file {file} is copied into {home}, where the platform looks for it")
        path = _copied_home(path, home)
    elif os.path.islink(path):
        copy_file(os.path.realpath(path), path)
    return os.path.basename(path), path


def _found(file: str, places: Tuple[str, ...]) -> Optional[str]:
    """Where the file is: given by a plain name, by one with folders, or by an absolute one. None: nowhere."""
    candidates = [os.path.normpath(os.path.join(place, file)) for place in places]
    return next((path for path in candidates if os.path.isfile(path)), None)


def _is_in(path: str, places: Tuple[str, ...]) -> bool:
    folder = os.path.realpath(os.path.dirname(path))
    return any(folder == os.path.realpath(place) for place in places)


def _name_for_later(file: str, places: Tuple[str, ...]) -> str:
    """The plain name where it is sure, else the name from the models folder on."""
    path = os.path.normpath(os.path.join(places[-1], file))
    if any(os.path.normpath(os.path.dirname(path)) == os.path.normpath(place) for place in places):
        return os.path.basename(path)
    name = os.path.relpath(path, places[-1])
    return os.path.basename(path) if name.startswith(os.pardir) else name


def _names(files: Iterable[Tuple[str, str]], subject: str) -> List[str]:
    paths: Dict[str, str] = {}
    for name, path in files:
        if paths.setdefault(name, path) != path:
            warn(f"{subject}: two saved files are named {name}; the platform takes one of them")
    return list(paths)


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


def _copied_home(source: str, home: str) -> str:
    target = os.path.join(home, os.path.basename(source))
    if os.path.islink(target) or os.path.realpath(source) != os.path.realpath(target):
        if os.path.isfile(target) and os.path.realpath(source) != os.path.realpath(target):
            warn(f"{target} is replaced by {source}")
        os.makedirs(home, exist_ok=True)
        copy_file(os.path.realpath(source), target)
    return target


def brought_home(file: str, models_dir: str) -> str:
    """The plain name of a file that now stands in ``models_dir`` itself, copied there from wherever it was.

    One that is not there yet keeps its name, with a warning.
    """
    source = os.path.join(models_dir, os.fspath(file))
    if not os.path.exists(source):
        return _collected(os.fspath(file), (models_dir,), models_dir)[0]
    return os.path.basename(_copied_home(source, models_dir))


def for_one_model(files: Iterable[str], models_dir: str, stage_name: str, replace: bool) -> None:
    """Puts a stage's files directly into ``models_dir``: before protocol 1.0.0 nothing else was read.

    ``replace``: whether a file of that name which is there already, an earlier stage's, gives way.
    """
    for file in files:
        source, target = os.path.join(models_dir, stage_name, file), os.path.join(models_dir, os.path.basename(file))
        if not os.path.isfile(source):
            source = os.path.join(models_dir, file)
        if os.path.isfile(source) and source != target and (replace or not os.path.isfile(target)):
            copy_file(source, target)
