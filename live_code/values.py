"""``NamedTuple`` for values: the one that all of live_code uses.

To a type checker it is ``typing.NamedTuple``; when it runs it is made here. ``typing`` takes 2 ms to import and 0.1 ms
for each class, ``collections.namedtuple`` 0.04 ms for each, and a start makes some seventy (docs/performance.md).
tests/test_values.py holds it against ``typing.NamedTuple`` on every Python that live-code runs on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    # The descriptor that namedtuple's own fields are, in C since Python 3.8; property(itemgetter(n)) would do as well.
    from _collections import _tuplegetter

    class _Value(tuple):
        """What every named tuple can, whatever its fields."""

        __slots__ = ()
        _fields = ()

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                values = _completed(cls, values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, /, **named):
            return type(self)(**{**dict(zip(self._fields, self, strict=True)), **named})

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({fields})"

        def __getnewargs__(self):
            return tuple(self)

    def _completed(cls, values, named):
        """All values in the order of the fields. Raises TypeError as a call with such arguments does."""
        given = {**cls._field_defaults, **dict(zip(cls._fields, values, strict=False)), **named}
        twice = named.keys() & set(cls._fields[: len(values)])
        if len(values) > len(cls._fields) or given.keys() != set(cls._fields) or twice:
            unknown = ", ".join(sorted(named.keys() - set(cls._fields)))
            raise TypeError(f"{cls.__name__}() takes {', '.join(cls._fields)}, not {len(values)} values and {unknown}")
        return [given[name] for name in cls._fields]

    class _Kind(type):
        """Makes a class with annotated fields into a named tuple, as ``typing`` does, without a look at their types."""

        def __new__(cls, name, bases, body):
            fields = tuple(body["__annotations__"])
            defaults = {field: body.pop(field) for field in fields if field in body}
            made = {"__slots__": (), "_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
            made |= {field: _tuplegetter(number, "") for number, field in enumerate(fields)}
            return type(name, (_Value,), {**body, **made})

    NamedTuple = type.__new__(_Kind, "NamedTuple", (), {})

__all__ = ["TYPE_CHECKING", "NamedTuple"]
