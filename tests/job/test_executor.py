"""The small parts: commands per task, GPU memory, text for tensorboard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ymir_exc import _tensorboard, monitor, sysinfo
from ymir_exc.executor import Executor

from tests.support.platform_reader import read_progress

from .conftest import Task


def apps(task: Task, **exits: int) -> dict[str, str]:
    """A script per task that writes its name and which Python it runs on."""
    found = {}
    for name in ("training", "mining", "infer"):
        script = task.root / f"{name}.py"
        script.write_text(
            f"import sys\nopen({str(task.root / 'log')!r}, 'a').write('{name} ' + sys.executable + '\\n')\n"
            f"sys.exit({exits.get(name, 0)})\n"
        )
        found[name] = f"python3 {script}"
    return found


@pytest.mark.parametrize(
    ("switches", "ran"),
    [({}, ["training"]), ({"run_training": False, "run_mining": True, "run_infer": True}, ["mining", "infer"]),
     ({"run_training": False, "run_infer": True}, ["infer"])],
)  # fmt: skip
def test_each_task_that_is_on_runs_on_this_python(task: Task, switches: dict[str, bool], ran: list[str]) -> None:
    task.describe(**switches)
    assert Executor(apps(task)).start() == 0
    assert (task.root / "log").read_text().splitlines() == [f"{name} {sys.executable}" for name in ran]
    progress = read_progress(task.out / "monitor.txt")
    assert progress is not None
    assert progress.percent == 1.0


def test_a_command_that_fails_ends_the_start(task: Task) -> None:
    task.describe(run_training=False, run_mining=True, run_infer=True)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        Executor(apps(task, mining=3)).start()
    assert caught.value.returncode == 3
    assert "infer" not in (task.root / "log").read_text()


def test_debugging_ends_in_an_error(task: Task) -> None:
    task.configure(ymir_debug="True")
    with pytest.raises(RuntimeError, match="ymir_debug"):
        Executor(apps(task)).start()


def test_no_gpu_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="neither torch nor nvidia-smi"):
        sysinfo.get_gpu_memory("cuda:0")
    with pytest.raises(RuntimeError, match="not a GPU: 'cpu'"):
        sysinfo.get_gpu_memory("cpu")


def test_gpu_memory_is_asked_for_the_visible_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$3" = --id=5 ] && echo "2048, 512"\n')
    program.chmod(0o755)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    assert sysinfo.get_gpu_memory("cuda:1") == (2.0, 0.5)


@pytest.fixture
def no_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {"tensorboard", "torch", "tensorboardX"}
    # Modules of theirs that another test has imported would still be found.
    for name in packages | {loaded for loaded in sys.modules if loaded.split(".")[0] in packages}:
        monkeypatch.setitem(sys.modules, name, None)


def test_without_tensorboard_the_text_is_a_warning(task: Task, no_writers: None) -> None:
    with pytest.warns(UserWarning, match="no tensorboard package"):
        monitor.write_tensorboard_text("text", tag="notes")


def test_a_missing_log_is_a_warning(task: Task) -> None:
    with pytest.warns(RuntimeWarning, match="no executor log"):
        monitor.write_final_executor_log()


class FakeWriter:
    """Torch's and tensorboardX's writer have these three names; the real ones are tried by the slow tests."""

    added: list[Any]

    def __init__(self, folder: str) -> None:
        FakeWriter.added = [folder]

    def add_text(self, tag: str, text: str, step: int) -> None:
        self.added.append((tag, text))

    def close(self) -> None:
        self.added.append("closed")


def test_the_text_goes_to_the_writer_that_is_there(
    task: Task, no_writers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = type(sys)("tensorboardX")
    module.SummaryWriter = FakeWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    (task.out / "ymir-executor-out.log").write_text("line\n")
    monitor.write_final_executor_log(tag="log")
    assert FakeWriter.added == [str(task.out / "tensorboard"), ("log", "```\n line\n \n```"), "closed"]


READER = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
for tag in events.Tags()["tensors"]:
    for event in events.Tensors(tag):
        print(tag, event.tensor_proto.string_val[0].decode().replace(chr(10), "|"))
"""
WRITER = "import sys; from ymir_exc import _tensorboard; _tensorboard.write_text(sys.argv[1], 'hello', 'notes')"


@pytest.mark.slow
@pytest.mark.parametrize("packages", [["tensorboard"], ["tensorboardX"]])
def test_tensorboard_itself_reads_the_text(tmp_path: Path, packages: list[str]) -> None:
    uv, job = str(Path(sys.executable).parent / "uv"), Path(_tensorboard.__file__).parents[1]
    for name, wanted in (("writer", packages), ("reader", ["tensorboard"])):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / name)], check=True)
        python = str(tmp_path / name / "bin/python")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "setuptools<81", *wanted], check=True)
    events = str(tmp_path / "events")
    environ = {"PYTHONPATH": str(job)}
    subprocess.run([str(tmp_path / "writer/bin/python"), "-c", WRITER, events], env=environ, check=True)
    reader = [str(tmp_path / "reader/bin/python"), "-c", READER, events]
    done = subprocess.run(reader, capture_output=True, text=True, check=True)
    assert done.stdout == "notes/text_summary ```| hello |```\n"
