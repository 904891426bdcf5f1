"""What a resolver is asked, and whether it is more of the repo than the texts of its requirements."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.framework import Protection
from live_code.tools.packages.index import Indexes
from live_code.tools.packages.requirements import Chosen, Text, is_list, is_pylock, is_uv, lines, options
from live_code.values import NamedTuple

# The folder of requirements files that had to be copied, and what stands there for "..".
PLAIN = "plain"
# Words of a lock's head.
PROJECT = "and of this commit: "
AS_OF = "as of: "
_ABOVE = "..."
# Not compiled before a text may have one: most requirements are names with versions.
_PLACE = (
    r"(?:-e|--editable)[\s=]*(?!\w+\+)|\.{0,2}/|\.{1,2}(?:\[|\s|;|$)|file:"
    r"|(?!\w+:)\S+(?:/|\.(?:whl|zip|tar\.\w+|tgz)(?:\[|\s|;|$))"
)
_BY_FILE = r"(?i)@\s*(?:file:|\.{0,2}/)"
_IN_UV_LOCK = r"source = \{ (?:path|directory|editable|virtual) = \"(?!\.\")"
_IN_PYLOCK = r"(?m)^\s*path\s*=|[{,]\s*path\s*="
_DYNAMIC = r"""\bdynamic["']?\s*=\s*\[(?:[^\]#]|#[^\n]*\n)*dependencies"""
# What a requirement of a project is at: a path, a variable or a word of its builder that stands for one.
_BY_PLACE = r"(?i)@\s*(?:file:|[./{$])"


class Problem(NamedTuple):
    """All that a solution depends on. ``place``: the whole work tree that ``root`` is in. ``content``: which, when more
    of it is built, read or linked than the texts; '' when they say all. ``own_needs``: what the job's side needs
    besides. ``cutoff``: an RFC 3339 time after which releases don't count, '' for none. ``resolver``: uv or pip-tools.
    ``constraints`` and ``extra``: texts of the task's own requirements."""

    root: Path
    place: Path
    chosen: Chosen
    texts: tuple[Text, ...]
    content: str
    own_needs: tuple[str, ...]
    image: Interpreter
    protection: Protection
    indexes: Indexes
    cutoff: str
    resolver: str = "uv"
    constraints: str = ""
    extra: str = ""

    @property
    def all_texts(self) -> tuple[Text, ...]:
        """With the task's own, which stand in no file of the repo."""
        return (*self.texts, *own_texts(self.extra, self.constraints))

    @property
    def subject(self) -> str:
        return str(self.chosen) or "what the job side needs"


def own_texts(extra: str, constraints: str) -> tuple[Text, ...]:
    """The task's own requirements, which stand in no file of the repo."""
    named = (Text("extra_requirements", extra), Text("constraints", constraints, constraint=True))
    return tuple(text for text in named if text.text)


def reads_repo(chosen: Chosen, texts: tuple[Text, ...], resolver: str) -> bool:
    """Whether the lock may depend on other files of the commit than the texts. In doubt it does.

    What a build reads can't be known (a setup.py opens what it likes), and a wheel is more than its name. A project
    whose metadata is static is not built to be resolved; pip-tools builds each.
    """
    if any(_leads_on(text) for text in texts):
        return True
    projects = [entry.name for entry in chosen.inputs if _is_project(entry.name)]
    if not projects:
        return False
    return resolver != "uv" or not all(_is_static(text.text) for text in texts if text.name in projects)


def copied(name: str) -> str:
    """Where a file's copy is below ``PLAIN``; what lies above the root stays within that folder, too."""
    above = len(re.match(r"(?:\.\./)*", name)[0]) // 3  # type: ignore[index]
    return f"{_ABOVE}/" * above + name[3 * above :]


def in_repo(path: str) -> str:
    """The name in the repo of a file, or of a copy of it; others stay as they are."""
    _, is_copy, name = path.rpartition(f"/{PLAIN}/")
    above = len(re.match(rf"(?:{re.escape(_ABOVE)}/)*", name)[0]) // 4  # type: ignore[index]
    return "../" * above + name[4 * above :] if is_copy else path


def _leads_on(text: Text) -> bool:
    if is_uv(text.name):
        return bool(re.search(_IN_UV_LOCK, text.text))
    if is_pylock(text.name):
        return bool(re.search(_IN_PYLOCK, text.text))
    if not is_list(text.name):
        return False
    links = (value for name, value in options((text,)) if name in ("-f", "--find-links"))
    return any("://" not in value or value.startswith("file:") for value in links) or any(
        re.match(_PLACE, line.text) or re.search(_BY_FILE, line.text) for line in lines(text)
    )


def _is_project(name: str) -> bool:
    return not (is_list(name) or is_uv(name) or is_pylock(name))


def _is_static(text: str) -> bool:
    """Whether a pyproject.toml states its dependencies itself, all of them, and no place of one."""
    leads_on = re.search(_DYNAMIC, text) or re.search(_BY_PLACE, text)
    return "[project]" in text and not leads_on and "[tool.uv" not in text
