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
    current = Record(Path(), _current(settings))
    comparable = Record(recorded.path, {name: recorded.get(name) for name in (*current.document, "id")})
    return lines(comparable, current)


def lines(recorded: Record, current: Record) -> list[str]:
    """As ``differences``, between two records. Pure."""
    unequal = compare.between([recorded, current])
    hardware, image = ([_line(row) for row in unequal if row.section == section] for section in ("hardware", "image"))
    if not recorded.get("host"):
        hardware = ["the machine, of which the record tells nothing"]
    return [*hardware, *image, *_packages([row for row in unequal if row.section == "packages"])]


def _packages(unequal: Sequence[compare.Difference]) -> Iterator[str]:
    had = [_line(row) for row in unequal if row.values[0] is not None]
    yield from had[:_PACKAGES]
    if len(had) > _PACKAGES:
        yield f"{len(had) - _PACKAGES} more of its packages"
    if new := len(unequal) - len(had):
        yield f"{new} packages are here that were not there"


def _line(row: compare.Difference) -> str:
    return f"{row.name}: {row.values[0] or 'none'} there, {row.values[1] or 'none'} here"


def _current(settings: Settings) -> dict[str, Any]:
    image = interpreter.inspect(interpreter.find(settings), store.find(settings.store), settings.inherited)
    return {
        "interpreter": plain(image),
        "image": plain(provenance.image(settings.image)),
        "host": plain(host.inspect()),
        "executor": {"version": __version__},
    }
