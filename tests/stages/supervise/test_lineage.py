"""Which report explains the end: the processes as a tree, as tables, without a process."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.stages.supervise import deaths, exceptions, lastwords, lineage, symptoms, verdict
from live_code.stages.supervise.contract import Exit, Frame, Report

ROOT = 10
MULTIPROCESSING = (Frame("/usr/lib/python3.11/multiprocessing/connection.py", 5, "_recv", "read()"),)


def report(kind: str, message: str, pid: int, parent: int = ROOT, time: float = 100.0, **more: Any) -> Report:
    frames = more.pop("frames", (Frame("train.py", 7, "step", "step()"),))
    return Report(kind, message, "", frames, more.pop("rank", ""), pid, time, parent, **more)


def ended(*reports: Report, code: int = 1, **more: Any) -> Exit:
    return Exit(code, 0, 0, 12.0, more.pop("tail", ()), reports=reports, pid=ROOT, ended=101.0, **more)


OOM = report("RuntimeError", "CUDA out of memory", 11, time=99.0, script="probe.py")


def named(exit: Exit) -> str:
    found = lineage.explaining(exit)
    return found.text if found else ""


def test_the_first_processs_own_exception_counts_and_not_a_childs_before_it() -> None:
    assert named(ended(OOM, report("KeyError", "'boxes'", ROOT, 1))) == "KeyError: 'boxes'"


@pytest.mark.parametrize(
    "own",
    [
        ("CalledProcessError", "Command 'probe.py' returned non-zero exit status 1"),
        ("RuntimeError", "probe.py failed"),
        ("RuntimeError", "the worker process died with exit code 1"),
    ],
)
def test_an_exception_about_a_child_is_explained_by_the_childs(own: tuple[str, str]) -> None:
    assert named(ended(OOM, report(*own, ROOT, 1))) == "RuntimeError: CUDA out of memory"


def test_of_children_that_fell_one_after_the_other_the_last_one_counts() -> None:
    last = report("KeyError", "'x'", 12, time=100.5)
    assert named(ended(OOM, last, report("CalledProcessError", "status 1", ROOT, 1, 100.6))) == "KeyError: 'x'"


def test_a_chain_is_followed_to_its_end() -> None:
    deep = report("ValueError", "no box", 13, 12, 100.0)
    middle = report("CalledProcessError", "Command 'c.py' returned 1", 12, ROOT, 100.1)
    top = report("CalledProcessError", "Command 'b.py' returned 1", ROOT, 1, 100.2)
    assert named(ended(deep, middle, top)) == "ValueError: no box"


def test_a_lost_process_of_multiprocessing_is_not_explained_by_another_child() -> None:
    lost = report("EOFError", "", ROOT, 1, frames=MULTIPROCESSING)
    assert named(ended(OOM, lost)) == "EOFError"
    error = verdict.of(ended(OOM, lost), None)
    assert error is not None
    assert (error.kind, error.retry) == ("PROCESS_LOST", "")


def test_a_refused_connection_elsewhere_is_the_networks() -> None:
    error = verdict.of(ended(report("ConnectionRefusedError", "[Errno 111] Connection refused", ROOT, 1)), None)
    assert error is not None
    assert (error.kind, error.retry) == ("NETWORK", "network")


def test_ranks_that_lost_each_other_are_not_the_cause_when_the_launcher_knows_better() -> None:
    lost = report("RuntimeError", "[gloo/transport/tcp/pair.cc:1] Connection reset by peer", 11, rank="0")
    launcher = report("CalledProcessError", "Command 'x' died with <Signals.SIGKILL: 9>", ROOT, 1, 100.5)
    error = verdict.of(ended(lost, launcher, memory_counted=True), None)
    assert error is not None
    assert (error.kind, error.retry) == ("KILLED", "")
    assert "SIGKILL" in error.message


def test_what_a_handler_had_caught_counts_when_it_raised_itself() -> None:
    def kind(code: str) -> str:
        own = report("RuntimeError", "no batch", ROOT, 1, frames=(Frame("train.py", 7, "step", code),))
        error = verdict.of(ended(own._replace(context="RuntimeError: CUDA out of memory")), None)
        return error.kind if error else ""

    assert kind("raise RuntimeError('no batch')") == "GPU_OUT_OF_MEMORY"
    assert kind("load(batch)") == "EXCEPTION"


class TestModels:
    @pytest.mark.parametrize(
        ("kind", "message", "frame"),
        [
            ("KeyError", "'settings'", Frame("/repo/m.py", 3, "load", "s = torch.load(path)['settings']")),
            ("KeyError", "101", Frame("/site-packages/torch/serialization.py", 1, "load", "unpickler.load()")),
            ("UnpicklingError", "invalid load key", Frame("/site-packages/torch/serialization.py", 1, "_load", "")),
            ("TypeError", "no", Frame("/site-packages/torch/nn/modules/module.py", 1, "load_state_dict", "")),
            ("MXNetError", "bad", Frame("/site-packages/mxnet/ndarray/utils.py", 1, "load", "")),
        ],
    )
    def test_what_comes_out_of_loading_a_model_is_the_model_files(self, kind: str, message: str, frame: Frame) -> None:
        error = verdict.of(ended(report(kind, message, ROOT, 1, frames=(frame,))), None)
        assert error is not None
        assert (error.kind, error.return_code) == ("MODEL_FILE", 300004)

    def test_memory_stays_memory_there(self) -> None:
        frame = Frame("/site-packages/torch/serialization.py", 1, "load", "")
        error = verdict.of(ended(report("RuntimeError", "CUDA out of memory", ROOT, 1, frames=(frame,))), None)
        assert error is not None
        assert error.kind == "GPU_OUT_OF_MEMORY"


class TestDeaths:
    @pytest.mark.parametrize(
        ("code", "number"), [(137, 9), (139, 11), (143, 15), (134, 6), (247, 9), (245, 11), (255, 0), (1, 0), (128, 0)]
    )
    def test_exit_codes(self, code: int, number: int) -> None:
        assert deaths.behind(code) == number

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("Command 'x' died with <Signals.SIGSEGV: 11>.", 11),
            ("process 0 terminated with signal SIGKILL", 9),
            ("DataLoader worker (pid 12) is killed by signal: Killed.", 9),
            ("DataLoader worker (pid 12) is killed by signal: Segmentation fault.", 11),
            ("train.sh: line 3: 25753 Killed                  python3 x.py", 9),
            ("a worker ended with exit code -9", 9),
            ("returned non-zero exit status 137.", 9),
            ("returned non-zero exit status 2.", 0),
            ("epoch 137: loss 0.5", 0),
        ],
    )
    def test_sentences(self, text: str, number: int) -> None:
        assert deaths.reported_in(text) == number

    @given(st.text())
    def test_any_text_is_read(self, text: str) -> None:
        assert 0 <= deaths.reported_in(text) <= 64

    def test_a_killed_worker_is_not_memory_where_the_kernel_counts_and_has_none(self) -> None:
        own = report("RuntimeError", "DataLoader worker (pid 12) is killed by signal: Killed.", ROOT, 1)

        def kind(**more: Any) -> str:
            error = verdict.of(ended(own, **more), None)
            return error.kind if error else ""

        assert kind(memory_counted=True) == "KILLED"
        assert kind(memory_counted=False) == "OUT_OF_MEMORY"
        assert kind(memory_counted=True, oom_kills=1) == "OUT_OF_MEMORY"


class TestLastWords:
    @pytest.mark.parametrize(
        ("tail", "said"),
        [
            (("epoch 3", "no labels"), "no labels"),
            (("no labels", "training failed"), "no labels"),
            (("CUDA error: x", "frame #0: foo", "frame #1: bar"), "CUDA error: x"),
            (("a.py: error: unrecognized arguments: --x", "Aborted"), "a.py: error: unrecognized arguments: --x"),
            ((), ""),
        ],
    )
    def test_the_line_that_says_something_is_shown(self, tail: tuple[str, ...], said: str) -> None:
        assert lastwords.shown(tail) == said

    @pytest.mark.parametrize(
        "line",
        [
            "warning: Temporary failure in name resolution, offline mode",
            "batch 64: CUDA out of memory, using 32",
            "Name or service not known",
        ],
    )
    def test_what_was_got_over_or_has_no_address_starts_nothing_again(self, line: str) -> None:
        error = verdict.of(ended(tail=("epoch 1", line)), None)
        assert error is not None
        assert (error.kind, error.retry) == ("JOB_FAILED", "")

    def test_an_address_proves_it(self) -> None:
        error = verdict.of(ended(tail=("curl: (6) Could not resolve host: example.com",)), None)
        assert error is not None
        assert error.retry == "network"


def test_a_report_with_odd_values_is_passed_over(tmp_path: Any) -> None:
    for number, text in enumerate(
        ("", "[]", '{"type": 1}', "\xff", '{"type": "X", "message": 1, "pid": "x", "time": 0}')
    ):
        (tmp_path / f"exception-{number}.json").write_bytes(text.encode("latin-1"))
    assert exceptions.read(tmp_path) == ()
    assert exceptions.read(tmp_path / "gone") == ()


def test_every_symptom_has_a_remedy() -> None:
    assert [cause.kind for cause, _ in symptoms.TABLE if not cause.hint] == []
