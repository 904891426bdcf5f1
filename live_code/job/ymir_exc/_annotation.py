"""Boxes of a detection result. Made by the hundred thousand: values that are right already cost a type check."""

from __future__ import annotations

import math
import warnings

from ._numbers import plain_float
from ._record import Record, ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


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
            raise ValidationError(f"Box of negative size: x={x}, y={y}, w={w}, h={h}")
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
        if type(score) is not float or score - score != 0.0:  # infinity and NaN differ from themselves
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


_noted = False


def _pixels(field: str, value: Any) -> int:
    global _noted
    if value is None:
        raise ValidationError(f"Box.{field} is missing")
    number = _number(f"Box.{field}", value)
    whole = math.floor(number + 0.5)
    if whole != number and not _noted:
        _noted = True
        warnings.warn(f"boxes are whole pixels: {field}={number} is rounded, as are others", UserWarning, stacklevel=4)
    return whole


def _score(value: Any) -> float:
    if value is None:
        raise ValidationError("Annotation.score is missing")
    return _number("Annotation.score", value)


def _number(subject: str, value: Any) -> float:
    try:
        return plain_float(value, subject)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _name(value: Optional[object]) -> str:
    if value is None:
        raise ValidationError("Annotation.class_name is missing")
    return str(value)
