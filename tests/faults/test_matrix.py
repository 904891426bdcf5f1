"""Every fault of the matrix: what is told, what is left, and whether the next start works."""

from __future__ import annotations

import re

import pytest

from live_code.job.ymir_exc import protocol
from tests.faults.conftest import DOC, row
from tests.faults.matrix import FAULTS, Fault
from tests.faults.stage import Stage


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_platform_is_told_the_truth_and_the_next_start_works(
    fault: Fault, stage: Stage, rows: dict[str, str]
) -> None:
    if fault.skip:
        pytest.skip(fault.skip)
    told = fault.play(stage)
    assert told.code == fault.exit_code, told.output
    assert told.monitor.state == (protocol.STATE_DONE if fault.good else protocol.STATE_ERROR), told.output
    assert (told.monitor.return_code, told.record["state"]) == (fault.return_code, "done" if fault.good else "failed")
    assert re.search(fault.message, told.message), told.message
    assert fault.good or told.record["error"]["kind"] == fault.kind or not fault.kind
    assert stage.leftovers() == []
    again = stage.set_up().run()
    assert (again.code, again.monitor.state) == (0, protocol.STATE_DONE), again.output
    assert stage.leftovers() == []
    rows[fault.name] = row(fault, told, stage)


def test_the_matrix_is_large_and_names_each_fault_once() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 40


def test_the_table_in_the_docs_is_that_of_the_matrix() -> None:
    shown = re.findall(r"^\| (.+?) \|", DOC.read_text(), re.MULTILINE)[1:]
    assert shown == [fault.name for fault in FAULTS]
