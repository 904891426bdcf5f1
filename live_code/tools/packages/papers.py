"""A problem as files in a resolver's terms: stubs of the image's packages, ranges, what builds see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from live_code.tools.packages import builds, inputs, stubs
from live_code.tools.packages.builds import Builds
from live_code.tools.packages.problem import PLAIN, Problem, in_repo
from live_code.tools.packages.requirements import options
from live_code.tools.packages.stubs import Stubs
from live_code.tools.processes import runner
from live_code.values import NamedTuple


class Papers(NamedTuple):
    """The problem as files in a folder of its own: stubs of the image's packages, which of them have to stay, and
    the ranges that others have to stay in. ``preferred``: the image's versions of all; ``offered``: by name."""

    folder: Path
    links: Path
    protected: Path
    constraints: Path
    offered: Mapping[str, str]
    builds: Builds

    @property
    def preferred(self) -> str:
        return "".join(f"{name}=={version}\n" for name, version in self.offered.items())

    def without_places(self, text: str) -> str:
        """A solution with its files named as in the repo, and the image's packages as the image has them."""
        copies = re.compile(rf"{re.escape(str(self.folder))}/{PLAIN}/\S+")
        named = copies.sub(lambda match: in_repo(match[0]), text)
        return stubs.plain(named.replace(f"{self.folder}/", ""))

    def own_files(self, problem: Problem) -> list[str | Path]:
        """The image's packages that have to stay, and the task's own wishes, as arguments of either resolver."""
        words: list[str | Path] = [self.protected]
        if problem.extra:
            words.append(_written(self.folder / "extra_requirements", problem.extra))
        if problem.constraints:
            words += ["--constraint", _written(self.folder / "constraints", problem.constraints)]
        return words

    def in_own_words(self, error: runner.ProcessError) -> runner.ProcessError:
        """The failure with the repo's names of files, and the image's versions."""
        return runner.ProcessError(error.argv, error.code, runner.Output(*map(self.without_places, error.output)))


def _kept_as_wheels(problem: Problem, shown: Stubs) -> str:
    """Lines that take the image's packages out of ``--no-binary :all:``, which is about what is installed."""
    everything = any(name == "--no-binary" and value == ":all:" for name, value in options(problem.all_texts))
    return "".join(f"--only-binary {name}\n" for name in shown.offered) if everything else ""


def _written(path: Path, text: str) -> Path:
    path.write_text(f"{inputs.without_indexes(text)}\n", encoding="utf-8")
    return path


def write(problem: Problem, folder: Path) -> Papers:
    """Into an empty folder. Raises OSError."""
    links, apart = folder / "links", folder / "image-packages"
    protected, constraints = folder / "image", folder / "image-range"
    links.mkdir()
    apart.mkdir()
    protection = problem.protection
    shown = stubs.write(links, apart, problem.image, protection.packages)
    protected.write_text(_kept_as_wheels(problem, shown) + shown.required, encoding="utf-8")
    constraints.write_text(protection.constraints(), encoding="utf-8")
    seen = builds.write(folder / "builds", problem.image, protection, shown.offered)
    return Papers(folder, links, protected, constraints, shown.offered, seen)
