"""The Python that a repo is for, as its live-code.yaml says, against the image's."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from live_code.errors import ConfigError, InterpreterError
from live_code.tools.machine.interpreter import Interpreter

_TERM = re.compile(r"\s*(>=|<=|==|!=|>|<)?\s*(\d+(?:\.\d+)*)(?:\.\*)?\s*")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def require(wanted: str, image: Interpreter) -> None:
    """Raises InterpreterError when the image's Python is not among those wanted, ConfigError for words that name none.

    ``wanted``: ``3.10``, or ``>=3.8,<3.12``; numbers are compared as far as they are written. PEP 440 would need a
    library here that costs a start 25 ms.
    """
    if not all(_fits(term, wanted, image.version) for term in wanted.split(",")):
        raise InterpreterError(
            f"the repo is for Python {wanted} (python in live-code.yaml), and the image's is {image.version}"
            f" ({image.path}).",
            hint="Use another image tag, or correct live-code.yaml.",
        )


def _fits(term: str, wanted: str, version: str) -> bool:
    match = _TERM.fullmatch(term)
    if not match:
        raise ConfigError(
            f"python in live-code.yaml is {wanted!r}, which names no versions.", hint="Write '3.10', or '>=3.8,<3.12'."
        )
    bound = tuple(map(int, match[2].split(".")))
    return _COMPARE[match[1] or ""](tuple(map(int, version.split(".")))[: len(bound)], bound)
