"""What the image ships as its framework: those packages are protected, and the resolver sees them as chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.tools.settings import PackageSettings
from live_code.values import NamedTuple

PROTECT_VARIABLE = "LIVE_CODE_PROTECT"
_PROTECTED = re.compile(
    "|".join(names for known in FRAMEWORKS for names in (known.distributions, known.companions) if names)
)
# Not compiled before there is a version to look at.
_VERSION = r"(?i)(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?"


class Bound(NamedTuple):
    """A range that a package must stay in, in the words of PEP 440, and why."""

    name: str
    versions: str
    why: str


class Protection(NamedTuple):
    """What a resolver must leave alone: packages by name with their version, and ranges of others."""

    packages: Mapping[str, str] = {}
    bounds: tuple[Bound, ...] = ()

    def constraints(self) -> str:
        """The ranges as lines of a constraints file."""
        return "".join(f"{bound.name}{bound.versions}\n" for bound in self.bounds)


def protection(image: Interpreter, settings: PackageSettings) -> Protection:
    """What the image ships as its framework, and what ``LIVE_CODE_PROTECT`` lists."""
    names = listed(settings)
    packages = {
        name: version for name, version in image.packages.items() if _PROTECTED.fullmatch(name) or name in names
    }
    for known in FRAMEWORKS:  # requirements use the module's name, whatever the image installed it under
        if known.module not in packages and (installed := version(image, known.module)):
            packages[known.module] = installed
    bounds = () if "numpy" in packages else numpy_bounds(image)
    return Protection({name: _as_version(packages[name]) for name in sorted(packages)}, bounds)


def version(image: Interpreter, module: str) -> str:
    """A framework's, by its own files, else by the package that brings it; '' when the image has no such module."""
    if module not in image.frameworks:
        return ""
    packaged = (image.packages[name] for name in sorted(image.packages) if brings(name, module))
    return image.frameworks[module].version or next(packaged, "")


def listed(settings: PackageSettings) -> frozenset[str]:
    """What the container's maintainer protects besides the framework."""
    return frozenset(map(normalised, settings.protected))


def numpy_bounds(image: Interpreter) -> tuple[Bound, ...]:
    """The numpy that the framework works with.

    A torch that was built against numpy 1 fails with 2 (its C interface changed); one built against 2 works with both.
    mxnet 1.x uses names that numpy 1.24 took away. More is not assumed: the framework is tried with what a lock brings.
    """
    installed = _numpy(image)
    major = _parts(installed)[0]
    shipped = [known for known in FRAMEWORKS if known.module in image.frameworks]
    for known in shipped:
        versions, limit = known.numpy_limit
        own = version(image, known.module)
        if limit and own.startswith(versions) and _parts(installed) < _parts(limit):
            return (Bound("numpy", f"<{limit}", f"{known.module} {own} uses names that numpy {limit} removed"),)
    for known in shipped:
        built = image.frameworks[known.module].numpy or major
        why = f"{known.module} {version(image, known.module)} was built against numpy {built}"
        if known.numpy_library and built == 1 and major < 2:
            return (Bound("numpy", "<2", why),)
    return ()


def normalised(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_family(name: str) -> bool:
    """Whether a package is of the kind that images ship as their framework."""
    return bool(_PROTECTED.fullmatch(name))


def brings(distribution: str, module: str) -> bool:
    """Whether a package, by its normalised name, brings a framework's module."""
    return any(known.module == module and re.fullmatch(known.distributions, distribution) for known in FRAMEWORKS)


def is_version(text: str) -> bool:
    """Whether PEP 440 knows it as a version; images have others too."""
    return bool(re.fullmatch(_VERSION, text))


def _as_version(text: str) -> str:
    """A version for the resolver: of one that is none, the numbers that it begins with."""
    release = re.match(r"\d+(\.\d+)*", text)
    return text if is_version(text) else release[0] if release else "0"


def _numpy(image: Interpreter) -> str:
    module = image.frameworks.get("numpy")
    return image.packages.get("numpy") or (module.version if module else "")


def _parts(version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)(?:\.(\d+))?", version)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)
