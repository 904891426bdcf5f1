"""The truth table of ends, as a table: no process, no file."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from live_code.errors import JobError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.repo_settings import Merged
from live_code.stages.supervise import exceptions, symptoms, verdict
from live_code.stages.supervise.contract import HANGING_RANKS, MAX_DURATION, STALL, Exit, Frame, Report
from live_code.tools.processes.guard import ORPHANED

FAILED = Exit(code=1, signal=0, stopped_by=0, seconds=12.0, tail=("last words",))


def report(kind: str, message: str, rank: str = "", time: float = 100.0, cause: str = "") -> Report:
    return Report(kind, message, cause, (Frame("train.py", 7, "step", "loss.backward()"),), rank, 42, time)


def decided(ended: Exit, said: protocol.Monitor | None = None) -> JobError:
    error = verdict.of(ended, said)
    assert error is not None
    return error


def given(task: Mapping[str, Any], repo: Mapping[str, Any] = MappingProxyType({})) -> Merged:
    """Hyper-parameters of the task, and the defaults of the repo's d.yaml."""
    origins = {**dict.fromkeys(repo, "d.yaml"), **dict.fromkeys(task, "config.yaml")}
    return Merged({**repo, **task}, origins, {"code_config": repo, "config.yaml": task})


def monitor(code: int, message: str, state: int = protocol.STATE_ERROR) -> protocol.Monitor:
    return protocol.Monitor("t", 1.0, 0.5, state, code, message, ("their stack",))


def test_a_good_end_has_no_error() -> None:
    assert verdict.of(Exit(0, 0, 0, 1.0, ()), None) is None


def test_one_that_printed_nothing_is_not_sent_to_its_last_lines() -> None:
    error = decided(FAILED._replace(code=3, tail=()))
    assert str(error).startswith("the job ended with exit code 3 after 12 s. It printed nothing")
    assert "last lines" not in str(error)


def test_a_module_that_is_nearly_one_of_the_repos_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").touch()
    told = decided(FAILED._replace(tail=("ModuleNotFoundError: No module named 'helprs'",), root=str(tmp_path)))
    assert told.hint == "Is it helpers, which the repo has? Else add helprs to the repo's requirements."


