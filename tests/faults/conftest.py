"""The stage of each fault, and the table that the suite writes of all."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.matrix import FAULTS, Fault
from tests.faults.stage import Stage, Told
from tests.support.servers.index import Index, serving

DOC = Path(__file__).parent.parent.parent / "docs" / "failures.md"
ROWS = pytest.StashKey[dict[str, str]]()

COMMIT = re.compile(r"\b[0-9a-f]{40}\b")

HEAD = """# Error messages

Made by `scripts/faults`, which plays every one of these faults with real processes, signals, disks and control groups,
and checks it: the platform's `monitor.txt` (read every 2 ms meanwhile: never torn, empty or going back), the exit code,
the record, that nothing is left (no process, no work tree, no temporary file), and that the next start of the
same task folder and store ends well. "retry" is the class of a cause that may pass by itself: of a job's, `retries` may
name it; else start the task again.

The phase is where the fault is played. "Somebody's words" in a name: the fault is an exception that says what torch,
NCCL, PIL or the linker would say; the real thing needs a GPU or a broken machine.

`kill -9 of live-code` is that of the process that was started (its exit code is then the signal's); its worker ends the
job, tells the end and goes. `kill -9 of its worker` is the other way round. When both are killed at once, nobody is
left to tell: `monitor.txt` stays as it was; the job is told to end, and killed after its grace.

| fault | phase | exit | code | kind | retry | what the user reads |
|---|---|---|---|---|---|---|
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-failures", action="store_true", help="write docs/failures.md from what was seen")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    rows = session.config.stash[ROWS]
    if session.config.getoption("--write-failures", default=False) and rows:
        rows = {**_written(), **rows}  # a part of the suite renews its part of the table
        DOC.write_text(HEAD + "".join(rows[fault.name] for fault in FAULTS if fault.name in rows))


def _written() -> dict[str, str]:
    lines = DOC.read_text().splitlines(keepends=True) if DOC.exists() else []
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}


def row(fault: Fault, told: Told, stage: Stage) -> str:
    error = told.record["error"] or {}
    said = told.message
    places = ((stage.out, "/out"), (stage.store, "/cache"), (stage.folder.in_dir, "/in"), (stage.root, ""))
    for place, name in (*places, (sys.executable, "python3")):
        said = said.replace(str(place), name)
    said = COMMIT.sub("COMMIT", re.sub(r"\d+(\.\d+)? MB are free", "N MB are free", said))
    said = re.sub(r"127\.0\.0\.1:\d+", "host", re.sub(r"\b\d+(\.\d+)? s\b", "N s", said)).replace("|", "\\|")
    retry = {300301: "network"}.get(told.monitor.return_code) or ("infrastructure" if error.get("retryable") else "")
    cells = (fault.name, fault.phase, told.code, told.monitor.return_code, error.get("kind", "done"), retry, said)
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


@pytest.fixture
def rows(pytestconfig: pytest.Config) -> dict[str, str]:
    return pytestconfig.stash[ROWS]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with serving(Index().add("extra", "1").add("PyYAML", "6.0").add("EasyDict", "1.9")) as index:
        yield Stage(tmp_path, index)
