"""``live-code resolve`` and ``live-code checkout``: a revision and its work tree, without a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.errors import CheckoutError
from live_code.stages.code import checkout as stage
from live_code.stages.code import source
from live_code.stages.code.checkout import Checkout
from live_code.stages.code.source import Source
from live_code.stages.request.hyperparameters import Request
from live_code.tools import store


def resolve(url: str, revision: str, environ: Mapping[str, str]) -> Source:
    """What the revision stands for. Raises SourceError."""
    return source.resolve(Request(url, revision, "REF"), store.find(environ), environ)


def checkout(url: str, revision: str, place: Path, environ: Mapping[str, str], **settings: str) -> Checkout:
    """Its work tree in ``place``; ``settings``: fields of Request. Raises SourceError, CheckoutError.

    A folder with files in it is left alone, an earlier checkout too: someone may have worked in it.
    """
    if place.exists() and any(place.iterdir()):
        raise CheckoutError(f"{place} has files in it.", hint="Name an empty folder.")
    request = Request(url, revision, "REF", **settings)  # type: ignore[arg-type]
    cache = store.find(environ)
    return stage.make(source.resolve(request, cache, environ), request, cache, place, environ)
