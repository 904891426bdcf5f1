"""Boxes of a detection result. Made by the hundred thousand: values that are right already cost a type check."""

from __future__ import annotations

import math

from ._numbers import any_float, plain_float
from ._odd import warn
from ._record import Record, ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Set


class Box(Record):
    """Left, top, width and height in whole pixels. Fractions are rounded, with a note once."""

    x: int
    y: int
    w: int
    h: int

    __slots__ = _fields = ("x", "y", "w", "h")

    def __init__(self, x: Any = None, y: Any = None, w: Any = None, h: Any = None, **_: object) -> None:
        if not (type(x) is int and type(y) is int and type(w) is int and type(h) is int):
            x, y, w, h = _pixels("x", x), _pixels("y", y), _pixels("w", w), _pixels("h", h)
        if w < 0 or h < 0:
            _note(f"boxes of negative size are kept as they are: x={x}, y={y}, w={w}, h={h}")
        self.x = x
        self.y = y
        self.w = w
        self.h = h


class Annotation(Record):
    class_name: str
    score: float
    box: Box

    __slots__ = _fields = ("class_name", "score", "box")

    def __init__(self, class_name: Any = None, score: Any = None, box: Any = None, **_: object) -> None:
        if type(class_name) is not str:
            class_name = _name(class_name)
        if type(score) is not float:
            score = _score(score)
        self.class_name = class_name
        self.score = score
        self.box = box if type(box) is Box else Box.parse_obj(box)


def checked(annotation: object) -> Annotation:
    """An Annotation of plain values, from one whose attributes were assigned, a mapping, or another model."""
    if isinstance(annotation, Record):
        annotation = annotation.dict()
    elif not isinstance(annotation, dict) and callable(getattr(annotation, "dict", None)):
        annotation = annotation.dict()  # type: ignore[attr-defined]
    return Annotation.parse_obj(annotation)


_noted: Set[str] = set()


def _note(message: str) -> None:
    """A warning, once for each kind of oddity."""
    kind = message.partition(":")[0]
    if kind not in _noted:
        _noted.add(kind)
        warn(message)


def _pixels(field: str, value: Any) -> int:
    if value is None:
        raise ValidationError(f"Box.{field} is missing")
    number = _number(f"Box.{field}", value)
    whole = math.floor(number + 0.5)
    if whole != number:
        _note(f"boxes are whole pixels, others are rounded: {field}={number}")
    return whole


def _score(value: Any) -> float:
    if value is None:
        raise ValidationError("Annotation.score is missing")
    return _number("Annotation.score", value, any_float)


def _number(subject: str, value: Any, convert: Callable[[Any, str], float] = plain_float) -> float:
    try:
        return convert(value, subject)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _name(value: Optional[object]) -> str:
    if value is None:
        raise ValidationError("Annotation.class_name is missing")
    return str(value)
