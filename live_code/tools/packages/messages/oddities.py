"""What a lock brings that is no error, and that a person should know of: packages that get in each other's way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from live_code.tools.machine.interpreter import Distribution
from live_code.tools.packages import markers
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.messages import ranges
from live_code.tools.packages.solution import Pin

MOST_NAMED = 5

# Distributions that install the same files: of several the last one wins, or a mixture.
_TWINS = (
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    ("mmcv", "mmcv-full", "mmcv-lite"),
    ("onnxruntime", "onnxruntime-gpu"),
    ("pillow", "pillow-simd"),
    ("faiss-cpu", "faiss-gpu"),
    ("pycrypto", "pycryptodome"),
    ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"),
    ("tb-nightly", "tensorboard"),
)


def of(pins: Iterable[Pin], image: Mapping[str, Distribution], environment: Mapping[str, Any]) -> list[str]:
    """Sentences about packages that a lock adds to those of the image. ``environment``: what markers speak of."""
    added = {pin.name: pin.version or pin.url for pin in pins if pin.name}
    return [*_twins(added, image), *_unmet(added, image, environment)]


def _twins(added: Mapping[str, str], image: Mapping[str, Distribution]) -> Iterator[str]:
    for names in _TWINS:
        present = [name for name in names if name in added or name in image]
        if len(present) > 1 and any(name in added for name in present):
            listed = " and ".join(
                f"{name} {added[name]}" if name in added else f"the image's {name}" for name in present
            )
            yield f"{listed} install the same files, so only one of them works: ask for one alone."


def _unmet(
    added: Mapping[str, str], image: Mapping[str, Distribution], environment: Mapping[str, Any]
) -> Iterator[str]:
    """What packages of the image ask for and don't get: they stay, and another version stands before theirs."""
    asking: dict[str, list[str]] = {}
    for owner, distribution in image.items():
        for name, wanted in _requirements(distribution.requires, environment) if owner not in added else ():
            if name in added and not ranges.fits(added[name], wanted):
                asking.setdefault(name, []).append(f"{owner} {distribution.version} needs {name}{wanted}")
    for name, needs in asking.items():
        more = f" and {len(needs) - MOST_NAMED} more" if len(needs) > MOST_NAMED else ""
        listed = ", ".join(needs[:MOST_NAMED])
        yield f"{name} {added[name]} is not what the image's own packages ask for, which may fail: {listed}{more}."


def _requirements(lines: Iterable[str], environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and ranges of the requirements that hold there."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if markers.holds(str(requirement.marker or ""), environment):
            yield normalised(requirement.name), str(requirement.specifier)
