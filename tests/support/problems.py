"""What a resolver was asked, without a resolver: for tests of what its output means."""

from __future__ import annotations

from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.framework import Bound, Protection
from live_code.tools.packages.index import Indexes
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.requirements import Chosen, Input, Text, is_list
from live_code.tools.processes import runner

IMAGE = Interpreter(
    path=Path("/opt/conda/bin/python"),
    version="3.11.7",
    implementation="cpython",
    platform="linux-x86_64",
    prefix="/opt/conda",
    home="/opt/conda/bin",
    is_venv=False,
    is_conda=True,
    sees_system=False,
    site_packages=(),
    own_folders=(),
    packages={},
    frameworks={},
    content="c" * 32,
    fingerprint="",
    inventory=Path("/inventory.json"),
)
TORCH = Protection({"torch": "2.13.0+cpu"})
NUMPY = Protection({"torch": "2.13.0+cpu"}, (Bound("numpy", ">=2", "torch 2.13.0+cpu was built against numpy 2"),))


def problem(
    text: str, protection: Protection = TORCH, file: str = "requirements.txt", cutoff: str = "", **others: str
) -> Problem:
    """``others``: further files by name, ``_`` for a dot."""
    texts = (Text(file, text), *(Text(name.replace("_", "."), content) for name, content in others.items()))
    chosen = Chosen((Input(file),), "config.yaml")
    return Problem(
        root=Path("/repo"),
        place=Path("/repo"),
        chosen=chosen,
        texts=texts,
        content="",
        own_needs=(),
        image=IMAGE,
        protection=protection,
        indexes=Indexes("https://host/simple"),
        cutoff=cutoff,
    )


def lists(text: str) -> tuple[Text, ...]:
    assert is_list("requirements.txt")
    return (Text("requirements.txt", text),)


def failed(output: str) -> runner.ProcessError:
    return runner.ProcessError(["uv"], 1, runner.Output("", output))
