"""Where faults are played: a machine with a store, a task folder, and a run of it that is watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from live_code.job.ymir_exc import protocol
from live_code.tools.processes import proctree
from tests.conftest import TaskFolder
from tests.support import repos
from tests.support.servers.index import Index

# Only so that a hanging run ends: with torch on a busy machine one takes a minute.
PATIENCE_S = 240.0


class Told(NamedTuple):
    """Everything that a run left behind for others to read."""

    code: int
    output: str
    monitor: protocol.Monitor
    record: dict[str, Any]
    seconds: float

    @property
    def message(self) -> str:
        return self.monitor.message


class Stage(NamedTuple):
    """One fault's own machine: nothing is shared with other faults."""

    root: Path
    index: Index

    @property
    def folder(self) -> TaskFolder:
        return TaskFolder(self.root / "task")

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def out(self) -> Path:
        return self.folder.out_dir

    @property
    def python(self) -> Path:
        """The image's interpreter, while a fault has put one there."""
        return self.root / "python"

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "LIVE_CODE_STORE": str(self.store),
            "LIVE_CODE_WORKDIR": str(self.root / "work"),
            "LIVE_CODE_PYTHON": str(self.python if self.python.exists() else sys.executable),
            "PIP_INDEX_URL": self.index.url,
            "UV_HTTP_TIMEOUT": "300",
        }

    def set_up(
        self,
        start: str = repos.CLASSIC_START,
        on: str = "training",
        launcher: str = "",
        requirements: str = "extra==1\n",
        **config: Any,
    ) -> Stage:
        """A repo with ``start`` as its start.py, and a task that asks for its head."""
        repo = repos.Repo(self.root / "repo")
        if not repo.path.exists():
            repo = repos.make(repo.path)
        repo.write("live-code.yaml", f"launcher: {launcher}\n")
        commit = repo.commit(start__py=start, requirements__txt=requirements, configs___default__yaml="epochs: 7\n")
        self.folder.in_dir.mkdir(parents=True, exist_ok=True)
        (self.out / "models").mkdir(parents=True, exist_ok=True)
        self.folder.text("candidate-index.tsv", "/in/assets/a.jpg\n/in/assets/b.jpg\n")
        self.folder.env(**{f"run_{name}": True for name in on.split()})
        values = {"git_url": str(repo.path), "git_branch": commit, "code_config": "configs/default.yaml", **config}
        self.folder.config(**values)
        return self

    def start(self, **environ: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "live_code", "run", "--in", str(self.folder.in_dir), "--out", str(self.out)]
        return subprocess.Popen(
            argv,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, meanwhile: Callable[[subprocess.Popen[str]], None] = lambda _: None, **environ: str) -> Told:
        """Runs the task to its end; ``meanwhile`` does the harm. The monitor is polled all the time."""
        started = time.monotonic()
        with polled(self.out / "monitor.txt"):
            running = self.start(**environ)
            said: list[str] = []
            reader = threading.Thread(target=lambda: said.append(running.stdout.read() if running.stdout else ""))
            reader.start()
            try:
                meanwhile(running)
                code = running.wait(PATIENCE_S)
                self.wait_for_orphans()
            finally:
                running.kill()
                running.wait()
            reader.join(5.0)
        seconds = time.monotonic() - started
        return Told(code, "".join(said), self.monitor(), self.record(), seconds)

    def monitor(self) -> protocol.Monitor:
        return protocol.parse_monitor((self.out / "monitor.txt").read_text())

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.out / "live-code" / "run.json").read_text())
        return record

    def wait_for(self, message: str) -> None:
        """Until the monitor says that the run has come there."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                if re.search(message, self.monitor().message):
                    return
            except (OSError, ValueError):
                pass
            assert time.monotonic() < until, f"never came to {message!r}"
            time.sleep(0.01)

    def processes(self) -> list[str]:
        """What lives anywhere on this machine and has to do with this run: its variables name our store."""
        marker = str(self.root).encode()
        return [name for name in os.listdir("/proc") if name.isdigit() and _mentions(name, marker)]

    def wait_for_orphans(self, seconds: float = 15.0) -> None:
        """When the guard itself was killed, its worker needs a moment to end what is left."""
        until = time.monotonic() + seconds
        while self.processes() and time.monotonic() < until:
            time.sleep(0.02)

    def leftovers(self) -> list[str]:
        """Processes, work trees and temporary files that should be gone."""
        found = [f"process {name}" for name in self.processes()]
        work = self.root / "work"
        found += [str(path) for path in work.iterdir()] if work.exists() else []
        found += [str(path) for path in self.out.rglob("*") if path.name.endswith(".tmp") or path.name == ".reserve"]
        return found


def _mentions(pid: str, marker: bytes) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and marker in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


@contextmanager
def polled(monitor_file: Path) -> Iterator[None]:
    """Reads the monitor every 2 ms as the platform might: always whole, never going back."""
    wrong: list[str] = []
    over = threading.Event()

    def poll() -> None:
        before = protocol.Monitor("", 0.0, 0.0, protocol.STATE_DONE)
        begun = False
        while not over.wait(0.002):
            try:
                text = monitor_file.read_text()
            except FileNotFoundError:
                if begun:
                    wrong.append("the file was gone")
                continue
            begun = True
            try:
                seen = protocol.parse_monitor(text)
            except ValueError as error:
                wrong.append(f"torn: {error}")
                continue
            if seen.percent < before.percent and before.state == protocol.STATE_RUNNING:
                wrong.append(f"back from {before} to {seen}")
            before = seen

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert wrong == []


def worker_of(running: subprocess.Popen[str]) -> int:
    """The process that does the work; the one that was started is its guard."""
    return next(process.pid for process in proctree.below(running.pid) if process.parent == running.pid)


def send(number: signal.Signals, to: str) -> Callable[[subprocess.Popen[str]], None]:
    def act(running: subprocess.Popen[str]) -> None:
        os.kill(running.pid if to == "guard" else worker_of(running), number)

    return act


@contextmanager
def small_disk(place: Path, kib: int) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, leave: int = 0) -> Path:
    """Takes all the room there is but so many bytes."""
    path = place / "filling"
    disk = os.statvfs(place)
    with path.open("wb", buffering=0) as file:
        file.write(bytes(max(disk.f_bavail * disk.f_frsize - leave, 0)))
    return path
