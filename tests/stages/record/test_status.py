from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError, OutputError
from live_code.job.ymir_exc import protocol
from live_code.stages.record.status import Status
from tests.faults.stage import fill, small_disk
from tests.support.platform import poll

ROOT = Path(__file__).parents[3]


@pytest.fixture
def told(tmp_path: Path) -> Status:
    return Status(tmp_path / "out" / "monitor.txt", "t1")


def read(told: Status) -> protocol.Monitor:
    return protocol.parse_monitor(told.monitor_file.read_text())


def test_a_new_start_forgets_what_an_earlier_one_left(told: Status) -> None:
    told.done()
    told.begin()
    assert read(told)[2:4] == (0.0, protocol.STATE_RUNNING)


def test_progress_of_the_job_is_kept(told: Status) -> None:
    told.begin()
    protocol.write_atomic(told.monitor_file, protocol.format_monitor(protocol.Monitor("t1", 1.0, 0.7, 2)))
    told.running("checking")
    assert read(told).percent == 0.7
    told.failed(ConfigError("no.", hint="Do it.", details="line 1\nline 2"))
    assert read(told)[2:] == (0.7, protocol.STATE_ERROR, 300001, "no. Do it.", ("line 1", "line 2"))


def test_the_end_of_a_good_run(told: Status) -> None:
    told.done()
    assert read(told)[2:5] == (1.0, protocol.STATE_DONE, 0)


def test_the_platform_reads_the_state_of_a_task_without_a_name(tmp_path: Path) -> None:
    """Also of one whose env.yaml was never read, and the line that stands before Python has started."""
    file = tmp_path / "monitor.txt"
    nameless = Status(file, " ")
    for report, state in ((nameless.begin, 2), (lambda: nameless.failed(ConfigError("no.")), 4), (nameless.done, 3)):
        report()
        assert poll(file)[2] == state
    file.unlink()
    line = next(line for line in (ROOT / "scripts/start.sh").read_text().splitlines() if "printf" in line)
    subprocess.run(["bash", "-c", line.replace("/out/monitor.txt", str(file))], check=True)
    assert poll(file)[1:] == (0.0, 2, 0)


def test_a_folder_that_is_not_writable_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="monitor.txt can't be written"):
        Status(tmp_path / "out" / "monitor.txt").begin()


@given(
    st.text(), st.floats(0, 4e9), st.floats(0, 1), st.sampled_from([2, 3, 4]), st.integers(0, 999999), st.text(),
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])), max_size=120),
)  # fmt: skip
def test_whatever_is_told_is_one_line_of_six_fields_and_a_short_stack(
    task: str, at: float, percent: float, state: int, code: int, message: str, stack: list[str]
) -> None:
    text = protocol.format_monitor(protocol.Monitor(task, at, percent, state, code, message, tuple(stack)))
    fields = text.split("\n")[0].split("\t")
    assert len(fields) == 6
    assert text.count("\n") <= 100
    parsed = protocol.parse_monitor(text)
    assert (parsed.state, parsed.return_code) == (state, code)
    assert parsed.percent == pytest.approx(percent, abs=1e-6)
    assert parsed.message == " ".join(message.split())


@given(st.text(st.characters(codec=None)))
def test_any_text_is_written_as_utf_8_has_it(text: str) -> None:
    line = protocol.format_monitor(protocol.Monitor("t", 1.0, 0.5, 4, 1, text, (text,)))
    assert protocol.parse_monitor(line.encode().decode()).state == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\udce9.jpg", r"\xe9.jpg"), ("\ud800", r"\ud800"), ("\ud800 \udce9", r"\ud800 \udce9"), ("\u00e9", "\u00e9")],
)
def test_what_is_no_text_stands_as_its_escape(text: str, shown: str) -> None:
    assert protocol.legible(text) == shown


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
def test_on_a_full_disk_the_last_state_takes_the_old_ones_place(tmp_path: Path) -> None:
    with small_disk(tmp_path / "out", 64):
        status = Status(tmp_path / "out" / "monitor.txt", "t1")
        status.begin()
        fill(tmp_path / "out")
        status.failed(ConfigError("no. " * 1000, details="line\n" * 99))
        monitor = read(status)
    assert (monitor.state, monitor.return_code, monitor.stack) == (protocol.STATE_ERROR, 300001, ())
    assert monitor.message.startswith("no. no. ")
