"""The confusion table: of every cause on every way to it what is reported, against what is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from live_code import job
from tests.faults import ends
from tests.faults.ends import CAUSES, WAYS, End

DOC = Path(__file__).parents[2] / "docs" / "causes.md"
PLAYERS = 3
# What says what was seen, and names no cause.
OPEN = {"EXCEPTION", "JOB_FAILED", "PROCESS_LOST"}
RIGHT, SEEN, WRONG, NONE = "right", "seen", "WRONG", ""

HEAD = """# What is reported, and what is true

Made by `scripts/faults`, which plays each of these {count} ends with real processes: a cause (a line) on a way to
it (a column). *right*: the cause is named. *seen*: what was seen is reported, and no cause is claimed; each of these
stands below with the words. A wrong cause is an error of the suite. An empty cell can't be: a pool waits for ever for a
worker that was killed, say.

Of {count} ends {right} are right, {seen} are seen and not explained, {wrong} are wrong.

| | {ways} |
|---|{line}|
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job's interpreter, with the start-up hook, as an environment of ours has it."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(root), "platbase": str(root)}))
    (site / "live_code.pth").write_text(job.pth_line())
    return root / "bin" / "python"


@pytest.fixture(scope="module")
def seen(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, str]]:
    """What is reported of each end. Its players stay apart: each supervises its own processes."""
    folder = tmp_path_factory.mktemp("ends")
    words = (sys.executable, "-m", "tests.faults.play_ends", str(folder), str(python))
    players = [
        subprocess.Popen([*words, str(first), str(PLAYERS)], stdout=subprocess.PIPE, text=True)
        for first in range(PLAYERS)
    ]
    reported: dict[str, Mapping[str, str]] = {}
    for player in players:
        reported.update(json.loads(player.communicate(timeout=300)[0]))
    return reported


def judged(end: End, reported: Mapping[str, str]) -> str:
    if reported["kind"] == end.cause.kind and re.search(end.cause.words, reported["message"]):
        return RIGHT
    return SEEN if reported["kind"] in OPEN and not reported["retry"] else WRONG


def page(verdicts: Mapping[str, str], seen: Mapping[str, Mapping[str, str]]) -> str:
    counts = {word: list(verdicts.values()).count(word) for word in (RIGHT, SEEN, WRONG)}
    head = HEAD.format(
        count=len(verdicts), **{key.lower(): value for key, value in counts.items()},
        ways=" | ".join(way.name for way in WAYS), line="---|" * (len(WAYS) - 1) + "---",
    )  # fmt: skip
    rows = [
        f"| {cause.name} | " + " | ".join(verdicts.get(End(cause, way).name, NONE) for way in WAYS) + " |\n"
        for cause in CAUSES
    ]
    return head + "".join(rows) + "".join(_explained(verdicts, seen))


def _explained(verdicts: Mapping[str, str], seen: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield "\n| seen, and not explained | what the user reads |\n|---|---|\n"
    for name, word in verdicts.items():
        if word == SEEN:
            message = re.sub(r"'/[^']*/bin/python'", "'python3'", re.sub(r"\b\d+ s\b", "N s", seen[name]["message"]))
            yield f"| {name} | {message} |\n"


@pytest.mark.slow
def test_no_wrong_cause_is_reported_and_few_are_not_explained(
    seen: Mapping[str, Mapping[str, str]], pytestconfig: pytest.Config
) -> None:
    verdicts = {end.name: judged(end, seen[end.name]) for end in ends.ends()}
    wrong = [f"{name}: {seen[name]}" for name, word in verdicts.items() if word == WRONG]
    assert wrong == []
    assert list(verdicts.values()).count(SEEN) <= 0.05 * len(verdicts)
    text = page(verdicts, seen)
    if pytestconfig.getoption("--write-failures", default=False):
        DOC.write_text(text)
    assert DOC.read_text() == text


def test_there_are_more_than_a_hundred_ends_and_each_has_its_cell() -> None:
    names = [end.name for end in ends.ends()]
    assert len(set(names)) == len(names) >= 120
    text = DOC.read_text()
    assert f"Of {len(names)} ends" in text
    assert all(f"| {cause.name} | " in text for cause in CAUSES)
    assert all(f" {way.name} |" in text for way in WAYS)
