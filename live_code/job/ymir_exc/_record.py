"""Values with named fields that behave like the models of the published SDK, without its dependency."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Collection, Dict, Iterator, Optional, Tuple, Type, TypeVar

    Self = TypeVar("Self", bound="Record")


class ValidationError(ValueError):
    """A value that a field can't take; names the class, the field and the value."""


class Record:
    """Base of the SDK's models. A subclass names its fields in ``_fields`` and checks them in ``__init__``."""

    __slots__: Tuple[str, ...] = ()
    _fields: Tuple[str, ...] = ()

    @classmethod
    def parse_obj(cls: Type[Self], obj: object) -> Self:
        if isinstance(obj, cls):
            return obj.copy()
        if not _is_mapping(obj):
            raise ValidationError(f"{cls.__name__} is made from a mapping, not from {obj!r}")
        known = {name: obj[name] for name in cls._fields if name in obj}  # type: ignore[index, operator]
        return cls(**known)

    @classmethod
    def parse_raw(cls: Type[Self], text: str) -> Self:
        import json

        return cls.parse_obj(json.loads(text))

    def dict(
        self, *, include: Optional[Collection[str]] = None, exclude: Optional[Collection[str]] = None, **_: object
    ) -> Dict[str, Any]:
        """Plain values, nested records too. Other keywords of the original model are accepted and have no effect."""
        names = [n for n in self._fields if (include is None or n in include) and not (exclude and n in exclude)]
        return {name: _plain(getattr(self, name)) for name in names}

    def json(self, **options: Any) -> str:
        import json

        chosen = {name: options.pop(name) for name in ("include", "exclude") if name in options}
        return json.dumps(self.dict(**chosen), **options)

    def copy(self: Self, *, update: Optional[Dict[str, Any]] = None, deep: bool = False, **_: object) -> Self:
        twin = object.__new__(type(self))
        for name in self._fields:
            value = getattr(self, name)
            setattr(twin, name, value.copy(deep=True) if deep and isinstance(value, Record) else value)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    model_validate = parse_obj
    model_dump = dict
    model_dump_json = json
    model_copy = copy

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name) if name in self._fields else default

    def __getitem__(self, name: str) -> Any:
        if name not in self._fields:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[Tuple[str, Any]]:
        """Pairs, as the original models give them: ``dict(cfg.ymir.input)`` works."""
        return iter([(name, getattr(self, name)) for name in self._fields])

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record) and other._fields == self._fields:
            return all(getattr(self, name) == getattr(other, name) for name in self._fields)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    def __str__(self) -> str:
        return " ".join(f"{name}={value!r}" for name, value in self)


def _is_mapping(obj: object) -> bool:
    return isinstance(obj, dict) or (hasattr(obj, "keys") and hasattr(obj, "__getitem__"))


def _plain(value: Any) -> Any:
    return value.dict() if isinstance(value, Record) else value
