"""What a resolver is asked, and the files that put it in a resolver's terms."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from live_code.interpreter import Interpreter
from live_code.packages import stubs
from live_code.packages.framework import Protection
from live_code.packages.index import Indexes
from live_code.packages.requirements import Chosen, Text


class Problem(NamedTuple):
    """All that a solution depends on. ``own_needs``: what the job's side needs besides. ``cutoff``: an RFC 3339 time
    after which releases don't count, '' for none."""

    root: Path
    chosen: Chosen
    texts: tuple[Text, ...]
    own_needs: tuple[str, ...]
    image: Interpreter
    protection: Protection
    indexes: Indexes
    cutoff: str

    @property
    def subject(self) -> str:
        return str(self.chosen) or "what the job side needs"


class Papers(NamedTuple):
    """The problem as files in a folder of its own: stubs of the image's packages, and the constraints."""

    folder: Path
    links: Path
    constraints: Path
    preferred: str


def write(problem: Problem, folder: Path) -> Papers:
    """Raises OSError."""
    links, constraints = folder / "image", folder / "image.txt"
    links.mkdir()
    shown = stubs.write(links, problem.image, problem.protection.packages)
    constraints.write_text(problem.protection.constraints(), encoding="utf-8")
    return Papers(folder, links, constraints, "".join(f"{name}=={version}\n" for name, version in shown.items()))
