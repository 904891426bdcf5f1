"""What tests of several modules start from."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.tools.processes import runner
from live_code.tools.store import Store
from tests.support import images, repos
from tests.support.machine import Machine
from tests.support.servers.index import Index, serving
from tests.support.task_folder import TaskFolder
from tests.support.workshop import Workshop


def pytest_configure() -> None:
    """A suite that was started as `nohup … &` inherits ignored signals; what it tests must not."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def every_record_fits_the_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Looks at all records that this process's tests have left, when they are done."""
    yield
    from tests.support.schema import breaches_below

    assert breaches_below(tmp_path_factory.getbasetemp()) == []


@pytest.fixture
def folder(tmp_path: Path) -> TaskFolder:
    made = TaskFolder(tmp_path / "task")
    made.in_dir.mkdir(parents=True)
    made.out_dir.mkdir()
    return made


@pytest.fixture
def index() -> Iterator[Index]:
    """A package index on loopback that offers what the job's side needs, and what a test adds."""
    with serving(Index().add("PyYAML", "6.0").add("EasyDict", "1.9")) as served:
        yield served


@pytest.fixture
def second_index() -> Iterator[Index]:
    with serving(Index()) as served:
        yield served


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Workshop:
    """A checkout without requirements, an image that is a venv with what the job's side needs, an empty store."""
    image = images.venv(tmp_path / "image").has("PyYAML", "6.0").has("EasyDict", "1.9")
    (tmp_path / "repo").mkdir()
    return Workshop(tmp_path / "repo", Store(tmp_path / "store"), image, index)


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> runner.Output:
        raise AssertionError(f"a process was started: {args}")

    monkeypatch.setattr(runner, "run", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> repos.Repo:
    """One whose job does all that a task asks for, at once."""
    made = repos.make(tmp_path_factory.mktemp("repos") / "classic")
    made.commit(start__py=repos.CLASSIC_START, configs___default__yaml="epochs: 7\n")
    return made


@pytest.fixture(autouse=True)
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures of git servers show at once: the tests of trying again set their own deadline."""
    monkeypatch.setenv("LIVE_CODE_GIT_DEADLINE_S", "0")


@pytest.fixture(scope="session")
def standin() -> Path:
    """An interpreter with torch, as in an image."""
    from tests.support.standin import interpreter

    return interpreter()
