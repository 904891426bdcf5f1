"""Why a line is no requirement, and what was likely meant."""

from __future__ import annotations

import pytest

from live_code.tools.packages.messages import unreadable
from live_code.tools.packages.requirements import Text

LINES = {
    "tqdm=4.66.1": ("tqdm has one = before its version", "Is it tqdm==4.66.1?"),
    "tqdm = 4.66.1": ("tqdm has one = before its version", "Is it tqdm==4.66.1?"),
    "tqdm=4.66.1=pyhd8ed1ab_0": ("this is conda's form of tqdm", "Is it tqdm==4.66.1?"),
    "tqdm==${VER}": ("the variable VER is not set", "Write its value there."),
    "tqdm --config-settings a=b": ("the option --config-settings can't stand behind a requirement", "Remove it there."),
    'tqdm --install-option="x"': ("the option --install-option can't stand behind a requirement", "Remove it there."),
    "tqdm==4 --global-option=x": ("the option --global-option can't stand behind a requirement", "Remove it there."),
    "pip install tqdm": ("it is a command", "Write tqdm alone."),
    "!pip install tqdm six": ("it is a command", "Write tqdm six alone."),
    "conda install tqdm": ("it is a command", "Only what pip installs may stand there."),
    '"tqdm"': ("it stands in quotes", "Write tqdm without them."),
    "tqdm=>4": ("there is no =>", "Is it tqdm>=4?"),
    "tqdm=<4": ("there is no =<", "Is it tqdm<=4?"),
    "tqdm==4.66.x": ("4.66.x is no version", "Is it tqdm==4.66.*?"),
    "tqdm>=4.x": ("4.x is no version", "Write its numbers alone."),
    "tqdm>==4": ("it has two comparisons in a row", "Leave the right one."),
    "tqdm==": ("there is no version behind the comparison", "Write one, or the name alone."),
    "tqdm 4.66.1": ("there is no comparison before 4.66.1", "Is it tqdm==4.66.1?"),
    "tqdm, six": ("it names several packages", "Write one a line."),
    "tqdm six": ("it names several packages", "Write one a line."),
    "https://github.com/x/y": ("it is the address of a repository", "Write NAME @ git+https://github.com/x/y."),
    "https://host/y.git": ("it is the address of a repository", "Write NAME @ git+https://host/y.git."),
    "<<<<<<< HEAD": ("it is git's mark of a merge that was not finished", "Resolve the merge there."),
    "tqdm＝＝4": ("it has characters that no requirement has", "Write it with plain ones."),
    "tqdm; sys_platform": ("the parser's words", "Correct it."),
}
FILES = {
    "poetry.lock": ("[[package]]\n", "it is Poetry's lock", "poetry export"),
    "sub/Pipfile.lock": ("{}", "it is Pipenv's lock", "pipenv requirements"),
    "Pipfile": ("[[source]]\n", "it is Pipenv's own file", "pipenv requirements"),
    "pdm.lock": ("", "it is PDM's lock", "pdm export"),
    "spec.txt": (
        "# This file may be used to create an environment using:\n",
        "it is a list for conda",
        "--format=freeze",
    ),
    "explicit.txt": ("# platform: linux-64\n@EXPLICIT\nhttps://x\n", "it is a list for conda", "--format=freeze"),
    "env.txt": ("# mine\nname: x\ndependencies:\n  - tqdm\n", "it is an environment of conda's", "ends with .yml"),
    "page.txt": ("<!DOCTYPE html>\n", "it is a page of HTML", "Save the file itself."),
    "other.lock": ("[[package]]\n", "it is no list of requirements", "requirements file"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    assert unreadable.of_line(line, "the parser's words") == unreadable.Reason(*LINES[line])


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind(name: str) -> None:
    text, words, remedy = FILES[name]
    reason = unreadable.of_file(Text(name, text))
    assert reason is not None
    assert reason.words == words
    assert remedy in reason.remedy


@pytest.mark.parametrize("text", ["", "tqdm\n", "# names: x\ntqdm=4\n", "requests[socks]\nname==1\n"])
def test_a_list_of_requirements_is_none(text: str) -> None:
    assert unreadable.of_file(Text("requirements.txt", text)) is None
