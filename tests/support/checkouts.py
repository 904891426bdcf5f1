"""A commit's work tree as a run makes it: resolved, fetched into a store, cut from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.stages.code import checkout, source
from live_code.stages.code.checkout import Checkout
from live_code.stages.request.hyperparameters import Request
from live_code.tools.store import Store
from tests.support import variables


def made(
    root: Path, url: str, revision: str, environ: Mapping[str, str] = os.environ, *, place: str = "place", **asked: Any
) -> Checkout:
    """In ``root``/``place``, by the store in ``root``. ``asked``: fields of Request."""
    request = Request(git_url=url, revision=revision, revision_key="git_branch", **asked)
    store = Store(root / "store")
    known = variables.git(environ)
    return checkout.make(source.resolve(request, store, known), request, store, root / place, known)
