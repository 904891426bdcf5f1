"""``live-code resolve`` and ``live-code checkout``: a revision and its work tree, without a task."""

from __future__ import annotations

from pathlib import Path

from live_code.errors import CheckoutError
from live_code.stages.code import checkout as stage
from live_code.stages.code import source
from live_code.stages.code.checkout import Checkout
from live_code.stages.code.source import Source
from live_code.stages.request.hyperparameters import Request
from live_code.tools import store
from live_code.tools.settings import Settings


def resolve(url: str, revision: str, settings: Settings) -> Source:
    """What the revision stands for. Raises SourceError."""
    return source.resolve(Request(url, revision, "REF"), store.find(settings.store), settings.git)


def checkout(url: str, revision: str, place: Path, settings: Settings, **choices: str) -> Checkout:
    """Its work tree in ``place``; ``choices``: fields of Request. Raises SourceError, CheckoutError.

    A folder with files in it is left alone, an earlier checkout too: someone may have worked in it.
    """
    if place.exists() and any(place.iterdir()):
        raise CheckoutError(f"{place} has files in it.", hint="Name an empty folder.")
    request = Request(url, revision, "REF", **choices)  # type: ignore[arg-type]
    cache = store.find(settings.store)
    return stage.make(source.resolve(request, cache, settings.git), request, cache, place, settings.git)
