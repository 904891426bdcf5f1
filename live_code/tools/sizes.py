"""Sizes in bytes as people write and read them: 50G, 1.5 GiB."""

from __future__ import annotations

from live_code.errors import ConfigError

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse(text: str) -> int:
    """Bytes, from a text like 50G, 1.5T or 1000. Raises ConfigError."""
    number, unit = text.strip().lower().removesuffix("b").removesuffix("i"), ""
    if number[-1:] in ("k", "m", "g", "t"):
        number, unit = number[:-1], number[-1]
    try:
        return int(float(number) * _UNITS[unit])
    except ValueError as error:
        raise ConfigError(f"{text!r} is no size.", hint="Write it like 50G.") from error


def shown(count: float) -> str:
    """As a person reads it: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
