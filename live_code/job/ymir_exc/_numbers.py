"""Numbers as the platform's readers take them: plain and finite, whatever array library they come from."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plain_float(value: Any, subject: str) -> float:
    """A finite float from a number, a numpy or torch scalar, an mxnet array of one element, or a number's text.

    Raises ValueError that names ``subject``.
    """
    number = any_float(value, subject)
    if not math.isfinite(number):
        raise ValueError(f"{subject} is {number}: not a finite number")
    return number


def any_float(value: Any, subject: str) -> float:
    """As :func:`plain_float`, but NaN and infinity pass."""
    return value if type(value) is float else _converted(value, subject)


def _converted(value: Any, subject: str) -> float:
    try:
        if hasattr(value, "asscalar"):  # mxnet's older arrays
            value = value.asscalar()
        elif hasattr(value, "item"):
            value = value.item()
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{subject} must be one number, not {str(value)[:80]!r}") from error


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or hasattr(value, "item") or hasattr(value, "asscalar")
