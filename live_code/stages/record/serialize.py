"""Values of the stages as JSON has them, without what nobody else may know."""

from __future__ import annotations

import re

from live_code.job.ymir_exc.protocol import legible
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# user:password@ in any URL, and a bare token@ in an HTTP one; the user of ssh://git@host is no secret.
_CREDENTIALS = re.compile(r"(\b[a-z+]+://)(?:(?<=http://)|(?<=https://)|(?=[^/@\s]*:))[^/@\s]*@")
# Hyper-parameters that people name so hold a secret when they are long; `pad_token: <pad>` is none.
_SECRET_NAME = re.compile(r"(^|[_-])(token|passw(or)?d|secret|(api|access)[_-]?key|credentials?)$", re.IGNORECASE)
_SECRET_LENGTH = 8
HIDDEN = "***"


def plain(value: Any) -> Any:
    """A value as JSON: named tuples by their fields, unless they have a text of their own; paths and URLs as text.

    No credential of a URL and no value of a secret's name comes out.
    """
    if value is None or isinstance(value, (int, bool)):
        return value
    if isinstance(value, str):
        return _CREDENTIALS.sub(rf"\1{HIDDEN}@", legible(value))
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if hasattr(value, "_asdict") and not _has_own_text(value):
        return {key: plain(_recorded(key, item)) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        named = ((legible(str(key)), item) for key, item in value.items())
        return {key: HIDDEN if _is_secret(key, item) else plain(item) for key, item in named}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_asdict"):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value)]
    return plain(str(value))


def _has_own_text(value: Any) -> bool:
    return any("__str__" in vars(kind) for kind in type(value).__mro__[:-1])


def _recorded(field: str, value: Any) -> Any:
    """Variables of a process are recorded by name only: the container's own ones may be secret."""
    return sorted(value) if field == "environ" else value


def _is_secret(key: str, value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SECRET_LENGTH and _SECRET_NAME.search(key) is not None
