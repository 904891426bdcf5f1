"""The copy of a record that outlives the platform's clean-up.

After a task that went well the platform removes all of /out but some names that it knows; tensorboard's folder is one.
What makes a run repeatable is small: the record, which has lock and config in it, both also as files of their own, and
the patch. Values of secrets are in none of them.
"""

from __future__ import annotations

from pathlib import Path

from live_code.stages.record.journal import RECORD, Journal
from live_code.stages.record.serialize import plain
from live_code.tools import files
from live_code.tools.files.yamlfile import write_mapping

FOLDER = "live-code"
LOCK = "requirements.lock"
CONFIG = "config.yaml"
PATCH = "git.patch"


def write(journal: Journal, record_dir: Path, tensorboard: Path) -> None:
    """Copies what ``record_dir`` has of it. Raises OSError."""
    place = tensorboard / FOLDER
    for name in (RECORD, LOCK):
        if (record_dir / name).is_file():
            files.write_text(place / name, (record_dir / name).read_text(encoding="utf-8"))
    if merged := journal.value("config"):
        write_mapping(place / CONFIG, plain(dict(merged.values)))
    if (patch := patch_file(journal)) and patch.is_file():
        with files.replacing(place / PATCH) as aside:
            aside.write_bytes(patch.read_bytes())


def patch_file(journal: Journal) -> Path | None:
    """The patch that was applied; None without one. A run that is repeated may have it from elsewhere."""
    checkout, request = journal.value("checkout"), journal.value("request")
    return Path("/in", request.git_patch) if checkout and checkout.patch else None
