"""What can't be brought about by a record: the GPU, the driver, the image and what it has installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from live_code import __version__
from live_code.records import compare
from live_code.stages.record.reading import Record
from live_code.stages.record.serialize import plain
from live_code.stages.results import provenance
from live_code.tools import store
from live_code.tools.machine import host, interpreter
from live_code.tools.settings import Settings

# More packages than these nobody reads one by one.
_PACKAGES = 10


def differences(recorded: Record, settings: Settings) -> list[str]:
    """One line for each thing that is not here as it was there, GPUs first. Raises InterpreterError."""
    here = Record(Path(), _here(settings))
    there = Record(recorded.path, {name: recorded.get(name) for name in (*here.document, "id")})
    return lines(there, here)


def lines(there: Record, here: Record) -> list[str]:
    """As ``differences``, between two records. Pure."""
    found = compare.between([there, here])
    hardware, image = ([_line(one) for one in found if one.section == section] for section in ("hardware", "image"))
    if not there.get("host"):
        hardware = ["the machine, of which the record tells nothing"]
    return [*hardware, *image, *_packages([one for one in found if one.section == "packages"])]


def _packages(found: Sequence[compare.Difference]) -> Iterator[str]:
    had = [_line(one) for one in found if one.values[0] is not None]
    yield from had[:_PACKAGES]
    if len(had) > _PACKAGES:
        yield f"{len(had) - _PACKAGES} more of its packages"
    if new := len(found) - len(had):
        yield f"{new} packages are here that were not there"


def _line(found: compare.Difference) -> str:
    return f"{found.name}: {found.values[0] or 'none'} there, {found.values[1] or 'none'} here"


def _here(settings: Settings) -> dict[str, Any]:
    image = interpreter.inspect(interpreter.find(settings), store.find(settings.store), settings.inherited)
    return {
        "interpreter": plain(image),
        "image": plain(provenance.image(settings.image)),
        "host": plain(host.inspect()),
        "executor": {"version": __version__},
    }
