"""What a program prints when it fails → the error that a user can act upon, by a table of signs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from live_code.errors import LiveCodeError
from live_code.values import NamedTuple


class Sign(NamedTuple):
    """What a program prints of one cause. ``message`` and ``hint`` may have the pattern's groups and the caller's
    facts, by name in braces."""

    pattern: str
    error: type[LiveCodeError]
    message: str
    hint: str = ""


def diagnose(
    signs: Iterable[Sign], output: str, *, details: str = "", flags: int = 0, **facts: str
) -> LiveCodeError | None:
    """The error of the first sign that is in ``output``, None when there is none of them."""
    for sign in signs:
        if match := re.search(sign.pattern, output, flags):
            words = {**facts, **match.groupdict()}
            return sign.error(sign.message.format(**words), hint=sign.hint.format(**words), details=details)
    return None
