"""Markers and ranges of PEP 508, as they are for the job's interpreter rather than ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from live_code.tools.machine.interpreter import Interpreter

_NAMES = {"cpython": "CPython", "pypy": "PyPy"}


def environment(image: Interpreter) -> dict[str, Any]:
    """What markers speak of: the machine is ours too, the interpreter is the image's."""
    from packaging.markers import default_environment

    return {
        **default_environment(),
        "implementation_name": image.implementation,
        "implementation_version": image.version,
        "platform_machine": image.platform.rpartition("-")[2],
        "platform_python_implementation": _NAMES.get(image.implementation, image.implementation),
        "python_full_version": image.version,
        "python_version": ".".join(image.version.split(".")[:2]),
    }


def holds(
    marker: str, environment: Mapping[str, Any], extras: Collection[str] = (), groups: Collection[str] = ()
) -> bool | None:
    """Whether a marker is true there; '' is. None: it is no marker."""
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

    if not marker:
        return True
    chosen = {**environment, "extra": "", "extras": set(extras), "dependency_groups": set(groups)}
    try:
        return Marker(marker).evaluate(chosen, context="lock_file")
    except (InvalidMarker, UndefinedEnvironmentName):
        return None


def is_within(version: str, versions: str) -> bool:
    """Whether a version is in a range like ``>=2,<3``."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(versions).contains(version, prereleases=True)
