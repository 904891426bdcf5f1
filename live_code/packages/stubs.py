"""Wheels without content that let a resolver see what the image has: real names, versions and requirements."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from live_code.interpreter import Distribution, Interpreter
from live_code.packages.framework import normalised

_WHEEL = "Wheel-Version: 1.0\nGenerator: live-code\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
# PEP 440, as strictly as a file name needs it: an odd version in an image is left to the index.
_VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"\bextra\s*==")


def write(folder: Path, image: Interpreter, protected: Mapping[str, str]) -> dict[str, str]:
    """Makes one stub for each package of the image that can have one; returns their versions by name."""
    known = image.distributions()
    for name, version in protected.items():
        known.setdefault(name, Distribution(version, "", (), (), {}))
    kept = {name: dist for name, dist in known.items() if _VERSION.fullmatch(dist.version)}
    for name, dist in kept.items():
        requires = _present(dist.requires, known) if name in protected else dist.requires
        _write_wheel(folder, name, dist._replace(requires=tuple(requires)))
    return {name: dist.version for name, dist in kept.items()}


def _present(requires: tuple[str, ...], known: Mapping[str, Distribution]) -> list[str]:
    """Without what the image does not have: a framework that works without it (conda, NGC) must not pull it in."""
    return [line for line in requires if _EXTRA.search(line) or _required_name(line) in known]


def _required_name(line: str) -> str:
    match = _NAME.match(line)
    return normalised(match.group(1)) if match else ""


def _write_wheel(folder: Path, name: str, dist: Distribution) -> None:
    stem = f"{name.replace('-', '_')}-{dist.version}"
    fields = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {dist.version}"]
    fields += [f"Provides-Extra: {extra}" for extra in dist.extras]
    fields += [f"Requires-Dist: {line}" for line in dist.requires]
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(fields) + "\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", _WHEEL)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
