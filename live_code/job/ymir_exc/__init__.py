"""The YMIR executor SDK as live repos import it: every published generation at once.

A module that only another installed ``ymir_exc`` has is imported from there: its folder comes after ours.
"""

from __future__ import annotations

import os
import sys


def _other_sdks(own: str, entries: list[str]) -> list[str]:
    paths = (os.path.join(entry or os.curdir, "ymir_exc") for entry in entries)
    return [path for path in dict.fromkeys(paths) if os.path.isdir(path) and not os.path.samefile(path, own)]


if __name__ == "ymir_exc":
    __path__ += _other_sdks(__path__[0], sys.path)
