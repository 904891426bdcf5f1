"""Finds what comes twice among millions of names, in a few megabytes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Optional, Set

_BITS = 1 << 25


class Suspects:
    """One bit per name: names that meet a bit already set may be repeats. Others surely are not.

    A second look at the names, with :meth:`first_repeat`, tells: among a million about fifteen thousand are looked at.
    """

    def __init__(self) -> None:
        self._bits = bytearray(_BITS // 8)
        self._names: Set[str] = set()

    def add(self, name: str) -> None:
        place = hash(name) % _BITS
        byte, bit = place >> 3, 1 << (place & 7)
        if self._bits[byte] & bit:
            self._names.add(name)
        else:
            self._bits[byte] |= bit

    def __bool__(self) -> bool:
        return bool(self._names)

    def first_repeat(self, names: Iterable[str]) -> Optional[str]:
        met: Set[str] = set()
        for name in names:
            if name in self._names:
                if name in met:
                    return name
                met.add(name)
        return None
