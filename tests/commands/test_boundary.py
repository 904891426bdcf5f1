"""Where a command ends that nobody expected to end so: our own mistakes, the machine's, Ctrl-C."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.commands import cli, manual
from live_code.run.guarded import Options
from tests.support.made_records import put

# `live-code`, with one function of it broken: MODULE, FUNCTION, then the words that are typed.
BROKEN = """
import importlib, sys
from live_code.commands import cli
def broken(*_, **__):
    return {}["what is not there"]
setattr(importlib.import_module(sys.argv[1]), sys.argv[2], broken)
sys.exit(cli.main(sys.argv[3:]))
"""


def examples() -> list[str]:
    """One for each command that does something by itself, but for a run, which tells its own end."""
    lines = (text.splitlines()[0].partition(" >")[0] for name, text in manual.EXAMPLES.items() if name)
    return [line for line in dict.fromkeys(lines) if line != "live-code run"]


def live_code(*words: object, tmp: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "live_code", *map(str, words)]
    return subprocess.run(argv, env=around(tmp), capture_output=True, text=True, check=False, timeout=60)


def around(tmp: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(tmp), "LIVE_CODE_STORE": str(tmp / "store")}


@pytest.mark.parametrize("line", examples())
def test_a_bug_of_ours_is_one_line_with_the_trace_in_a_file(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(arguments: argparse.Namespace) -> int:
        raise KeyError(arguments.environ["HOME"])

    known = cli.parser()
    arguments = known.parse_args(shlex.split(line)[1:])
    arguments.command = fails
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda *_: arguments)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["doctor"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("live-code: live_code failed by itself: KeyError: ")
    assert told.count("\n") == 1
    trace = re.search(r"The trace is in (\S+)\.$", told.strip())
    assert trace
    assert "in fails" in Path(trace[1]).read_text()


@pytest.mark.parametrize(
    ("module", "function", "words"),
    [
        ("live_code.run.resolve", "resolve", ["resolve", "https://host/repo", "main"]),
        ("live_code.records.listing", "find", ["runs", "."]),
        ("live_code.commands.experiments", "add", ["runs", "."]),
        ("live_code.run.finish", "close", ["run", "--in", "in", "--out", "out"]),
    ],
)
def test_a_bug_is_told_by_a_process_of_its_own(module: str, function: str, words: list[str], tmp_path: Path) -> None:
    argv = [sys.executable, "-c", BROKEN, module, function, *words]
    done = subprocess.run(argv, env=around(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (70, "", 1), done.stderr
    (trace,) = tmp_path.glob("live-code-*/traceback.txt")
    assert str(trace) in done.stderr
    assert "what is not there" in trace.read_text()
    assert trace.parent.stat().st_mode & 0o077 == 0, "it may tell what others are not to know"


def test_without_a_place_for_the_trace_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> int:
        raise KeyError

    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert cli.bounded(fails) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "The trace stands above." in told.splitlines()[-1]


def test_a_file_that_can_not_be_written_is_no_bug(tmp_path: Path) -> None:
    pytest.importorskip("altair")
    run = put(tmp_path / "run")
    done = live_code("report", run.path, "-o", "/proc/nothing/page.html", tmp=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "live-code: /proc/nothing: No such file or directory.\n"


def test_an_output_that_is_full_is_no_bug(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [sys.executable, "-m", "live_code", "completion", "bash"]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "live-code: the output: No space left on device.\n")


def test_a_reader_that_has_gone_is_quiet(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "live_code", "cache", "ls"]
    done = subprocess.run(argv, env=around(tmp_path), stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_is_one_quiet_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.json")
    argv = [sys.executable, "-m", "live_code", "compare", *[str(tmp_path / "run.json")] * 2]
    command = subprocess.Popen(argv, env=around(tmp_path), stderr=subprocess.PIPE, text=True)
    assert command.stderr
    with (tmp_path / "run.json").open("w"):  # once it is opened for reading; there is nothing to read
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 130
    assert command.stderr.read() == "live-code: stopped by Ctrl-C\n"


@pytest.mark.skipif(Path("/in").exists() or Path("/img-man").exists(), reason="this is a container with a task")
def test_a_run_without_a_task_says_what_is_needed_and_writes_nothing(tmp_path: Path) -> None:
    before = out_folder()
    bare, half = live_code("run", tmp=tmp_path), live_code("run", "--in", tmp_path, tmp=tmp_path)
    assert (bare.returncode, half.returncode) == (1, 1)
    why = "needed here: this is no container with a task at /in and /out."
    assert bare.stderr == f"live-code: --in DIR and --out DIR are {why}\n"
    assert half.stderr == f"live-code: --out DIR is {why}\n"
    assert out_folder() == before


@pytest.mark.parametrize(
    ("out", "told"), [("in", "is the task's input folder"), ("in/out", "lies in the task's input folder")]
)
def test_outputs_do_not_go_into_the_input_folder(tmp_path: Path, out: str, told: str) -> None:
    (tmp_path / "in").mkdir()
    done = live_code("run", "--in", tmp_path / "in", "--out", tmp_path / out, tmp=tmp_path)
    assert (done.returncode, list((tmp_path / "in").iterdir())) == (1, [])
    assert f"live-code: --out {tmp_path / out} {told}" in done.stderr
    assert done.stderr.endswith("Name a folder outside of it.\n")


def out_folder() -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in Path("/out").rglob("*"))


@pytest.mark.parametrize(
    "words", [["run"], ["run", "--in", "a"], ["run", "--out", "b c", "--in", "a", "--env", "e.yaml", "--in", "d"]]
)
def test_what_containers_say_means_the_same_without_argparse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Options] = []
    monkeypatch.setattr(cli, "_run", lambda one: asked.append(one) or 0)
    arguments = cli.parser(all_commands=False).parse_args(words)
    arguments.command(arguments)
    assert asked == [cli.plainly(words)]


@pytest.mark.parametrize(
    "words",
    [["verify"], ["run", "--plain"], ["run", "--in"], ["run", "--in", "--out"], ["run", "--in=a"], ["run", "a"]],
)
def test_whatever_else_is_said_is_left_to_argparse(words: list[str]) -> None:
    assert cli.plainly(words) is None
