"""What a resolver is asked, and the files that put it in a resolver's terms."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.framework import Protection
from live_code.tools.packages.index import Indexes
from live_code.tools.packages.requirements import Chosen, Text
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

# The folder of requirements files that had to be copied, and what stands there for "..".
PLAIN = "plain"
_ABOVE = "..."


class Problem(NamedTuple):
    """All that a solution depends on. ``own_needs``: what the job's side needs besides. ``cutoff``: an RFC 3339 time
    after which releases don't count, '' for none. ``resolver``: uv or pip-tools."""

    root: Path
    chosen: Chosen
    texts: tuple[Text, ...]
    own_needs: tuple[str, ...]
    image: Interpreter
    protection: Protection
    indexes: Indexes
    cutoff: str
    resolver: str = "uv"

    @property
    def subject(self) -> str:
        return str(self.chosen) or "what the job side needs"


class Papers(NamedTuple):
    """The problem as files in a folder of its own: stubs of the image's packages, which of them have to stay, and
    the ranges that others have to stay in. ``preferred``: the image's versions of all."""

    folder: Path
    links: Path
    protected: Path
    constraints: Path
    preferred: str

    def without_places(self, text: str) -> str:
        """A solution with its files named as in the repo."""
        copies = re.compile(rf"{re.escape(str(self.folder))}/{PLAIN}/\S+")
        return copies.sub(lambda match: in_repo(match[0]), text).replace(f"{self.folder}/", "")


def copied(name: str) -> str:
    """Where a file's copy is below ``PLAIN``; what lies above the root stays within that folder, too."""
    above = len(re.match(r"(?:\.\./)*", name)[0]) // 3  # type: ignore[index]
    return f"{_ABOVE}/" * above + name[3 * above :]


def in_repo(path: str) -> str:
    """The name in the repo of a file, or of a copy of it; others stay as they are."""
    _, is_copy, name = path.rpartition(f"/{PLAIN}/")
    above = len(re.match(rf"(?:{re.escape(_ABOVE)}/)*", name)[0]) // 4  # type: ignore[index]
    return "../" * above + name[4 * above :] if is_copy else path


def write(problem: Problem, folder: Path, store: Store, settings: PackageSettings) -> Papers:
    """Raises OSError. What it takes is loaded here: a warm start writes nothing."""
    from live_code.tools.packages import stubs, uv

    links, protected, constraints = folder / "links", folder / "image", folder / "image-range"
    links.mkdir()
    protection = problem.protection
    checked = uv.check(problem.image.path, store, settings) if protection.packages else ""
    shown = stubs.write(links, problem.image, protection.packages, checked)
    protected.write_text(protection.requirements(), encoding="utf-8")
    constraints.write_text(protection.constraints(), encoding="utf-8")
    preferred = "".join(f"{name}=={version}\n" for name, version in shown.items())
    return Papers(folder, links, protected, constraints, preferred)
