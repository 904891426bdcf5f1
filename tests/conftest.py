"""A task folder as the platform writes it, to start from in any test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from live_code.store import Store
from tests import images
from tests.servers.index import Index, serving
from tests.workshop import Workshop


@pytest.fixture(scope="session", autouse=True)
def every_record_fits_the_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Looks at all records that this process's tests have left, when they are done."""
    yield
    from tests.schema import breaches_below

    assert breaches_below(tmp_path_factory.getbasetemp()) == []


class TaskFolder(NamedTuple):
    """`<root>/in` and `<root>/out`; paths inside the files are `/in/...` and `/out/...`, as in a container."""

    root: Path

    @property
    def in_dir(self) -> Path:
        return self.root / "in"

    @property
    def out_dir(self) -> Path:
        return self.root / "out"

    def env(self, **values: Any) -> TaskFolder:
        """Writes env.yaml: protocol 1.1.0 and one candidate index, then `values` over it."""
        env: dict[str, Any] = {
            "task_id": "t0000001000000abcdef1700000000",
            "protocol_version": "1.1.0",
            "run_training": False,
            "run_mining": False,
            "run_infer": False,
            "input": {"root_dir": "/in", "candidate_index_file": "/in/candidate-index.tsv"},
            "output": {"root_dir": "/out"},
        }
        return self.write("env.yaml", {**env, **values})

    def config(self, **values: Any) -> TaskFolder:
        return self.write("config.yaml", values)

    def write(self, name: str, values: Mapping[str, Any]) -> TaskFolder:
        self.text(name, yaml.safe_dump(dict(values)))
        return self

    def text(self, name: str, text: str) -> TaskFolder:
        path = self.in_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def out(self, name: str, text: str) -> TaskFolder:
        path = self.out_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self


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


@pytest.fixture(autouse=True)
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures of git servers show at once: the tests of trying again set their own deadline."""
    monkeypatch.setenv("LIVE_CODE_GIT_DEADLINE_S", "0")
