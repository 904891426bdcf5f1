"""`live-code bundle`: a commit, its lock and its packages in one file."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from live_code.run import lock
from live_code.stages.environment import build
from live_code.stages.request import hyperparameters
from live_code.tools import files
from live_code.tools.packages.unpack import CARRIED, FORMAT, LOCK
from live_code.tools.settings import Settings, StoreSettings
from live_code.tools.store import Store


def write(request: hyperparameters.Request, python: Path | None, output: Path, settings: Settings) -> int:
    """Fetches, locks and installs into a store of its own, and packs that. Returns the size in bytes.

    Made with the image that it is for: a lock is for one interpreter. Raises LiveCodeError.
    """
    with tempfile.TemporaryDirectory(prefix="live-code-bundle-") as folder:
        store = Store(Path(folder, "store"))
        own = settings._replace(store=StoreSettings(str(store.root)))
        made = lock.fetched(request, python, Path(folder, "work"), own)
        build.make(made.lock, made.image, store)
        (Path(folder) / LOCK).write_text(made.lock.text, encoding="utf-8")
        (Path(folder) / FORMAT).write_text(f"{made.commit}\n", encoding="utf-8")
        with files.replacing(output) as aside, tarfile.open(aside, "w") as tar:
            for name in (FORMAT, LOCK):
                tar.add(Path(folder, name), arcname=name)
            for name in CARRIED:
                if store.path(name).exists():
                    tar.add(store.path(name), arcname=f"store/{name}")
        return output.stat().st_size
