"""How a run is held in each of its phases, by something that the phase itself has to wait for."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from live_code.tools.processes import proctree
from tests.faults.stage import PATIENCE_S, Stage


class Phase(NamedTuple):
    """``held`` sets the stage so that the run comes to the phase and no further; it gives a wait for that moment."""

    name: str
    held: Callable[[Stage], AbstractContextManager[Callable[[], None]]]


@contextmanager
def a_server_that_never_answers() -> Iterator[tuple[str, threading.Event]]:
    """Its address, and an event that is set when somebody has asked."""
    asked = threading.Event()
    kept: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                kept.append(listening.accept()[0])
                asked.set()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/repo.git", asked
    finally:
        listening.close()
        for one in kept:
            one.close()


def _until(event: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        assert event.wait(PATIENCE_S)
        time.sleep(0.2)

    return wait


def _until_file(path: Path) -> Callable[[], None]:
    def wait() -> None:
        until = time.monotonic() + PATIENCE_S
        while not path.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.1)

    return wait


def config(stage: Stage) -> Iterator[Callable[[], None]]:
    """config.yaml is a pipe into which nobody writes."""
    stage.set_up()
    path = stage.folder.in_dir / "config.yaml"
    path.unlink()
    os.mkfifo(path)
    yield lambda: (stage.wait_for("starting"), time.sleep(0.3))[0]
    path.unlink()


def source(stage: Stage) -> Iterator[Callable[[], None]]:
    with a_server_that_never_answers() as (url, asked):
        stage.set_up(git_url=url, git_branch="main")
        yield _until(asked)


def checkout(stage: Stage) -> Iterator[Callable[[], None]]:
    with a_server_that_never_answers() as (url, asked):
        stage.set_up(git_url=url, git_branch="a" * 40)
        yield _until(asked)


def interpreter(stage: Stage) -> Iterator[Callable[[], None]]:
    """The image's Python takes for ever to say what it has."""
    stage.set_up()
    ready = stage.root / "ready"
    stage.python.write_text(f"#!/bin/sh\ntouch {ready}\nsleep 300\n")
    stage.python.chmod(0o755)
    yield _until_file(ready)
    stage.python.unlink()


def lock(stage: Stage) -> Iterator[Callable[[], None]]:
    stage.set_up()
    stage.index.delay_s = 300.0
    yield lambda: _asked(stage, re.compile("/extra"))
    stage.index.delay_s = 0.0


def environment(stage: Stage) -> Iterator[Callable[[], None]]:
    stage.set_up()
    stage.index.delay_s, stage.index.delayed = 300.0, r"\.whl$"
    yield lambda: _asked(stage, re.compile(r"\.whl$"))
    stage.index.delay_s = 0.0


def job(stage: Stage) -> Iterator[Callable[[], None]]:
    stage.set_up(f"open({str(stage.root / 'ready')!r}, 'w').close()\nimport time; time.sleep(300)\n", stop_grace_s=1)
    yield _until_file(stage.root / "ready")


def launch(stage: Stage) -> Iterator[Callable[[], None]]:
    """The candidate index, which is copied for the job, is a pipe into which nobody writes."""
    stage.set_up(on="mining")
    index = stage.folder.in_dir / "candidate-index.tsv"
    index.unlink()
    os.mkfifo(index)
    built = stage.out / "live-code" / "requirements.lock"
    yield lambda: (_until_file(built)(), time.sleep(1.5))[0]
    index.unlink()


LEAVES_A_PIPE = """
import os, time
time.sleep(1)
open({result!r}, "w").write("/in/assets/a.jpg\\t1\\n/in/assets/b.jpg\\t0\\n")
os.unlink({index!r})
os.mkfifo({index!r})
"""


def results(stage: Stage) -> Iterator[Callable[[], None]]:
    """The job puts a pipe in the place of the candidate index: whoever checks its results waits for ever."""
    index = stage.folder.in_dir / "candidate-index.tsv"
    stage.set_up(LEAVES_A_PIPE.format(result=str(stage.out / "result.tsv"), index=str(index)), on="mining")

    def wait() -> None:
        until = time.monotonic() + PATIENCE_S
        while not index.is_fifo():
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(1.5)

    yield wait
    index.unlink()


def _asked(stage: Stage, path: re.Pattern[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not any(map(path.search, stage.index.asked)):
        assert time.monotonic() < until, stage.index.asked
        time.sleep(0.01)
    time.sleep(0.2)


ALL = tuple(
    Phase(hold.__name__, contextmanager(hold))
    for hold in (config, source, checkout, interpreter, lock, environment, launch, job, results)
)
LOCK, ENVIRONMENT, JOB = (next(one for one in ALL if one.name == name) for name in ("lock", "environment", "job"))


def all_below(pid: int) -> list[int]:
    return [process.pid for process in proctree.below(pid)]