# An exception, or a last line of the log: the kind, the return code, the class for which it is tried again.
EXCEPTIONS = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB", "GPU_OUT_OF_MEMORY", 300103, ""),
    ("RuntimeError: CUDA error: out of memory", "GPU_OUT_OF_MEMORY", 300103, ""),
    ("mxnet.base.MXNetError: cudaMalloc failed: out of memory", "GPU_OUT_OF_MEMORY", 300103, ""),
    ("MemoryError", "OUT_OF_MEMORY", 300103, ""),
    ("numpy._ArrayMemoryError: Unable to allocate 7.28 TiB for an array", "OUT_OF_MEMORY", 300103, ""),
    ("RuntimeError: DataLoader worker (pid 12) is killed by signal: Killed.", "OUT_OF_MEMORY", 300103, ""),
    ("RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that dataloader's "
     "workers are out of shared memory", "SHARED_MEMORY", 300103, ""),
    ("RuntimeError: unable to open shared memory object </torch_1> in read-write mode", "SHARED_MEMORY", 300103, ""),
    ("RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "GPU_MISMATCH", 300101, ""),
    ("RuntimeError: CUDA error: no kernel image is available for execution on the device", "GPU_MISMATCH", 300101, ""),
    ("ImportError: libcudart.so.10.1: cannot open shared object file: No such file", "GPU_MISMATCH", 300101, ""),
    ("RuntimeError: No CUDA GPUs are available", "NO_GPU", 300102, ""),
    ("RuntimeError: Found no NVIDIA driver on your system.", "NO_GPU", 300102, ""),
    ("AssertionError: Torch not compiled with CUDA enabled", "NO_GPU", 300102, ""),
    ("RuntimeError: CUDA error: uncorrectable ECC error encountered", "GPU_FAULT", 160004, "infrastructure"),
    ("torch.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp", "PEERS_LOST", 160004, "infrastructure"),
    ("FloatingPointError: Predicted boxes contain Inf/NaN. Training diverged.", "NOT_A_NUMBER", 300201, ""),
    ("ValueError: loss is nan at step 12", "NOT_A_NUMBER", 300201, ""),
    ("OSError: [Errno 28] No space left on device", "DISK_FULL", 160004, ""),
    ("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "NETWORK", 300301,
     "network"),
    ("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /",
     "NETWORK", 300301, "network"),
    ("ConnectionRefusedError: [Errno 111] Connection refused", "NETWORK", 300301, "network"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/in/models/best.pt'", "MODEL_FILE", 300004, ""),
    ("RuntimeError: PytorchStreamReader failed reading zip archive", "MODEL_FILE", 300004, ""),
    ("RuntimeError: Error(s) in loading state_dict for Net:", "MODEL_FILE", 300004, ""),
    ("PIL.UnidentifiedImageError: cannot identify image file '/in/assets/aa/1.jpg'", "IMAGE_FORMAT", 300003, ""),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/in/assets/aa/1.jpg'", "DATASET", 300002, ""),
    ("ValueError: num_samples should be a positive integer value, but got num_samples=0", "DATASET", 300002, ""),
    ("ImportError: /tmp/x/_c.so: failed to map segment from shared object", "NOEXEC", 160004, ""),
    ("ModuleNotFoundError: No module named 'cv2'", "MISSING_MODULE", 160004, ""),
]  # fmt: skip


def test_a_framework_that_the_jobs_python_lacks_is_never_told_to_go_into_the_requirements() -> None:
    found = symptoms.find(["ModuleNotFoundError: No module named 'torch'"])
    assert found is not None
    assert "LIVE_CODE_PYTHON" in found[0].hint
    other = symptoms.find(["ModuleNotFoundError: No module named 'torchmetrics'"])
    assert other is not None
    assert other[0].hint == "Add it to the repo's requirements."


def test_a_module_that_is_named_otherwise_than_its_package_is_told_with_the_packages_name() -> None:
    missing = report("ModuleNotFoundError", "No module named 'cv2'")
    assert decided(FAILED._replace(reports=(missing,))).hint == "Add opencv-python-headless to the repo's requirements."


LINES = [
    ("terminate called after throwing an instance of 'std::bad_alloc'", "OUT_OF_MEMORY", 300103, ""),
    ("Loss is nan, stopping training", "NOT_A_NUMBER", 300201, ""),
]
COLUMNS = ("line", "kind", "code", "retry")


@pytest.mark.parametrize(COLUMNS, [*EXCEPTIONS, *LINES], ids=[row[0][:60] for row in [*EXCEPTIONS, *LINES]])
def test_a_known_cause_in_the_last_lines(line: str, kind: str, code: int, retry: str) -> None:
    error = decided(FAILED._replace(tail=("epoch 3", line, "")))
    assert (error.kind, error.return_code, error.retry) == (kind, code, retry)
    assert error.hint


@pytest.mark.parametrize(COLUMNS, EXCEPTIONS, ids=[row[0][:60] for row in EXCEPTIONS])
def test_a_known_cause_in_the_exception(line: str, kind: str, code: int, retry: str) -> None:
    name, _, message = line.partition(": ")
    error = decided(FAILED._replace(reports=(report(name.rpartition(".")[2], message),)))
    assert (error.kind, error.return_code, error.retry) == (kind, code, retry)
    assert "train.py" in error.details


def test_a_model_file_that_the_job_should_have_made_itself_is_not_told_as_one_that_the_task_lacks() -> None:
    lost = report("FileNotFoundError", "[Errno 2] No such file or directory: '/out/models/last.pt'")
    error = decided(FAILED._replace(reports=(lost,), output="/out"))
    assert (error.kind, error.return_code) == ("EXCEPTION", 160004)
    assert "/out/models/last.pt" in str(error)


# What healthy and otherwise failing jobs print, too.
HARMLESS = [
    "loss: nan_count=0",
    "epoch 3 loss=inf_ok", "retrying download (attempt 2)", "memory: 3.2 GB", "INFO: no GPU needed",
    "Downloading weights.pth from server", "Saved model.pt", "number of images is 0 of broken kind",
]  # fmt: skip


@pytest.mark.parametrize("line", HARMLESS)
def test_what_proves_nothing_is_not_taken_for_a_cause(line: str) -> None:
    assert decided(FAILED._replace(tail=(line,))).kind == "JOB_FAILED"


class TestWhatDecides:
    OOM = report("OutOfMemoryError", "CUDA out of memory")

    def test_a_stop_is_a_stop_whatever_the_job_said_when_it_came(self) -> None:
        error = decided(FAILED._replace(stopped_by=15, reports=(self.OOM,)), monitor(300103, "memory"))
        assert (error.kind, error.exit_code, error.retry) == ("STOPPED", 1, "")
        assert "stopped by SIGTERM" in error.message

    def test_the_death_of_the_guard_is_no_signal_of_the_users(self) -> None:
        error = decided(FAILED._replace(stopped_by=ORPHANED))
        assert error.message == "the task was stopped after 12 s: the process that guards it was killed."

    @pytest.mark.parametrize(
        ("limit", "kind"), [(MAX_DURATION, "TIMEOUT"), (STALL, "STALLED"), (HANGING_RANKS, "HANGING_RANKS")]
    )
    def test_a_limit(self, limit: str, kind: str) -> None:
        error = decided(FAILED._replace(code=0, signal=15, ended_by=limit))
        assert (error.kind, error.exit_code) == (kind, 124)
        assert error.message.startswith("the job was ended after 12 s: ")

    def test_ranks_that_hang_are_blamed_on_the_one_that_died(self) -> None:
        error = decided(FAILED._replace(ended_by=HANGING_RANKS, reports=(report("KeyError", "'x'", rank="1"),)))
        assert (error.kind, "rank 1: KeyError: 'x'" in error.message) == ("HANGING_RANKS", True)

    def test_the_jobs_own_word_is_nearer_than_its_exception(self) -> None:
        error = decided(FAILED._replace(reports=(self.OOM,)), monitor(300002, "no boxes"))
        assert (error.return_code, error.message, error.details) == (300002, "no boxes", "their stack")

    def test_a_word_without_a_code_is_less_than_the_exception(self) -> None:
        assert decided(FAILED._replace(reports=(self.OOM,)), monitor(160004, "failed")).kind == "GPU_OUT_OF_MEMORY"

    def test_a_word_without_a_code_is_more_than_nothing(self) -> None:
        assert decided(FAILED, monitor(160004, "we failed")).message == "we failed"

    def test_progress_is_no_word_of_an_end(self) -> None:
        assert decided(FAILED, monitor(0, "", protocol.STATE_RUNNING)).kind == "JOB_FAILED"

    def test_a_kill_for_memory_is_the_users_and_not_the_machines(self) -> None:
        error = decided(FAILED._replace(code=0, signal=signal.SIGKILL, oom_kills=1))
        assert (error.kind, error.return_code, error.retryable) == ("OUT_OF_MEMORY", 300103, False)
        assert error.exit_code == 137

    def test_a_worker_killed_for_memory_explains_a_failing_parent(self) -> None:
        assert decided(FAILED._replace(oom_kills=3)).message == (
            "the job ran out of memory after 12 s: the kernel killed 3 of its processes for it."
        )

    def test_a_kill_from_outside_may_pass(self) -> None:
        error = decided(FAILED._replace(code=0, signal=signal.SIGKILL))
        assert (error.kind, error.retry, error.exit_code) == ("KILLED", "infrastructure", 137)

    def test_a_crash_is_the_programs_own(self) -> None:
        error = decided(FAILED._replace(code=0, signal=signal.SIGSEGV))
        assert (error.kind, error.retry, error.exit_code) == ("CRASHED", "", 139)
        assert "SIGSEGV" in error.message

    def test_an_exception_that_is_not_known_is_shown(self) -> None:
        error = decided(FAILED._replace(reports=(report("KeyError", "'bbox'"),)))
        assert (error.kind, error.message) == ("EXCEPTION", "the job failed: KeyError: 'bbox' (train.py:7).")
        assert error.details.splitlines()[-1] == "KeyError: 'bbox'"

    def test_the_cause_of_an_exception_counts(self) -> None:
        error = decided(FAILED._replace(reports=(report("RuntimeError", "worker", cause="MemoryError"),)))
        assert error.kind == "OUT_OF_MEMORY"

    def test_a_full_disk_is_named(self) -> None:
        error = decided(FAILED._replace(full=("/out",), tail=("OSError: [Errno 28] No space left on device",)))
        assert "no space left on the disk of /out" in error.message

    def test_a_full_disk_explains_a_failure_without_words(self) -> None:
        assert decided(FAILED._replace(full=("/out",))).kind == "DISK_FULL"

    def test_a_gpu_that_was_asked_for_and_is_not_there(self) -> None:
        error = decided(FAILED._replace(no_gpu=True, tail=("RuntimeError: No CUDA GPUs are available",)))
        assert "gpu_id" in error.message


SUMMARY = """
============================================================
start.py FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-21_12:35:50
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 490)  (SIGTERM)
[2]:
  time      : 2026-11-21_12:35:50
  rank      : 2 (local_rank: 2)
  exitcode  : 1 (pid: 492)
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-21_12:35:50
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 491)
============================================================"""
LOST = "[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:30890: Connection reset by peer."


class TestRanks:
    """One dies without a word; what others say of it afterwards is not the cause."""

    def fallen(self, code: int, tail: tuple[str, ...] = (), **more: int) -> JobError:
        echo = report("RuntimeError", LOST, rank="2", time=100.0)._replace(pid=492)
        launcher = report("ChildFailedError", SUMMARY.format(code=code), time=101.0)
        parent = report("CalledProcessError", "returned non-zero exit status 1", time=102.0)
        return decided(FAILED._replace(reports=(echo, launcher, parent), tail=tail, **more))

    @pytest.mark.parametrize(
        ("code", "kind", "says"),
        [
            (-9, "KILLED", "rank 1 was killed by SIGKILL from outside"),
            (-11, "CRASHED", "rank 1 crashed by SIGSEGV"),
            (7, "JOB_FAILED", "the job failed: rank 1 ended with exit code 7"),
        ],
    )
    def test_torchruns_summary_names_it(self, code: int, kind: str, says: str) -> None:
        error = self.fallen(code)
        assert (error.kind, error.message) == (kind, f"{says} after 12 s.")

    def test_its_own_last_words_tell_the_cause(self) -> None:
        error = self.fallen(-6, ("[rank2]:RuntimeError: " + LOST, "[rank1]:CUDA error: out of memory"))
        assert error.message == "the job ran out of GPU memory: rank 1: CUDA error: out of memory."

    def test_one_that_aborted_as_it_lost_its_peers_is_not_the_cause(self) -> None:
        entry = "  rank      : {0} (local_rank: {0})\n  exitcode  : {1} (pid: 49{0})\n"
        summary = f"Failures:\n{entry.format(1, -9)}Root Cause (first observed failure):\n{entry.format(0, -6)}"
        abort = f"[rank0]:terminate called after throwing an instance of 'gloo::IoException', what(): {LOST}"
        ended = FAILED._replace(reports=(report("ChildFailedError", summary),), tail=(abort,))
        assert decided(ended).message.startswith("rank 1 was killed by SIGKILL")

    def test_its_lines_stand_below_the_error(self) -> None:
        assert self.fallen(7, ("[rank0]:epoch 3", "[rank1]:no labels")).details == "[rank1]:no labels"

    def test_a_kill_for_memory_is_one(self) -> None:
        assert self.fallen(-9, oom_kills=1).kind == "OUT_OF_MEMORY"

    def test_one_that_lost_its_peers_is_the_cause_only_when_none_is_known(self) -> None:
        assert decided(FAILED._replace(reports=(report("RuntimeError", LOST, rank="2"),))).kind == "PEERS_LOST"

    def test_an_exception_counts_though_an_echo_was_told_before_it(self) -> None:
        echo, fall = report("RuntimeError", LOST, "0", 100.0), report("ValueError", "bad batch", "1", 100.1)
        assert "rank 1: ValueError: bad batch" in decided(FAILED._replace(reports=(echo, fall))).message

    def test_a_torchrun_without_our_hook_is_read_from_the_last_lines(self) -> None:
        assert "rank 1 was killed" in decided(FAILED._replace(tail=tuple(SUMMARY.format(code=-9).splitlines()))).message


def test_of_a_long_exception_the_end_is_shown_too() -> None:
    error = decided(FAILED._replace(reports=(report("ProcessRaisedException", f"{'x' * 500} KeyError: 'bbox'"),)))
    assert error.message.endswith("xx KeyError: 'bbox' (train.py:7).")


class TestWhere:
    """The line of the repo's own code that an exception came from."""

    def told(self, *files: str, message: str = "'bbox'", cause: str = "") -> str:
        frames = tuple(Frame(file, line, "f", "x()") for line, file in enumerate(files, 1))
        fallen = report("KeyError", message, cause=cause)._replace(frames=frames)
        return decided(FAILED._replace(reports=(fallen,), root="/work/run-1")).message

    def test_of_the_repos_own_code_the_innermost_line_is_named(self) -> None:
        files = ("/work/run-1/start.py", "/work/run-1/tool/train.py", "/image/lib/torch/nn.py", "<frozen importlib>")
        assert self.told(*files) == "the job failed: KeyError: 'bbox' (tool/train.py:2)."

    def test_packages_that_lie_below_it_are_not_its_own(self) -> None:
        assert "(start.py:1)" in self.told("/work/run-1/start.py", "/work/run-1/venv/lib/site-packages/a.py")

    def test_code_of_others_alone_is_not_named(self) -> None:
        assert self.told("/image/bin/tool") == "the job failed: KeyError: 'bbox'."

    def test_a_text_that_names_its_line_is_enough(self) -> None:
        message = "invalid syntax (train.py, line 3)"
        assert self.told("/work/run-1/start.py", message=message).endswith(f"{message}.")

    WORKERS = """Caught KeyError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/image/lib/torch/utils/data/_utils/worker.py", line 351, in _worker_loop
    data = fetcher.fetch(index)  # type: ignore[possibly-undefined]
           ^^^^^^^^^^^^^^^^^^^^
  File "/work/run-1/data.py", line 41, in __getitem__
    return sample["bbox"]
           ~~~~~~^^^^^^^^
KeyError: 'bbox'
"""

    def test_of_a_worker_whose_traceback_is_quoted_its_own_exception_and_line_are_told(self) -> None:
        said = self.told("/work/run-1/train.py", message=self.WORKERS)
        assert said == "the job failed: KeyError: 'bbox' (data.py:41)."

    def test_a_python_without_our_hook_has_told_it_at_the_end_of_its_output(self) -> None:
        printed = tuple(self.WORKERS.replace("Original ", "").splitlines()[1:])
        error = decided(FAILED._replace(tail=("epoch 3", *printed), root="/work/run-1"))
        assert (error.kind, error.message) == ("EXCEPTION", "the job failed: KeyError: 'bbox' (data.py:41).")

    def test_a_traceback_that_the_job_went_on_after_is_not_its_end(self) -> None:
        printed = tuple(self.WORKERS.replace("Original ", "").splitlines()[1:])
        assert decided(FAILED._replace(tail=(*printed, "skipped"))).kind == "JOB_FAILED"

    def test_a_pools_worker_is_known_by_the_cause(self) -> None:
        cause = 'RemoteTraceback: \n"""\n' + self.WORKERS.partition("Original ")[2] + '"""'
        assert self.told("/work/run-1/train.py", cause=cause).endswith("KeyError: 'bbox' (data.py:41).")


class TestWhichReport:
    def test_the_child_says_why_the_parent_only_that(self) -> None:
        child, parent = report("KeyError", "'x'", time=100.0), report("CalledProcessError", "train.py", time=100.5)
        assert exceptions.together((child, parent)) == (child, parent)
        assert "KeyError" in decided(FAILED._replace(reports=(child, parent))).message

    def test_the_first_rank_to_fall_is_the_cause(self) -> None:
        first, second = report("ValueError", "x", "1", 100.0), report("DistBackendError", "lost", "0", 101.0)
        error = decided(FAILED._replace(reports=(first, second)))
        assert error.message.startswith("the job failed: rank 1: ValueError")

    def test_what_the_job_had_got_over_long_ago_is_not(self) -> None:
        old, last = report("URLError", "x", time=100.0), report("KeyError", "'y'", time=9000.0)
        assert exceptions.together((old, last)) == (last,)


def test_an_exception_that_quotes_a_setting_names_its_key() -> None:
    ended = FAILED._replace(reports=(report("ValueError", "invalid literal for int() with base 10: 'eight'"),))
    error = verdict.of(ended, None, given({"epochs": 3, "batch_size": "eight", "name": ""}))
    assert error is not None
    assert error.message.endswith("'eight' (train.py:7). batch_size is 'eight' in this task's settings.")
    assert (error.kind, error.return_code) == ("SETTING", 300001)


def test_another_exception_names_the_setting_and_keeps_its_code() -> None:
    ended = FAILED._replace(reports=(report("KeyError", "'resnet99'"),))
    error = verdict.of(ended, None, given({"backbone": "resnet99"}))
    assert error is not None
    assert "backbone is 'resnet99'" in error.message
    assert (error.kind, error.return_code) == ("EXCEPTION", 160004)


def test_a_setting_that_the_exception_names_itself_is_not_named_twice() -> None:
    ended = FAILED._replace(reports=(report("ValueError", "epochs is 'many', which is no number"),))
    error = verdict.of(ended, None, given({"epochs": "many"}))
    assert error is not None
    assert error.message == "the job failed: ValueError: epochs is 'many', which is no number (train.py:7)."
    assert error.kind == "SETTING"


def test_an_exception_that_quotes_no_setting_names_none() -> None:
    ended = FAILED._replace(reports=(report("ValueError", "bad 'batch'"),))
    error = verdict.of(ended, None, given({"backbone": "resnet99"}))
    assert error is not None
    assert "settings" not in error.message


# An exception, the line of the repo that it came through, what is told, and whether a value has to be changed.
HINTS = [
    ("ValueError", "could not convert string to float: 'fast'", "lr = float(p.lr)",
     "lr is 'fast' in the repo's d.yaml. Whoever maintains the repo should correct it; until then", True),
    ("ValueError", "could not convert string to float: ''", "decay = float(p.decay)",
     "decay is '' in this task's settings. Correct decay in the task.", True),
    ("TypeError", "'str' object cannot be interpreted as an integer", "for epoch in range(p.epochs):",
     "epochs is '12' in this task's settings. That is a text. Use int(...) or float(...) where the code reads", False),
    ("TypeError", 'can only concatenate str (not "int") to str', "last = p.epochs + 1",
     "epochs is '12' in this task's settings.", False),
    ("TypeError", "can't multiply sequence by non-int of type 'float'", "rate = p.rate * 0.1",
     "rate is '1e-3' in the repo's d.yaml. That is a text.", False),
    ("AttributeError", "'EasyDict' object has no attribute 'epoch'", "n = cfg.param.epoch",
     "epoch is neither in this task's settings nor in d.yaml; is it epochs? Give epoch in the task,", True),
    ("KeyError", "'thr'", "n = cfg.param['thr']", "thr is neither in this task's settings nor in d.yaml.", True),
    ("FileNotFoundError", "[Errno 2] No such file or directory: '/app/output/a'", "open(path)",
     "The code lies at /app in some images only. For output: write below cfg.ymir.output.models_dir", False),
    ("OSError", "[Errno 30] Read-only file system: '/in/assets/a'", "open(path, 'w')", "is read-only. Write", False),
    ("ValueError", "no main metric (one of maskAP, mIoU, mAP) in ['acc']", "rw.write_model_stage(…)",
     "Hand over evaluation_result={'mAP': …}, in [0, 1]; a classifier its accuracy as mAP.", False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "line", "told", "is_setting"), HINTS)
def test_a_known_mistake_is_told_with_its_remedy(
    kind: str, message: str, line: str, told: str, is_setting: bool
) -> None:
    own = (Frame("/tree/train.py", 12, "main", line), Frame("/usr/lib/x/site-packages/x.py", 1, "f", ""))
    ended = FAILED._replace(reports=(report(kind, message)._replace(frames=own),), root="/tree", output="/out")
    merged = given({"epochs": "12", "decay": "", "gpu_id": "0"}, {"lr": "fast", "rate": "1e-3", "epochs": 8})
    error = verdict.of(ended, None, merged)
    assert error is not None
    assert told in str(error)
    assert (error.kind, error.return_code) == (("SETTING", 300001) if is_setting else ("EXCEPTION", 160004))


@pytest.mark.parametrize(
    ("kind", "message", "line"),
    [
        ("KeyError", "'thr'", "n = labels['thr']"),
        ("AttributeError", "'EasyDict' object has no attribute 'root'", "n = cfg.ymir.root"),
        ("AttributeError", "'EasyDict' object has no attribute 'params'", "n = cfg.params.lr"),
        ("ValueError", "could not convert string to float: ''", "n = float(row[3])"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/out/models/a'", "open(path)"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/in/notes.json'", "open(path)"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/home/me/task/in/notes.json'", "open(path)"),
        ("TypeError", "expected str, bytes or os.PathLike object, not list", "open(names)"),
    ],
)
def test_an_exception_that_has_nothing_to_do_with_them_is_told_alone(kind: str, message: str, line: str) -> None:
    own = (Frame("/tree/train.py", 12, "main", line),)
    ended = FAILED._replace(reports=(report(kind, message)._replace(frames=own),), root="/tree", output="/out")
    error = verdict.of(ended, None, given({"lr": "fast", "decay": ""}, {"epochs": "12"}))
    assert error is not None
    assert str(error) == f"the job failed: {kind}: {message} (train.py:12). The whole output is in live-code/job.log."
