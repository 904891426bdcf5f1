"""A task folder as the platform writes it, to start from in any test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml


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
