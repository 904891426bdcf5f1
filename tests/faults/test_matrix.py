"""Every fault of the matrix: what is told, what is left, and whether the next start works."""

from __future__ import annotations

import re

import pytest

from live_code.errors import Lost
from live_code.job.ymir_exc import protocol
from live_code.stages.supervise import symptoms, verdict
from tests.faults.conftest import DOC, HEAD, row
from tests.faults.matrix import FAULTS, Fault
from tests.faults.stage import Stage


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_platform_is_told_the_truth_and_the_next_start_works(
    fault: Fault, stage: Stage, rows: dict[str, str], pytestconfig: pytest.Config
) -> None:
    if fault.skip:
        pytest.skip(fault.skip)
    told = fault.play(stage)
    assert told.code == fault.exit_code, told.output
    assert told.monitor.state == (protocol.STATE_DONE if fault.good else protocol.STATE_ERROR), told.output
    assert (told.monitor.return_code, told.record["state"]) == (fault.return_code, "done" if fault.good else "failed")
    assert re.search(fault.message, told.message), told.message
    assert fault.good or told.record["error"]["kind"] == fault.kind
    assert fault.good or told.record["error"]["phase"] in (fault.phase, Lost.phase)
    assert stage.leftovers() == []
    again = stage.set_up().run()
    assert (again.code, again.monitor.state) == (0, protocol.STATE_DONE), again.output
    assert stage.leftovers() == []
    rows[fault.name] = row(fault, told, stage)
    assert pytestconfig.getoption("--write-failures", default=False) or rows[fault.name] in DOC.read_text()


def test_the_matrix_is_large_and_names_each_fault_once() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 40


def test_every_cause_that_is_told_apart_has_a_fault() -> None:
    causes = {cause.kind for cause, _ in symptoms.TABLE} | {cause.kind for cause in verdict.CAUSES}
    assert causes - {fault.kind for fault in FAULTS} == set()


def test_the_page_is_what_the_matrix_makes_of_it() -> None:
    text = DOC.read_text()
    assert text.startswith(HEAD)
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.removeprefix(HEAD).splitlines()]
    assert [[cell.strip() for cell in row[:5]] for row in rows] == [
        [fault.name, fault.phase, str(fault.exit_code), str(fault.return_code), fault.kind or "done"]
        for fault in FAULTS
    ]
    assert [row[0] for fault, row in zip(FAULTS, rows, strict=True) if not re.search(fault.message, row[6])] == []
