"""conda's environment.yml: its pip part as lines of requirements, and its own part against what the image has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from live_code.errors import RequirementsError
from live_code.tools.files import yamlfile
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.framework import normalised
from live_code.values import NamedTuple

FILES = ("environment.yml", "environment.yaml")
_SPEC = re.compile(
    r"(?:[^\s:\[]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?:\[.*?version\s*=\s*(?P<quote>['\"]?)(?P<inner>[^'\"\]]+)(?P=quote).*\]"
    r"|\[.*\]|(?P<versions>[\s=<>!~\d*].*))?"
)
_EXACT = re.compile(r"={0,2}\s*(?P<version>\d[\w.!+]*(?:\.\*)?\*?)")
# What conda calls otherwise than PyPI; names are compared as PEP 503 does.
_NAMES = {
    "pytorch": "torch",
    "pytorch-gpu": "torch",
    "pytorch-cpu": "torch",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "libopencv": "opencv-python-headless",
    "msgpack-python": "msgpack",
    "pyqt": "pyqt5",
    "matplotlib-base": "matplotlib",
    "numpy-base": "numpy",
}
# The interpreter's own libraries, compilers' and CUDA's: the image has those that its Python and its framework need.
_OF_THE_IMAGE = re.compile(
    r"pip|setuptools|wheel|-\w+-mutex|cpuonly|cuda(?:toolkit|-.*|nn)?|cudnn|nccl|pytorch-(?:cuda|mutex)|mkl.*|intel-openmp|blas"
    r"|lib(?!opencv).*|openblas|ld-impl.*|openssl|ca-certificates|sqlite|zlib.*|zstd|xz|bzip2|lz4-c|readline|tk|ncurses"
    r"|tzdata|icu|python-abi|llvm-openmp|tbb|gmp|gnutls|nettle|expat|pcre.*|dbus|glib|gettext|freetype|jpeg|lcms2|lerc"
    r"|giflib|openjpeg|openh264|lame|x264|ninja-base"
)


class Item(NamedTuple):
    """What conda is asked for: its words, and the line that they stand on, from 1."""

    words: str
    number: int


def lines(source: str, name: str) -> list[tuple[int, str]]:
    """The pip part, each entry with the number of its line. Raises ConfigError when it is no YAML."""
    return [(item.number, item.words) for entry in _dependencies(source, name) for item in _pip_part(entry)]


def check(source: str, name: str, image: Interpreter) -> Iterator[str]:
    """Notes on what of conda's own part the image has. Raises RequirementsError for what it has not."""
    missing, left = [], []
    for item in _own_part(source, name):
        match = _SPEC.fullmatch(item.words.strip())
        package = normalised(match["name"]) if match else ""
        versions = (match["inner"] or match["versions"] or "").strip() if match else ""
        if package == "python":
            _check_python(item, versions, name, image)
        elif there := _installed(package, versions, image):
            yield f"{name}:{item.number}: conda's {item.words.strip()} is the image's {there}."
        elif _OF_THE_IMAGE.fullmatch(package):
            left.append(item.words.strip())
        else:
            missing.append(item)
    if missing:
        listed = ", ".join(item.words.strip() + _other(item, image) for item in missing)
        raise RequirementsError(
            f"{name}:{missing[0].number} asks conda for {listed}; live-code installs with pip alone.",
            hint="List what the job needs in a requirements file, and name it in `requirements`.",
        )
    if libraries := [words for words in left if not re.match(r"(?:pip|setuptools|wheel)\b", words)]:
        yield f"{name}: conda's {', '.join(libraries)} {'is' if len(libraries) == 1 else 'are'} left to the image."


def _check_python(item: Item, versions: str, name: str, image: Interpreter) -> None:
    # A release of another patch level runs the same code: only what is a range is held to that.
    minor = ".".join(image.version.split(".")[:2])
    if versions and not any(_fits(minor, part, image.version) for part in versions.split("|")):
        raise RequirementsError(
            f"{name}:{item.number} asks for {item.words.strip()}, but the image has Python {image.version}.",
            hint="Use another image tag.",
        )


def _other(item: Item, image: Interpreter) -> str:
    match = _SPEC.fullmatch(item.words.strip())
    there = _installed(normalised(match["name"]), "", image) if match else ""
    return f" (the image has {there})" if there else ""


def _installed(package: str, versions: str, image: Interpreter) -> str:
    """The image's package of that name, with its version, when that fits; ''."""
    own = _NAMES.get(package, package)
    there = image.packages.get(own, "")
    headed = image.packages.get("opencv-python", "") if own == "opencv-python-headless" else ""
    for known, version in ((own, there), ("opencv-python", headed)):
        release = version.partition("+")[0]
        if version and (not versions or any(_fits(release, part, release) for part in versions.split("|"))):
            return f"{known} {version}"
    return ""


def _fits(version: str, wanted: str, whole: str) -> bool:
    """Whether a version is in conda's range. ``=1.2`` is 1.2 and all that begin so; a build's name may follow.

    ``whole``: what ranges are held against, ``version`` what exact ones are.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    terms = [term.strip() for term in wanted.split(",") if term.strip()]
    for term in terms:
        words = re.split(r"(?<=[\w*])(?:\s+|=)", term, maxsplit=1)[0]
        if exact := _EXACT.fullmatch(words):
            parts = exact["version"].rstrip("*").rstrip(".").split(".")
            own = version.split(".")
            if parts[: len(own)] != own[: len(parts)]:
                return False
            continue
        try:
            if not SpecifierSet(words.replace(" ", "")).contains(whole, prereleases=True):
                return False
        except (InvalidSpecifier, InvalidVersion):
            return False
    return True


def _own_part(source: str, name: str) -> list[Item]:
    return [item for item in _dependencies(source, name) if isinstance(item, Item)]


def _dependencies(source: str, name: str) -> list[Any]:
    """The entries: an ``Item`` of conda's, or a YAML node with the pip part."""
    root = yamlfile.nodes(source, name)
    found = _value(root, "dependencies") if root else None
    return [
        Item(str(node.value), node.start_mark.line + 1) if isinstance(node.value, str) else node
        for node in (found.value if found is not None and isinstance(found.value, list) else ())
    ]


def _pip_part(entry: Any) -> Iterator[Item]:
    if isinstance(entry, Item):
        return
    part = _value(entry, "pip")
    if part is None:
        return
    for node in part.value if isinstance(part.value, list) else [part]:
        if isinstance(node.value, str) and node.value.strip():
            yield Item(node.value.strip(), node.start_mark.line + 1)


def _value(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node.value, list) else ()
    return next((pair[1] for pair in pairs if isinstance(pair, tuple) and pair[0].value == key), None)
