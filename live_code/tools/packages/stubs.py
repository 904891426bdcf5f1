"""Wheels without content that let a resolver see what the image has: real names, versions and requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from live_code.tools.machine.interpreter import Distribution, Interpreter
from live_code.tools.packages.framework import is_version, normalised
from live_code.values import NamedTuple

# By PEP 440 it makes a version newer than the index's of the same number, and one that `==` of that number takes.
_LABEL = "+image"
_WHEEL = "Wheel-Version: 1.0\nGenerator: live-code\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"\bextra\s*==")


class Stubs(NamedTuple):
    """``required``: the protected packages, as lines of a requirements file that name their stubs: no index is asked
    for one. ``offered``: all others by name, with their stub's version."""

    required: str
    offered: Mapping[str, str]


def labelled(version: str) -> str:
    """A version that only a stub has; one with a local label is hardly on an index, and `==` has to find it."""
    return version if "+" in version else version + _LABEL


def plain(text: str) -> str:
    """A resolver's words with the image's versions as the image has them."""
    return re.sub(rf"{re.escape(_LABEL)}\b", "", text)


def write(links: Path, apart: Path, image: Interpreter, protected: Mapping[str, str]) -> Stubs:
    """Makes one stub for each package of the image that can have one: of the protected ones in ``apart``, of the others
    in ``links``, a folder to look for packages in.

    A framework that works without something, or with another version than it says (conda's, NGC's), must not pull it
    in. Raises OSError.
    """
    known = image.distributions()
    for name, version in protected.items():
        known.setdefault(name, Distribution(version, "", (), (), {}))
    required, offered = "", {}
    for name, dist in known.items():
        if name in protected:
            requires = tuple(line for line in dist.requires if _EXTRA.search(line) or _is_met(line, known))
            wheel = write_wheel(apart, name, dist._replace(version=protected[name], requires=requires))
            required += f"{name} @ file://{quote(str(wheel))}\n"
        elif is_version(dist.version):
            offered[name] = labelled(dist.version)
            write_wheel(links, name, dist._replace(version=offered[name]))
    return Stubs(required, offered)


def required_name(line: str) -> str:
    """The package that a requirement is about, normalised; '' when it names none."""
    match = _NAME.match(line)
    return normalised(match.group(1)) if match else ""


def write_wheel(folder: Path, name: str, dist: Distribution, files: Iterable[tuple[str, str]] = ()) -> Path:
    """A wheel of that name, version, extras and requirements. ``files``: its content, as path and text."""
    stem = f"{name.replace('-', '_')}-{dist.version}"
    fields = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {dist.version}"]
    fields += [f"Provides-Extra: {extra}" for extra in dist.extras]
    fields += [f"Requires-Dist: {line}" for line in dist.requires]
    import zipfile  # a known lock needs none of it

    path = folder / f"{stem}-py3-none-any.whl"
    contents = {**dict(files), f"{stem}.dist-info/METADATA": "\n".join(fields) + "\n"}
    contents[f"{stem}.dist-info/WHEEL"] = _WHEEL
    contents[f"{stem}.dist-info/RECORD"] = "".join(f"{name},,\n" for name in (*contents, f"{stem}.dist-info/RECORD"))
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in contents.items():
            wheel.writestr(member, text)
    return path


def _is_met(line: str, known: Mapping[str, Distribution]) -> bool:
    """Whether the image has what a package of its own asks for; not, where nobody can tell: it works as it is."""
    there = known.get(required_name(line))
    if there is None or not is_version(there.version):
        return False
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line).specifier.contains(there.version, prereleases=True)
    except InvalidRequirement:
        return False
