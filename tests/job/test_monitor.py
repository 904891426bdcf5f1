"""Progress as the platform's poller sees it."""

from __future__ import annotations

import math

import pytest
from ymir_exc import monitor, util
from ymir_exc.code import ExecutorReturnCode, ExecutorState

from live_code.job.ymir_exc import protocol
from tests.support.platform_reader import read_progress

from .conftest import Task


def standing(task: Task) -> protocol.Monitor:
    return protocol.parse_monitor((task.out / "monitor.txt").read_text())


def test_a_call_leaves_one_line_of_running_state(task: Task) -> None:
    monitor.write_monitor_logger(0.25)
    line = standing(task)
    assert (line.task_id, line.percent, line.state, line.return_code) == ("t01", 0.25, 2, 0)
    assert [path.name for path in task.out.iterdir() if path.is_file()] == ["monitor.txt"]


def test_progress_never_goes_back_whoever_wrote_it(task: Task) -> None:
    monitor.write_monitor_logger(0.5)
    monitor.write_monitor_logger(0.3)
    assert standing(task).percent == 0.5
    (task.out / "monitor.txt").write_text(protocol.format_monitor(protocol.Monitor("t01", 1.0, 0.75, 2)))
    monitor.write_monitor_logger(0.6)
    assert standing(task).percent == 0.75


def test_another_tasks_progress_does_not_count(task: Task) -> None:
    (task.out / "monitor.txt").write_text(protocol.format_monitor(protocol.Monitor("t00", 1.0, 0.9, 2)))
    monitor.write_monitor_logger(0.1)
    assert standing(task).percent == 0.1


@pytest.mark.parametrize("text", ["", "nonsense", "t01\t1.0\n", "\x00\xff"])
def test_an_unreadable_file_is_replaced(task: Task, text: str) -> None:
    (task.out / "monitor.txt").write_text(text)
    monitor.write_monitor_logger(0.1)
    assert standing(task).percent == 0.1


@pytest.mark.parametrize(("given", "written"), [(1.2, 1.0), (-0.1, 0.0), (math.inf, 1.0)])
def test_progress_beyond_the_bar_is_clamped_with_a_warning(task: Task, given: float, written: float) -> None:
    with pytest.warns(RuntimeWarning, match="not in \\[0, 1\\]"):
        monitor.write_monitor_logger(given)
    assert standing(task).percent == written


def test_nan_leaves_progress_where_it_stands_with_a_warning(task: Task) -> None:
    monitor.write_monitor_logger(0.5)
    with pytest.warns(RuntimeWarning, match="progress nan"):
        monitor.write_monitor_logger(math.nan)
    assert standing(task).percent == 0.5


@pytest.mark.parametrize("task_id", ["", "  ", "\t"])
def test_a_task_without_a_name_gets_a_word_that_the_platform_can_split_off(task: Task, task_id: str) -> None:
    task.describe(task_id=task_id)
    monitor.write_monitor_logger(0.25)
    monitor.write_monitor_logger(0.125)
    line = read_progress(task.out / "monitor.txt")
    assert line is not None
    assert (line.task_id, line.percent, line.state) == ("default-task", 0.25, 2)


def test_an_error_has_code_message_and_stack_of_the_exception_at_hand(task: Task) -> None:
    try:
        raise FileNotFoundError("no weights")
    except FileNotFoundError:
        monitor.write_monitor_logger(
            percent=1, state=ExecutorState.ES_ERROR, return_code=ExecutorReturnCode.RC_EXEC_MODEL_ERROR
        )
    line = standing(task)
    assert (line.state, line.return_code, line.message) == (4, 300004, "FileNotFoundError: no weights")
    assert line.stack[0].startswith("Traceback")


def test_an_error_is_not_hidden_by_later_progress(task: Task) -> None:
    monitor.write_monitor_logger(0.2, state=ExecutorState.ES_ERROR, message="broken")
    monitor.write_monitor_logger(0.9)
    line = standing(task)
    assert (line.state, line.return_code, line.message) == (4, 160004, "broken")


def test_the_end_of_the_task_is_not_hidden_by_a_process_that_is_left(task: Task) -> None:
    (task.out / "monitor.txt").write_text(protocol.format_monitor(protocol.Monitor("t01", 1.0, 1.0, 3)))
    monitor.write_monitor_logger(0.9)
    assert standing(task).state == 3


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "1"},
        {"LOCAL_RANK": "3"},
        {"RANK": "8", "LOCAL_RANK": "0"},
        {"OMPI_COMM_WORLD_RANK": "2"},
        {"SLURM_PROCID": "2"},
        {"DMLC_ROLE": "server"},
        {"DMLC_ROLE": "worker", "DMLC_WORKER_ID": "1"},
        {"DMLC_ROLE": "worker", "DMLC_TASK_ID": "1"},
    ],
)
def test_other_ranks_do_not_write(task: Task, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monitor.write_monitor_logger(0.5)
    assert not (task.out / "monitor.txt").exists()


@pytest.mark.parametrize(
    "variables", [{}, {"RANK": "0"}, {"RANK": "-1"}, {"LOCAL_RANK": ""}, {"RANK": "0", "LOCAL_RANK": "3"}]
)
def test_rank_zero_and_no_rank_write(task: Task, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monitor.write_monitor_logger(0.5)
    assert standing(task).percent == 0.5


@pytest.mark.parametrize(
    ("order", "name", "percent", "written"),
    [
        ("tmi", "mining", 0.5, 0.25),
        ("tmi", monitor.YmirTask.INFER, 0.5, 0.75),
        ("tim", "infer", 1.0, 0.5),
        ("tim", "mining", 0.0, 0.5),
    ],
)
def test_mining_and_infer_share_the_bar(task: Task, order: str, name: object, percent: float, written: float) -> None:
    task.describe(run_training=False, run_mining=True, run_infer=True)
    monitor.write_monitor_logger_for_multiple_tasks(util.get_merged_config(), name, percent, order)
    assert standing(task).percent == written


def test_one_task_alone_has_the_whole_bar(task: Task) -> None:
    task.describe(run_training=False, run_mining=True)
    monitor.write_monitor_logger_for_multiple_tasks(util.get_merged_config(), "mining", 0.5)
    assert standing(task).percent == 0.5


def test_a_process_with_a_part_of_the_bar_stays_in_it(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE_CODE_PROGRESS_SHARE", "0.5,1")
    monitor.write_monitor_logger(0.5)
    assert standing(task).percent == 0.75


def test_a_line_that_can_not_be_written_is_a_warning(task: Task) -> None:
    task.describe(output={"monitor_file": str(task.out / "gone" / "monitor.txt")})
    with pytest.warns(RuntimeWarning, match="progress not reported"):
        monitor.write_monitor_logger(0.5)
