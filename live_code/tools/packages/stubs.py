"""Wheels without content that let a resolver see what the image has: real names, versions and requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from live_code.tools.machine.interpreter import Distribution, Interpreter
from live_code.tools.packages.framework import is_version, normalised

# What `uv pip check` says of a requirement that an installed package has and does not find.
_UNMET = re.compile(r"The package `(?P<name>[^`]+)` requires `(?P<requires>[^`]+)`, but")
_WHEEL = "Wheel-Version: 1.0\nGenerator: live-code\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"\bextra\s*==")


def write(folder: Path, image: Interpreter, protected: Mapping[str, str], checked: str) -> dict[str, str]:
    """Makes one stub for each package of the image that can have one; returns their versions by name.

    ``checked``: what ``uv pip check`` says of the image. A framework that works without something, or with another
    version than it says (conda's, NGC's), must not pull it in.
    """
    known = image.distributions()
    for name, version in protected.items():
        known.setdefault(name, Distribution(version, "", (), (), {}))
    usable = {name: dist for name, dist in known.items() if is_version(dist.version)}
    unmet = {(normalised(match["name"]), _required_name(match["requires"])) for match in _UNMET.finditer(checked)}
    for name, dist in usable.items():
        requires = _met(name, dist, known, unmet) if name in protected else dist.requires
        _write_wheel(folder, name, dist._replace(requires=tuple(requires)))
    return {name: dist.version for name, dist in usable.items()}


def _met(name: str, dist: Distribution, known: Mapping[str, Distribution], unmet: set[tuple[str, str]]) -> list[str]:
    return [
        line
        for line in dist.requires
        if _EXTRA.search(line) or (_required_name(line) in known and (name, _required_name(line)) not in unmet)
    ]


def _required_name(line: str) -> str:
    match = _NAME.match(line)
    return normalised(match.group(1)) if match else ""


def _write_wheel(folder: Path, name: str, dist: Distribution) -> None:
    stem = f"{name.replace('-', '_')}-{dist.version}"
    fields = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {dist.version}"]
    fields += [f"Provides-Extra: {extra}" for extra in dist.extras]
    fields += [f"Requires-Dist: {line}" for line in dist.requires]
    import zipfile  # a known lock needs none of it

    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(fields) + "\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", _WHEEL)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
