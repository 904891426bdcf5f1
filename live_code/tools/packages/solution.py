"""A resolver's solution and a lock's text: pins with their hashes, in pip-tools' format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from live_code.tools.packages.framework import normalised
from live_code.values import NamedTuple

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[^]]*\])?\s*==\s*(?P<version>[^\s;\\]+)")
_BY_URL = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[^]]*\])?\s*@\s*(?P<url>\S+)")


class Pin(NamedTuple):
    """One entry: its whole text (hashes and comments too), and what it names. ``url``: '' for a version of an index.

    An entry without a name, or by a folder's URL, is a project in the repo itself: ``-e .``, ``x @ file:./folder``. An
    archive of the repo has its hash.
    """

    text: str
    name: str = ""
    version: str = ""
    url: str = ""

    @property
    def is_local(self) -> bool:
        return not self.name or (self.url.startswith(("file:", ".", "/")) and not self.is_hashed)

    @property
    def local(self) -> str:
        """A local entry as a line of a requirements file."""
        return re.split(r"\s+\\|\s+--hash|\s+#", self.text.strip(), maxsplit=1)[0]

    @property
    def is_hashed(self) -> bool:
        return "--hash=" in self.text


class Solution(NamedTuple):
    """What a resolver chose, other packages of the image among it. ``sighted``: the project that was built with the
    image's packages in sight, '' for none."""

    pins: list[Pin]
    sighted: str = ""


def parse(text: str) -> list[Pin]:
    """The entries of a solution or a lock; comments between them are not kept."""
    return [_pin(block) for block in _blocks(text)]


def formats(text: str) -> tuple[str, ...]:
    """A lock's options: which packages have to come as sources or as wheels, and what builds are given."""
    options = ("--no-binary ", "--only-binary ", "--config-settings-package ")
    return tuple(line for line in text.splitlines() if line.startswith(options))


def without(pins: Iterable[Pin], installed: Mapping[str, str]) -> list[Pin]:
    """What the image does not have in that very version."""
    return [pin for pin in pins if not (pin.version and same(installed.get(pin.name, ""), pin.version))]


def entry(pin: Pin, given: Mapping[str, Pin], nobody: str) -> str:
    """A pin's text for a lock: a lock's own words where one was ``given``; ``nobody`` names who else wants it."""
    known = given.get(pin.name)
    text = known.text if known and same(known.version, pin.version) else pin.text
    return text if "# via" in text else f"{text.rstrip()}\n    # via {nobody}\n"


def with_hashes(pin: Pin, hashes: Iterable[str]) -> Pin:
    """The entry with these hashes in place of its own."""
    lines = [line for line in pin.text.splitlines() if not re.match(r"\s*--hash[ =]", line)]
    head = re.sub(r"\s--hash[ =]\S+", "", lines[0]).rstrip(" \\")
    listed = " \\\n".join([head, *(f"    --hash={known}" for known in hashes)])
    return pin._replace(text="".join(f"{line}\n" for line in [listed, *lines[1:]]))


def via(pin: Pin) -> set[str]:
    """Who asks for it, as the comments behind it show; files among them have dashes and dots in front."""
    words = re.findall(r"^[ \t]+#[ \t]+(?:via[ \t]+)?(\S+)", pin.text, re.MULTILINE)
    return {normalised(word) for word in words if word != "via"}


def same(version: str, other: str) -> bool:
    """Whether two versions are equal as PEP 440 compares releases: 1.0 is 1.0.0."""
    return re.sub(r"(\.0)+(?=$|\+)", "", version) == re.sub(r"(\.0)+(?=$|\+)", "", other)


def fits(installed: str, wanted: str) -> bool:
    """Whether ``==asked`` is met: an image's 2.6.0+cu124 is a 2.6.0."""
    return same(installed, wanted) or ("+" not in wanted and same(installed.partition("+")[0], wanted))


def _pin(block: str) -> Pin:
    if match := _BY_URL.match(block):
        return Pin(block, normalised(match["name"]), url=match["url"])
    if match := _PIN.match(block):
        return Pin(block, normalised(match["name"]), match["version"])
    return Pin(block)


def _blocks(text: str) -> Iterator[str]:
    block = ""
    for line in text.splitlines(keepends=True):
        if block and not line.startswith((" ", "\t", "#", "\n")):
            yield block
            block = ""
        if not line.startswith(("#", "\n", "--")):
            block += line
    if block:
        yield block
