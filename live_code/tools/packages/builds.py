"""What a build sees: the packages that it asks for, from the index; of the image its framework, and no other stub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from live_code.tools.machine.interpreter import Distribution, Interpreter
from live_code.tools.packages import stubs
from live_code.tools.packages.framework import Protection
from live_code.tools.processes import runner
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

_MISSING = re.compile(r"^\s*(?:ModuleNotFoundError|ImportError): No module named '(?P<module>\w+)", re.MULTILINE)
_PROJECT = re.compile(r"Failed to build(?: and install)? `(?P<project>[^`]+)`")
# Looked at by every Python that starts with this folder in its path; behind what the build asked for.
_SITE = "import sys\nsys.path += [folder for folder in {folders!r} if folder not in sys.path]\n"


class Builds(NamedTuple):
    """Files that put it in a resolver's and an installer's terms. ``links``: stand-ins of the framework that lead to
    the image's; ``constraints``: that a build takes those, and no other stub; ``sight``: a folder that, in PYTHONPATH,
    shows a build all of the image's packages. ``identity``: what is built beside another framework is another thing.
    """

    links: Path
    constraints: Path
    sight: Path
    identity: str

    def variables(self, names: list[str]) -> str:
        """A configuration of uv by which builds of these packages are cached by the framework that they see."""
        given = "".join(f'"{name}" = {{ LIVE_CODE_FRAMEWORK = "{self.identity}" }}\n' for name in names)
        return f"[extra-build-variables]\n{given}" if self.identity and names else ""


def write(
    folder: Path,
    image: Interpreter,
    protection: Protection,
    offered: Mapping[str, str] | None = None,
    instead: tuple[Path, ...] = (),
) -> Builds:
    """Fills a folder. ``offered``: stubs that lie where a resolver looks, by name, with version. ``instead``: folders
    of packages that stand in sight before the image's. Raises OSError."""
    builds = Builds(folder / "links", folder / "constraints", folder / "sight", _identity(image, protection))
    builds.links.mkdir(parents=True)
    builds.sight.mkdir()
    lines = [f"{name}!={version}\n" for name, version in (offered or {}).items()]
    known = image.distributions() if protection.packages else {}
    for name, version in protection.packages.items():
        version = stubs.labelled(version)
        lines.append(f"{name}=={version}\n")
        leads = (f"_image_{name}.pth", "".join(f"{place}\n" for place in image.site_packages))
        stubs.write_wheel(builds.links, name, _stand_in(version, known.get(name)), [leads])
    builds.constraints.write_text("".join(lines), encoding="utf-8")
    site = _SITE.format(folders=[*map(str, instead), *image.site_packages])
    (builds.sight / "sitecustomize.py").write_text(site, encoding="utf-8")
    return builds


def seeing(attempt: Callable[[Mapping[str, str]], T], builds: Builds, image: Interpreter) -> tuple[T, str]:
    """An attempt's result; when a build in it missed a module that the image has, that of a second one which sees the
    image's packages, and the project that needed it. ``attempt`` is given variables for the builds.

    Raises runner.ProcessError.
    """
    try:
        return attempt({}), ""
    except runner.ProcessError as error:
        project, module = needs(error.output.stderr)
        if not is_there(module, image):
            raise
        log.info(f"{project} imports {module} to be built: built again with the image's packages in sight")
        return attempt({"PYTHONPATH": str(builds.sight)}), project


def needs(output: str) -> tuple[str, str]:
    """The project that could not be built, and the module that it lacked, '' for none."""
    project, missing = _PROJECT.search(output), list(_MISSING.finditer(output))
    return (project["project"] if project else "a project of the repo"), (missing[-1]["module"] if missing else "")


def is_there(module: str, image: Interpreter) -> bool:
    """Whether one of the image's folders of packages has that module at its top."""
    folders = map(Path, image.site_packages)
    return bool(module) and any(
        (folder / module).is_dir() or any(folder.glob(f"{module}.*py")) or any(folder.glob(f"{module}.*so"))
        for folder in folders
    )


def _identity(image: Interpreter, protection: Protection) -> str:
    own = (f"{name} {module.version} {module.cuda}".strip() for name, module in sorted(image.frameworks.items()))
    return ", ".join(own) if protection.packages else ""


def _stand_in(version: str, known: Distribution | None) -> Distribution:
    """Of what it asks for only the setuptools that its extensions are built with: all else is the image's."""
    requires = known.requires if known else ()
    kept = tuple(line for line in requires if stubs.required_name(line) == "setuptools")
    return Distribution(version, "", kept, known.extras if known else (), {})
