"""Hashes that stand in a repo's requirements, as pip takes them: all entries have one or none has, and they bind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from live_code.errors import RequirementsError
from live_code.tools.packages import markers, solution
from live_code.tools.packages.forms import foreign_lock
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.requirements import Line, Text, is_list, lines, options
from live_code.tools.packages.solution import Pin
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

_HASH = re.compile(r"\s--hash[ =](?P<hash>\S+)")
_ENTRY = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)?\s*(?:\[[^\]]*\])?\s*(?P<wish>[^;]*?)\s*"
    r"(?:;\s*(?P<marker>.+?))?(?:\s+--hash[ =]\S+)*"
)
_BY_URL = re.compile(r"(?:@\s*)?(?P<url>(?:git\+|[a-z]+:)\S+)")
_EXACT = re.compile(r"\(?={2,3}\s*[^\s,*()]+\)?")
_COMMIT = re.compile(r"git\+\S+@[0-9a-f]{40}(#\S*)?")
_HINT = "Give each entry a --hash (pip-compile --generate-hashes writes them), or take them all out."


class Entry(NamedTuple):
    """A line that asks for a package, or that bounds one. ``name``: '' when only its file knows it."""

    line: Line
    name: str
    wish: str
    hashes: frozenset[str]
    bounds: bool

    @property
    def shown(self) -> str:
        return f"{self.line} ({_HASH.split(self.line.text)[0].strip()})"

    @property
    def is_fixed(self) -> bool:
        """Whether nothing but one release fits it."""
        return bool(_EXACT.fullmatch(self.wish) or _BY_URL.fullmatch(self.wish))


def check(problem: Problem) -> None:
    """As pip does it: where one entry has a hash, each needs one and names one release. A project of the commit, and a
    git source at a commit, is proved by that. Raises RequirementsError."""
    texts = [text for text in problem.all_texts if is_list(text.name)]
    if not are_required(texts):
        return
    entries = list(_entries(texts, problem))
    bound = {entry.name for entry in entries if entry.bounds and entry.hashes and entry.is_fixed}
    bare = [entry for entry in entries if not entry.bounds and entry.name not in bound and not _is_proved(entry)]
    if bare:
        listed = ", ".join(entry.shown for entry in bare[:5]) + (f" and {len(bare) - 5} more" if len(bare) > 5 else "")
        verb = "has" if len(bare) == 1 else "have"
        raise RequirementsError(
            f"{listed} {verb} no hash with an exact version, and where one entry has a hash, pip wants one for each.",
            hint=_HINT,
        )


def are_required(texts: Iterable[Text]) -> bool:
    """Whether a list of requirements has a hash, or asks for them."""
    listed = [text for text in texts if is_list(text.name)]
    return any(" --hash" in text.text and _HASH.search(text.text) for text in listed) or any(
        key == "--require-hashes" for key, _ in options(listed)
    )


def bound(problem: Problem, pins: Iterable[Pin], store: Store, settings: PackageSettings) -> dict[str, Pin]:
    """What of solved pins the requirements have hashes for, by name, with those in place of the index's.

    Raises RequirementsError when none of a package's is one of the index's, or when one has none in files that need
    them.
    """
    listed = [text for text in problem.all_texts if is_list(text.name)]
    foreign = foreign_lock.texts(problem, store, settings)
    known = _by_name(_entries([*listed, *foreign], problem))
    words = {pin.name: pin for text in (*listed, *foreign) for pin in _whole(text)}
    needed = are_required(listed) and not foreign
    own = {normalised(name) for name in problem.own_needs}
    found = {}
    for pin in pins:
        if entry := known.get(pin.name):
            _compare(pin, entry, problem)
            written = words.get(pin.name)
            as_written = written and solution.same(written.version, pin.version)
            found[pin.name] = written if written and as_written else solution.with_hashes(pin, sorted(entry.hashes))
        elif needed and pin.is_hashed and pin.name not in own:
            raise _missing(pin, listed)
    return found


def _whole(text: Text) -> list[Pin]:
    """The entries of a lock, each exact and with its hashes: their very words are kept; none of another file."""
    entries = solution.parse(text.text)
    return [pin for pin in entries if pin.version] if entries and all(pin.is_hashed for pin in entries) else []


def _compare(pin: Pin, entry: Entry, problem: Problem) -> None:
    there = {found["hash"] for found in _HASH.finditer(pin.text)}
    kinds = {known.partition(":")[0] for known in there}
    known = {wanted for wanted in entry.hashes if wanted.partition(":")[0] in kinds}
    if pin.url.startswith("git+"):
        raise RequirementsError(
            f"{entry.line} has a hash for {pin.name}, and a git source has none to hold it against.",
            hint="Name a commit instead of the hash.",
        )
    if known and not known & there:
        line = entry.line if is_list(entry.line.file) else foreign_lock.placed(entry.line, problem)
        raise RequirementsError(
            f"{line} wants {pin.name} {pin.version} with the hash {_some(known)}, and what is offered has "
            f"{_some(there)}.",
            hint="Correct the hash, if you trust what is offered.",
        )


def _missing(pin: Pin, listed: list[Text]) -> RequirementsError:
    needs = sorted(solution.via(pin))
    who = f" (needed by {', '.join(needs)})" if needs else ""
    return RequirementsError(
        f"{pin.name}{who} has no hash in {listed[0].name}, where each entry needs one.", hint=_HINT
    )


def _some(hashes: Iterable[str]) -> str:
    first, *more = sorted(hashes)
    return first + (f" or {len(more)} more" if more else "")


def _by_name(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """Those that have hashes; of a package that is named twice, the hashes that are in both."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.hashes and entry.name:
            earlier = found.get(entry.name, entry)
            found[entry.name] = entry._replace(hashes=entry.hashes & earlier.hashes or entry.hashes)
    return found


def _is_proved(entry: Entry) -> bool:
    if entry.line.text.startswith(("-e", ".")):
        return True
    return bool(_COMMIT.fullmatch(entry.wish.removeprefix("@").strip()) or (entry.hashes and entry.is_fixed))


def _entries(texts: Iterable[Text], problem: Problem) -> Iterator[Entry]:
    environment = markers.environment(problem.image)
    for text in texts:
        for line in lines(text):
            if line.text.startswith("-") and not line.text.startswith("-e"):
                continue
            match = _ENTRY.fullmatch(line.text)
            if match and markers.holds(match["marker"] or "", environment) is not False:
                name, wish = normalised(match["name"] or ""), match["wish"] or ""
                if re.match(r"file:|git\+|https?:", line.text):
                    name, wish = "", line.text.split(" ")[0]
                found = frozenset(known["hash"] for known in _HASH.finditer(line.text))
                yield Entry(line, name, wish, found, text.constraint)
