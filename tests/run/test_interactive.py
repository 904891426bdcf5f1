"""A person at the job: a shell on a real terminal, and a debugger that speaks the debug adapter protocol."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_code.errors import LaunchError
from live_code.run import interactive
from tests.support import repos
from tests.support.machine import Machine, task
from tests.support.servers.ports import free
from tests.support.task_folder import TaskFolder

PATIENCE_S = 90.0
# The line at which the debugger stops.
STOP = repos.CLASSIC_START.splitlines().index('print("epochs", cfg.param.epochs, flush=True)') + 1


class Terminal:
    """A terminal with `live-code run --shell` on it."""

    def __init__(self, machine: Machine, folder: TaskFolder) -> None:
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execve(sys.executable, [*machine.argv(folder), "--shell"], {**machine.environ, "HOME": "/nowhere"})
        self.pid = pid

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, pattern: str) -> str:
        """What was shown up to there since the last call."""
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 1.0)[0]:
                self.seen += os.read(self.fd, 1 << 16).decode()
        shown, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return shown

    def leave(self) -> int:
        self.type("exit 5\n")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class TestShell:
    @pytest.fixture
    def terminal(self, machine: Machine, folder: TaskFolder, repo: repos.Repo) -> Iterator[Terminal]:
        opened = Terminal(machine, task(folder, repo))
        yield opened
        os.close(opened.fd)

    def test_it_is_the_jobs_place_and_starts_the_jobs_command(
        self, terminal: Terminal, machine: Machine, folder: TaskFolder
    ) -> None:
        said = terminal.until(r"\(live-code\)")
        assert "the job's command for training: " in said
        assert "job control" not in said
        terminal.type("ls; command -v python; echo $DEFAULT_ENV_FILE_PATH; echo over$((1))\n")
        shown = terminal.until("over1")
        assert "start.py" in shown
        assert f"{machine.root}/store/env/" in shown
        assert f"{folder.out_dir}/live-code/env.yaml" in shown
        terminal.type("$JOB\n")
        assert "epochs 7" in terminal.until("epochs 7")
        assert terminal.leave() == 5
        assert (folder.out_dir / "models/result.yaml").exists()

    def test_it_leaves_neither_record_nor_work_tree_nor_word_to_the_platform(
        self, terminal: Terminal, machine: Machine, folder: TaskFolder
    ) -> None:
        terminal.until(r"\(live-code\)")
        assert terminal.leave() == 5
        assert not (folder.out_dir / "monitor.txt").exists()
        assert not (folder.out_dir / "live-code/run.json").exists()
        assert list((machine.root / "work").iterdir()) == []

    def test_a_key_that_interrupts_is_for_what_runs_in_it(self, terminal: Terminal) -> None:
        terminal.until(r"\(live-code\)")
        terminal.type("sleep 600\n")
        time.sleep(1.0)
        terminal.type("\x03")
        terminal.until(r"\(live-code\)")
        assert terminal.leave() == 5

    def test_what_fails_before_it_is_told_in_one_line(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo
    ) -> None:
        argv = [*machine.argv(task(folder, repo, commit="none")), "--shell"]
        done = subprocess.run(argv, env=machine.environ, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 1
        assert re.fullmatch(r"live-code: .* has no tag or branch 'none'.*", done.stderr.splitlines()[-1])


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "shown"), [("5678", "127.0.0.1:5678"), ("0.0.0.0:99", "0.0.0.0:99"), ("host:1", "host:1")]
    )
    def test_host_and_port(self, text: str, shown: str) -> None:
        assert str(interactive.address(text)) == shown

    @pytest.mark.parametrize("text", ["", "host", "host:", "1:2:x", "0", "65536", "h h:1"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(LaunchError, match="no address"):
            interactive.address(text)


class Client:
    """The IDE's side of the debug adapter protocol."""

    def __init__(self, port: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.stream = socket.create_connection(("127.0.0.1", port), PATIENCE_S).makefile("rwb")
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end
                time.sleep(0.2)
        self.number = 0

    def send(self, command: str, **arguments: Any) -> None:
        self.number += 1
        message = {"seq": self.number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.stream.flush()

    def until(self, name: str) -> dict[str, Any]:
        """The next event or response of that name."""
        while True:
            size = 0
            while line := self.stream.readline().strip():
                size = int(line.split(b":")[1])
            message: dict[str, Any] = json.loads(self.stream.read(size))
            if name in (message.get("event"), message.get("command")):
                return message


class Debugged:
    """`live-code run --debug` with an IDE at it that has set a breakpoint."""

    def __init__(self, machine: Machine, folder: TaskFolder, line: int, **environ: str) -> None:
        self.port = free()
        self.running = subprocess.Popen(
            [*machine.argv(folder), "--debug", str(self.port)],
            env={**machine.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.client = Client(self.port)
        self.client.send("initialize", adapterID="debugpy", clientID="test", pathFormat="path", linesStartAt1=True)
        self.client.until("initialize")
        self.client.send("attach", justMyCode=True)
        self.client.until("initialized")
        [place] = (machine.root / "work").glob("*/start.py")
        self.client.send("setBreakpoints", source={"path": str(place)}, breakpoints=[{"line": line}])
        self.client.send("configurationDone")
        self.thread = self.client.until("stopped")["body"]["threadId"]
        self.client.send("stackTrace", threadId=self.thread)
        self.frame = self.client.until("stackTrace")["body"]["stackFrames"][0]

    def value(self, expression: str) -> str:
        self.client.send("evaluate", expression=expression, frameId=self.frame["id"])
        return str(self.client.until("evaluate")["body"]["result"])

    def to_the_end(self) -> tuple[str, str]:
        self.client.send("continue", threadId=self.thread)
        return self.running.communicate(timeout=PATIENCE_S)


@pytest.fixture
def debugged() -> Iterator[Callable[..., Debugged]]:
    started: list[Debugged] = []

    def start(*values: Any, **environ: str) -> Debugged:
        started.append(Debugged(*values, **environ))
        return started[0]

    yield start
    for one in started:
        one.running.kill()
        one.running.wait()


@pytest.mark.slow
def test_a_debugger_stops_the_job_at_a_breakpoint_for_longer_than_a_stall(
    machine: Machine, folder: TaskFolder, repo: repos.Repo, debugged: Callable[..., Debugged]
) -> None:
    it = debugged(machine, task(folder, repo, stall_timeout_s=3), STOP)
    assert (it.frame["line"], Path(it.frame["source"]["path"]).name) == (STOP, "start.py")
    assert it.value("cfg.param.epochs") == "7"
    assert f"; it waits for a debugger at 127.0.0.1:{it.port}" in (folder.out_dir / "monitor.txt").read_text()
    time.sleep(8)
    assert it.running.poll() is None
    said = it.to_the_end()[1]
    assert it.running.returncode == 0, said
    assert f"starting start.py for training; it waits for a debugger at 127.0.0.1:{it.port}" in said
    assert f'"connect": {{"host": "127.0.0.1", "port": {it.port}}}' in said
    assert "frozen" not in said  # debugpy warns of it
    record = json.loads((folder.out_dir / "live-code/run.json").read_text())
    assert "--wait-for-client" in record["launch"][0]["argv"]
    assert "debugpy" not in record["lock"]["packages"]


@pytest.mark.slow
def test_of_torchruns_ranks_the_first_is_debugged_and_the_others_wait_for_it(
    machine: Machine, folder: TaskFolder, standin: Path, tmp_path: Path, debugged: Callable[..., Debugged]
) -> None:
    made = repos.make(tmp_path / "ranks")
    ranks = "import os\nimport torch.distributed as dist\ndist.init_process_group('gloo')\nprint('all are here')\n"
    made.write("live-code.yaml", "launcher: torchrun\n")
    made.commit(start__py=ranks + repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
    it = debugged(machine, task(folder, made, nproc_per_node=2), 4, LIVE_CODE_PYTHON=str(standin))
    assert it.value("os.environ['RANK'], dist.get_world_size()") == "('0', 2)"
    out, said = it.to_the_end()
    assert it.running.returncode == 0, said
    assert f"rank 0 of the job waits at 127.0.0.1:{it.port} for a debugger" in said
    assert sorted(line for line in out.splitlines() if "here" in line) == [f"[rank{n}]:all are here" for n in (0, 1)]


def test_an_address_that_is_none_is_told_before_anything_is_done(
    machine: Machine, folder: TaskFolder, repo: repos.Repo
) -> None:
    argv = [*machine.argv(task(folder, repo)), "--debug", "here"]
    done = subprocess.run(argv, env=machine.environ, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert re.search(r"error: launch: 'here' is no address for a debugger. Write HOST:PORT", done.stderr)
    assert "fetching" not in done.stderr


def test_an_address_in_use_is_told_before_anything_is_done(
    machine: Machine, folder: TaskFolder, repo: repos.Repo
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        argv = [*machine.argv(task(folder, repo)), "--debug", str(port)]
        done = subprocess.run(argv, env=machine.environ, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    told = f"a debugger can't listen at 127.0.0.1:{port}: Address already in use. Name another port"
    assert told in done.stderr
    assert "fetching" not in done.stderr


@pytest.mark.slow
def test_a_job_that_is_no_python_has_no_debugger(machine: Machine, folder: TaskFolder, repo: repos.Repo) -> None:
    argv = [*machine.argv(task(folder, repo, entrypoint="ls")), "--debug"]
    done = subprocess.run(argv, env=machine.environ, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, "debugpy can't start ls. It starts Python scripts" in done.stderr) == (1, True), (
        done.stderr
    )
