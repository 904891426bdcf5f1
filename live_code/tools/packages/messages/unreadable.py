"""Why a line of a requirements file can't be read as a requirement, and what was likely meant."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from live_code.tools.packages.requirements import Text
from live_code.values import NamedTuple

POETRY = "Export its lock: poetry export -o requirements.txt."
_LIST = "Write its packages into a requirements file, one a line, and name that in requirements."
_FREEZE = "For pip make the list with pip list --format=freeze."


class Reason(NamedTuple):
    """What is wrong, to stand behind a colon, and what to do."""

    words: str
    remedy: str


class _Mistake(NamedTuple):
    """A pattern of a line; words and remedy may have its groups by name in braces."""

    pattern: str
    words: str
    remedy: str


# Files that are no lists of requirements, by what they are named or begin with.
_FILES = (
    (r"poetry\.lock", "it is Poetry's lock", POETRY),
    (r"Pipfile\.lock", "it is Pipenv's lock", "Export it: pipenv requirements > requirements.txt."),
    (r"Pipfile", "it is Pipenv's own file", "Export its lock: pipenv requirements > requirements.txt."),
    (r"pdm\.lock", "it is PDM's lock", "Export it: pdm export -o requirements.txt."),
    (r"conda-lock\.ya?ml|.*\.conda\.lock", "it is a lock for conda", _FREEZE),
)
_CONTENTS = (
    (r"# This file may be used to create an environment|(?s:.*)^@EXPLICIT", "it is a list for conda", _FREEZE),
    (
        r"\s*(?:#.*\n\s*)*(?:name|channels|dependencies|prefix):",
        "it is an environment of conda's",
        "Give it a name that ends with .yml, or write its packages into a requirements file.",
    ),
    (r"\s*<(?:!DOCTYPE|html)", "it is a page of HTML", "Save the file itself."),
    (r"\s*[\[{]", "it is no list of requirements", _LIST),
)
_NAME = r"(?P<name>[A-Za-z0-9][\w.-]*)"
# The first that fits counts.
_LINES = (
    _Mistake(r"(?:<{7}|={7}|>{7})", "it is git's mark of a merge that was not finished", "Resolve the merge there."),
    _Mistake(rf"{_NAME}=(?P<version>[^=\s]+)=\S+$", "this is conda's form of {name}", "Is it {name}=={version}?"),
    _Mistake(
        rf"{_NAME}\s*=\s*(?P<version>[^=<>\s;]+)", "{name} has one = before its version", "Is it {name}=={version}?"
    ),
    _Mistake(r".*\$\{?(?P<name>\w+)\}?", "the variable {name} is not set", "Write its value there."),
    _Mistake(r"(?:!|%)?\s*(?:python3? -m )?pip3?\s+install\s+(?P<rest>.+)", "it is a command", "Write {rest} alone."),
    _Mistake(r"(?:conda|apt|apt-get|sudo)\s+\S+", "it is a command", "Only what pip installs may stand there."),
    _Mistake(
        r"(?P<word>[^#]*?)\s+(?P<option>--[a-z][a-z-]+)",
        "the option {option} can't stand behind a requirement",
        "Remove it there.",
    ),
    _Mistake(r"[\"'](?P<rest>[^\"']+)[\"']", "it stands in quotes", "Write {rest} without them."),
    _Mistake(
        rf"{_NAME}\s*(?P<sign>=>|=<|><|<>)\s*(?P<version>\S+)", "there is no {sign}", "Is it {name}{turned}{version}?"
    ),
    _Mistake(rf"{_NAME}\s*[=<>!~]+\s*[=<>!~]{{2,}}", "it has two comparisons in a row", "Leave the right one."),
    _Mistake(rf"{_NAME}\s*==\s*(?P<version>[\d.]+)\.x\b", "{version}.x is no version", "Is it {name}=={version}.*?"),
    _Mistake(rf"{_NAME}\s*[<>~]=?\s*(?P<version>[\d.]+\.[x*])", "{version} is no version", "Write its numbers alone."),
    _Mistake(
        rf"{_NAME}\s*[=<>!~]+\s*(?:[,;#]|$)",
        "there is no version behind the comparison",
        "Write one, or the name alone.",
    ),
    _Mistake(
        r"(?P<url>https?://\S*?(?:\.git|github\.com\S+|gitlab\.com\S+))(?:$|[\s@])",
        "it is the address of a repository",
        "Write NAME @ git+{url}.",
    ),
    _Mistake(
        rf"{_NAME}\s+v?(?P<version>\d[\w.]*)\s*$", "there is no comparison before {version}", "Is it {name}=={version}?"
    ),
    _Mistake(rf"{_NAME}\s*(?:,|\s)\s*[A-Za-z][\w.-]*", "it names several packages", "Write one a line."),
    _Mistake(r".*[^\x00-\x7f]", "it has characters that no requirement has", "Write it with plain ones."),
)
_TURNED = {"=>": ">=", "=<": "<=", "><": "!=", "<>": "!="}


def of_file(text: Text) -> Reason | None:
    """What a file is that holds no requirements, None for one that may."""
    name = PurePosixPath(text.name).name
    for table, word in ((_FILES, name), (_CONTENTS, text.text)):
        for pattern, words, remedy in table:
            match = re.fullmatch(pattern, word) if word == name else re.match(pattern, word, re.MULTILINE)
            if match:
                return Reason(words, remedy)
    return None


def of_line(line: str, complaint: str) -> Reason:
    """``complaint``: the parser's own, for what is in no table."""
    for mistake in _LINES:
        if match := re.match(mistake.pattern, line):
            found = {**match.groupdict(), "turned": _TURNED.get(match.groupdict().get("sign") or "", "")}
            return Reason(mistake.words.format(**found), mistake.remedy.format(**found))
    return Reason(complaint, "Correct it.")
