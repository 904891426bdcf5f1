"""A run of a sweep and how it stands; and the file beside its folders that says which run it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from live_code.experiments.sweep import outcome
from live_code.experiments.sweep.commits import Commit
from live_code.experiments.sweep.engine import HERE
from live_code.experiments.sweep.expand import Run
from live_code.experiments.sweep.outcome import Outcome
from live_code.stages.record.serialize import plain
from live_code.tools import files
from live_code.values import NamedTuple

# Below the sweep's folder: a folder for each run, named by its id.
RUNS = "runs"
ABOUT = "about.json"


class Row(NamedTuple):
    """A run as it stands. ``tries``: how often it failed so far; ``lost``: how often it was lost."""

    run: Run
    outcome: Outcome
    node: str = ""
    tries: int = 0
    lost: int = 0

    @property
    def where(self) -> str:
        """The node, '' when there is none but this machine."""
        return "" if self.node == HERE else self.node


def note(folder: Path, run: Run) -> None:
    """Says what the run is, for those who come later. Raises OSError."""
    if not (folder / ABOUT).exists():
        files.write_json(folder / ABOUT, as_json(run))


def read(folder: Path) -> Row:
    """The run in ``folder`` as it stands. Raises OSError, ValueError."""
    about = json.loads((folder / ABOUT).read_bytes())
    commit = Commit(about["commit"], about["name"], about["subject"])
    return Row(Run(about["id"], commit, about["params"], about["repeat"]), outcome.of(folder))


def as_json(run: Run) -> dict[str, Any]:
    """What may be shown of it: no value of a secret's name."""
    commit = {"commit": run.commit.id, "name": run.commit.name, "subject": run.commit.subject}
    return {"id": run.id, **commit, "params": plain(dict(run.params)), "repeat": run.repeat}
