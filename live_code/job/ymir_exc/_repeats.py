"""Finds what comes twice among millions of names, in a few megabytes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Iterator, Optional, Set, TypeVar

    T = TypeVar("T")

_BITS = 1 << 25


class Suspects:
    """One bit per name: names that meet a bit already set may be repeats. Others surely are not.

    A second look at the names tells, with one of the other methods: among a million about fifteen thousand are looked
    at.
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

    def first_ones(self, rows: Iterable[T], name_of: Callable[[T], str], repeated: Callable[[T], None]) -> Iterator[T]:
        """The rows without those whose name came before; ``repeated`` hears of the first such one."""
        met: Set[str] = set()
        is_first = True
        for row in rows:
            name = name_of(row)
            if name not in self._names or name not in met:
                if name in self._names:
                    met.add(name)
                yield row
            elif is_first:
                is_first = False
                repeated(row)
