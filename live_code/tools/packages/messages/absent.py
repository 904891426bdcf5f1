"""What a resolver could not find → who asks for it, why it can't be had, and what to do about that."""

from __future__ import annotations

import re
from collections.abc import Mapping

from live_code.errors import RequirementsError, nearest
from live_code.tools.packages import modules
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.messages import conflict, explanation
from live_code.tools.packages.messages.backend import RENAMED
from live_code.tools.packages.messages.explanation import Absence
from live_code.tools.packages.problem import Problem

_ELSEWHERE = "or, if another index has it, name that in extra_index_url."
# Names that tools write into lists, or that are no packages of an index.
_NEVER: Mapping[str, str] = {
    "pkg-resources": "Remove that line: Debian's pip freeze wrote it by mistake.",
    "python": "Remove that line: the Python is the image's.",
    "cudatoolkit": "Remove that line: it is conda's, and CUDA comes with the image.",
    "pytorch-cuda": "Remove that line: it is conda's, and CUDA comes with the image.",
    "distutils": "Remove that line: it comes with Python.",
}
_TAGS = re.compile(r"following Python ABI tags?: (?P<tags>[`\w, ]+)")
_AVAILABLE = re.compile(r"only the following versions of (?P<name>\S+) are available: (?P<listed>[^\n]+)")
_NEAR = 3


def explain(output: str, problem: Problem) -> RequirementsError | None:
    """Why the first thing that is missing is; None when the resolver says nothing of that kind."""
    facts = explanation.read(output)
    # A package that is not there at all is the surest cause; withdrawn releases are only the way to it.
    order = ("package", "python", "version", "wheel", "yanked")
    absences = sorted((item for item in facts.absences if item.why in order), key=lambda item: order.index(item.why))
    if not absences:
        return None
    absence = absences[0]
    asking = conflict.asking(absence.name, absence.versions, facts.demands, problem.texts, problem.subject)
    words, remedy = _WORDS[absence.why](absence, output, problem)
    if absence.name in map(normalised, problem.own_needs) and not conflict.place(absence.name, problem.all_texts):
        asking, remedy = (
            f"live-code's job side asks for {absence.name}",
            "Name an index that has it in extra_index_url.",
        )
    return RequirementsError(f"{asking}, {words}.", hint=remedy, details=output.strip())


def _package(absence: Absence, output: str, problem: Problem) -> tuple[str, str]:
    never = _NEVER.get(absence.name)
    other = RENAMED.get(absence.name) or modules.of_module(absence.name)
    meant = f"Is it {other}? Else correct" if other not in ("", absence.name) else "Correct"
    return "which was not found in any index", never or f"{meant} the name; {_ELSEWHERE}"


def _version(absence: Absence, output: str, problem: Problem) -> tuple[str, str]:
    near = _nearest(absence, output)
    has = f"but no index has such a version{f' (near it: {near})' if near else ''}"
    if local := re.search(r"\+(\w+)", absence.versions):
        return has, f"Drop the +{local[1]}, or name the index of its maker that has it in extra_index_url."
    if problem.cutoff:
        return f"{has} as of {problem.cutoff}", "Set a later resolve_as_of, or ask for an older version."
    return has, f"Correct the version; {_ELSEWHERE}"


def _wheel(absence: Absence, output: str, problem: Problem) -> tuple[str, str]:
    version = ".".join(problem.image.version.split(".")[:2])
    tags = _TAGS.search(output)
    listed = f" (only for {tags['tags'].replace('`', '').strip()})" if tags else ""
    words = f"but there is no wheel of it for the image's Python {version} on {problem.image.platform}{listed}"
    return words, "Ask for another version of it, or use an image with a Python that it has a wheel for."


def _python(absence: Absence, output: str, problem: Problem) -> tuple[str, str]:
    words = f"which needs {absence.note}, but the image has Python {problem.image.version}"
    return words, "Ask for another version of it, or use an image with such a Python."


def _yanked(absence: Absence, output: str, problem: Problem) -> tuple[str, str]:
    return f"which was withdrawn{f' ({absence.note})' if absence.note else ''}", "Ask for another version of it."


def _nearest(absence: Absence, output: str) -> str:
    """The versions next to the one that is wanted, as far as the resolver lists them."""
    listed = _AVAILABLE.search(output)
    wanted = re.search(r"==([\w.+!-]+)$", absence.versions)
    if not listed or not wanted or listed["name"].lower() != absence.name:
        return ""
    versions = re.findall(r"[\w.+!-]+", listed["listed"])
    close = nearest(wanted[1], versions, least=0.5)
    position = versions.index(close) if close else len(versions) - 1
    return ", ".join(versions[max(0, position + 1 - _NEAR) : position + 1])


_WORDS = {"package": _package, "version": _version, "wheel": _wheel, "python": _python, "yanked": _yanked}
