"""`live-code run` on a real terminal: the panel below the job's output, and what is left when it goes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from live_code.tools.processes import proctree
from live_code.tools.terminal.footer import Line, Terminal
from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.screen import Screen
from tests.support.servers.index import Index
from tests.support.task_folder import TaskFolder

WAITS = """
import os, sys, time
from ymir_exc import monitor
monitor.write_monitor_logger(0.25)
print("第一行 ready", flush=True)
while not os.path.exists(os.environ["GO"]): time.sleep(.02)
"""


class Run:
    """A run on a screen; the job waits, after what it does at first, until it is told to ``go``."""

    def __init__(self, machine: Machine, folder: TaskFolder, screen: Screen, *words: str, **environ: str) -> None:
        self.folder, self.screen = folder, screen
        self._go = folder.out_dir / "go"
        around = {key: value for key, value in machine.environ.items() if key != "NO_COLOR"}
        around |= {"GO": str(self._go), "TERM": "xterm-256color", **environ}
        self.process = screen.start([*machine.argv(folder), *words], around)

    def go(self) -> list[str]:
        """To its end. What stands on the terminal then."""
        self._go.touch()
        self.process.wait(30)
        return self.screen.settled()

    @property
    def worker(self) -> int:
        return next(one.pid for one in proctree.below(self.process.pid) if one.parent == self.process.pid)


@pytest.fixture
def made(folder: TaskFolder, tmp_path: Path) -> TaskFolder:
    return made_of(folder, tmp_path, "")


def made_of(folder: TaskFolder, root: Path, more: str) -> TaskFolder:
    """A task whose job waits, then does ``more``, then leaves results."""
    repo = repos.make(root / "repo")
    repo.commit(start__py=WAITS + textwrap.dedent(more) + repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
    return task(folder, repo)


class TestPanel:
    def test_it_stands_below_the_jobs_lines_and_says_how_far_it_is(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        lines = run.screen.wait_for("25.0%")
        first = next(number for number, line in enumerate(lines) if line.startswith("第一行"))
        assert lines[first + 1].startswith("start.py for training 0:00:0")
        assert lines[first + 2].startswith("progress")
        assert run.screen.cursor_hidden
        run.go()
        assert run.process.returncode == 0

    def test_at_the_end_only_what_was_said_is_left(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        lines = run.go()
        assert not any("25.0%" in line or "0:00:0" in line for line in lines)
        assert sum(line.startswith("第一行") for line in lines) == 1
        assert "done in" in lines[-1]
        assert not run.screen.cursor_hidden

    def test_no_line_is_lost_or_doubled_when_many_scroll_by(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        more = "for n in range(5000):\n    print('line', n, flush=True)\n    if n % 500 == 0: time.sleep(.3)\n"
        run = Run(machine, made_of(folder, tmp_path, more), Screen())
        run.screen.wait_for("25.0%")
        said = [line for line in run.go() if line.startswith("line ")]
        assert said == [f"line {n}" for n in range(5000)]

    def test_a_progress_bar_of_the_job_is_one_line_that_moves(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        bar = "print(f'\\r{n}%|###', end='', file=sys.stderr, flush=True)"
        more = f"for n in range(101): {bar}; time.sleep(.03)\nprint(file=sys.stderr)\n"
        run = Run(machine, made_of(folder, tmp_path, more), Screen())
        run.screen.wait_for("25.0%")
        run._go.touch()
        lines = run.screen.wait_for("%|###")
        assert sum("%|###" in line for line in lines) == 1
        assert [line for line in run.go() if "%|###" in line] == ["100%|###"]

    def test_moves_of_the_cursor_in_the_jobs_output_do_not_reach_the_terminal(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        more = "print('\\x1b[2J\\x1b[5;1H\\x1b[?1049h\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m\\x1b[A', flush=True)\n"
        run = Run(machine, made_of(folder, tmp_path, more), Screen())
        run.screen.wait_for("25.0%")
        assert "red" in run.go()
        assert b"\x1b[31mred\x1b[0m" in run.screen.written
        assert not any(moves in run.screen.written for moves in (b"\x1b[2J", b"\x1b[5;1H", b"1049", b"title"))

    def test_on_a_narrow_terminal_every_line_of_it_is_one_row(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen(columns=40))
        lines = run.screen.wait_for("25.0%")
        assert [line[:8] for line in lines[-2:]] == ["start.py", "progress"]
        run.go()

    def test_where_stdout_goes_to_a_file_it_shows_the_last_lines(
        self, machine: Machine, made: TaskFolder, tmp_path: Path
    ) -> None:
        shell = ["sh", "-c", f'"$@" >{tmp_path}/stdout', "sh"]
        machine_argv = machine.argv(made)
        screen = Screen()
        go = made.out_dir / "go"
        process = screen.start([*shell, *machine_argv], {**machine.environ, "TERM": "xterm", "GO": str(go)})
        lines = screen.wait_for("25.0%")
        assert [line.split()[0] for line in lines[-3:]] == ["start.py", "第一行", "progress"]
        go.touch()
        assert process.wait(30) == 0
        assert (tmp_path / "stdout").read_text().splitlines()[0] == "第一行 ready"


class TestEnds:
    def test_ctrl_c_stops_the_job_and_clears_the_panel(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        run.screen.type(b"\x03")
        assert run.process.wait(30) == 128 + signal.SIGINT
        lines = run.screen.settled()
        assert not any("progress " in line for line in lines)
        assert "stopped by SIGINT" in " ".join(lines[-2:])
        assert not run.screen.cursor_hidden

    def test_ctrl_z_does_nothing(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        run.screen.type(b"\x1a")
        time.sleep(0.5)
        assert not any(one.state == "T" for one in proctree.below(os.getpid()))
        run.go()
        assert run.process.returncode == 0

    def test_a_killed_worker_leaves_a_terminal_with_a_cursor(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        os.kill(run.worker, signal.SIGKILL)
        assert run.process.wait(30) == 128 + signal.SIGKILL
        assert any(re.match(r"\[live-code.*killed by SIGKILL", line) for line in run.screen.settled())
        assert not run.screen.cursor_hidden

    def test_a_killed_guard_leaves_a_terminal_with_a_cursor(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        run.process.kill()
        run.screen.wait_for("record:")
        run.screen.wait(lambda: not run.screen.cursor_hidden)

    def test_a_terminal_that_is_closed_stops_the_task_by_sighup(self, machine: Machine, made: TaskFolder) -> None:
        run = Run(machine, made, Screen())
        run.screen.wait_for("25.0%")
        os.close(run.screen.theirs)
        os.close(run.screen.ours)
        assert run.process.wait(30) == 128 + signal.SIGHUP
        record = json.loads((made.out_dir / "live-code/run.json").read_text())
        assert (record["state"], record["error"]["kind"]) == ("failed", "STOPPED")


class TestPlain:
    @pytest.mark.parametrize(
        ("words", "environ"),
        [(("--plain",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--log-format", "json"), {})],
        ids=["--plain", "NO_COLOR", "TERM=dumb", "json"],
    )
    def test_only_lines(
        self, machine: Machine, made: TaskFolder, words: tuple[str, ...], environ: dict[str, str]
    ) -> None:
        run = Run(machine, made, Screen(columns=300), *words, **environ)
        run.screen.wait_for("ready")
        time.sleep(1.5)
        run.go()
        assert run.process.returncode == 0
        assert b"\x1b" not in run.screen.written

    def test_without_rich_there_are_only_lines(self, machine: Machine, made: TaskFolder, tmp_path: Path) -> None:
        (tmp_path / "hidden").mkdir()
        (tmp_path / "hidden/rich.py").write_text("raise ImportError\n")
        run = Run(machine, made, Screen(), PYTHONPATH=str(tmp_path / "hidden"))
        run.screen.wait_for("ready")
        time.sleep(1.5)
        run.go()
        assert run.process.returncode == 0
        assert b"\x1b" not in run.screen.written

    def test_in_the_background_of_a_shell_there_are_only_lines(self, machine: Machine, made: TaskFolder) -> None:
        screen = Screen()
        (made.out_dir / "go").touch()
        shell = ["bash", "--norc", "-ic", '"$@" & wait', "bash", *machine.argv(made)]
        environ = {**machine.environ, "TERM": "xterm", "GO": str(made.out_dir / "go")}
        assert screen.start(shell, environ).wait(30) == 0
        screen.settled()
        assert b"\x1b[?7l" not in screen.written


def test_a_stage_that_takes_long_is_named_with_its_seconds(machine: Machine, made: TaskFolder, tmp_path: Path) -> None:
    slow = tmp_path / "python3"
    slow.write_text(f'#!/bin/sh\nsleep 2.5\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    (made.out_dir / "go").touch()
    run = Run(machine, made, Screen(), LIVE_CODE_PYTHON=str(slow))
    run.screen.wait_for("looking at the image's packages: 2 s")
    run.process.kill()
    run.process.wait(30)


class TestEnvironment:
    """What uv is at, while packages are chosen and installed from an index that takes its time."""

    @pytest.fixture
    def around(self, index: Index) -> dict[str, str]:
        index.delay_s = 1.5
        cleared = dict.fromkeys(("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "PIP_FIND_LINKS"), "")
        return {**cleared, "PIP_INDEX_URL": index.url}

    @pytest.fixture
    def asking(self, folder: TaskFolder, tmp_path: Path) -> TaskFolder:
        repo = repos.make(tmp_path / "repo")
        repo.commit(start__py=repos.CLASSIC_START, configs___default__yaml="epochs: 7\n", requirements__txt="one\n")
        return task(folder, repo)

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Machine:
        return Machine(tmp_path / "machine")

    def test_a_choice_that_takes_long_names_what_was_chosen(
        self, fresh: Machine, asking: TaskFolder, index: Index, around: dict[str, str]
    ) -> None:
        index.add("one", "1.0", "two").add("two", "2.0")
        run = Run(fresh, asking, Screen(), **around)
        run.screen.wait_for("s, one 1.0 (1 chosen)")
        run.screen.wait_for("s, getting 2 packages")
        lines = run.go()
        assert run.process.returncode == 0
        assert not any("DEBUG" in line for line in lines)

    def test_an_index_that_does_not_answer_is_named(
        self, fresh: Machine, asking: TaskFolder, index: Index, around: dict[str, str]
    ) -> None:
        index.add("one", "1.0").faults = {"/one/": 503}
        run = Run(fresh, asking, Screen(), **around)
        run.screen.wait_for("s, 127.0.0.1 did not answer, asked again")
        lines = run.go()
        assert "answered 503" in " ".join(lines)
        assert not any("DEBUG" in line or "WARN" in line for line in lines)

    def test_what_is_being_built_is_named(
        self, fresh: Machine, asking: TaskFolder, index: Index, around: dict[str, str]
    ) -> None:
        index.add("one", "1.0", source=True, slow_s=3)
        run = Run(fresh, asking, Screen(), **around)
        run.screen.wait_for("s, building one==1.0")
        run.go()
        assert run.process.returncode == 0


class TestTerminal:
    def test_after_it_became_narrower_the_wrapped_rows_are_taken_back(self) -> None:
        screen = Screen(columns=80)
        terminal = Terminal(screen.theirs)
        terminal.show((Line("a" * 79, 79), Line("b" * 10, 10)))
        screen.wait_for("aaa")
        screen.resize(30, 24)
        terminal.say(b"said\n")
        screen.wait(lambda: b"said" in screen.written)
        assert b"\r\x1b[3A\x1b[Jsaid\r\n" in screen.written, "79 cells are three rows of 30, and one more is below"

    def test_what_is_drawn_cut_is_taken_back_as_it_was_drawn(self) -> None:
        screen = Screen(columns=30)
        terminal = Terminal(screen.theirs)
        terminal.show((Line("a" * 79, 79), Line("b" * 10, 10)))
        terminal.say(b"said\n")
        screen.wait(lambda: b"said" in screen.written)
        assert b"\r\x1b[1A\x1b[Jsaid\r\n" in screen.written

    def test_what_a_signal_handler_says_in_the_middle_comes_out_once_and_whole(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = Screen()
        terminal = Terminal(screen.theirs)
        write, inside = terminal.write, [b"inner\n"]

        def interrupted(text: bytes) -> None:
            if inside:
                terminal.say(inside.pop())
            write(text)

        monkeypatch.setattr(terminal, "write", interrupted)
        terminal.say(b"outer\n")
        screen.wait_for("inner")
        assert screen.lines == ["outer", "inner"]

    def test_whoever_speaks_does_not_wait_for_one_that_is_slow_and_it_says_how_many_lines_it_missed(self) -> None:
        ours, theirs = pty.openpty()
        terminal = Terminal(theirs)
        with terminal.aside(patience=30.0):
            started = time.monotonic()
            for n in range(300_000):
                terminal.say(b"line %d\n" % n)
            assert time.monotonic() - started < 20, "nobody has read a line of it yet"
            read = b""
            while not read.endswith(b"line 299999\r\n"):
                read += os.read(ours, 1 << 16)
        lines = read.decode().splitlines()
        missed = sum(int(line.split()[1]) for line in lines if "left out" in line)
        assert missed > 100_000
        assert sum(line.startswith("line ") for line in lines) + missed == 300_000

    def test_one_that_nobody_reads_is_left_at_the_end(self) -> None:
        _, theirs = pty.openpty()
        terminal = Terminal(theirs)
        started = time.monotonic()
        with terminal.aside(patience=0.5):
            terminal.say(b"line\n" * 100_000)
        terminal.say(b"the end\n")
        assert 0.5 <= time.monotonic() - started < 5

    def test_a_low_terminal_shows_what_has_room(self) -> None:
        screen = Screen(lines=3)
        Terminal(screen.theirs).show([Line(f"line {n}", 6) for n in range(9)])
        screen.wait_for("line 1")
        assert screen.lines == ["line 0", "line 1"]
