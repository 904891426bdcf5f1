"""What can't be brought about by a record: the GPU, the driver, the image and what it has installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code import __version__, compare, evidence, host, interpreter, store
from live_code.record import plain
from live_code.record.reading import Record

_SECTIONS = ("image", "hardware", "packages")


def differences(recorded: Record, environ: Mapping[str, str]) -> list[str]:
    """One line for each thing that is not here as it was there. Raises InterpreterError."""
    here = Record(Path(), _here(environ))
    there = Record(recorded.path, {name: recorded.get(name) for name in (*here.document, "id")})
    return [
        f"{found.name}: {found.values[0] or 'none'} there, {found.values[1] or 'none'} here"
        for found in compare.between([there, here])
        if found.section in _SECTIONS
    ]


def _here(environ: Mapping[str, str]) -> dict[str, Any]:
    image = interpreter.inspect(interpreter.find(environ), store.find(environ), environ)
    return {
        "interpreter": plain(image),
        "image": plain(evidence.image(environ)),
        "host": plain(host.inspect()),
        "executor": {"version": __version__},
    }
