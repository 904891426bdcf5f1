"""How a block is checked, by its language and title. A language without a check is a fault of the page."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from live_code.authoring.check import outcome, sdk
from live_code.errors import LiveCodeError
from live_code.experiments.sweep import spec
from live_code.stages.request import hyperparameters, repo_settings, task_config
from tests.support.docs import commands
from tests.support.docs.blocks import ROOT, Block

# What a task must have; a page may show some keys only.
LEAST = {"git_url": "https://git.example.com/a/b", "git_branch": "main"}


def problems(block: Block, folder: Path) -> list[str]:
    """What is wrong with a block, one line each. ``folder``: an empty one to write into."""
    check = CHECKS.get(block.language)
    if not check:
        return [f"no check for blocks of {block.language or 'no language'}"]
    return check(block, folder)


def shell(block: Block, _: Path) -> list[str]:
    return commands.problems(block.text)


def yaml_file(block: Block, folder: Path) -> list[str]:
    """Read as the file that its title names."""
    name = Path(block.title).name
    if not name:
        return ["it needs a title: the name of the file that it stands for"]
    (folder / name).write_text(block.text)
    try:
        values = yaml.safe_load(block.text)
        if name == repo_settings.REPO_FILE:
            repo_settings.read(folder)
        elif name == "config.yaml":
            hyperparameters.read(_task({**({} if "git_url" in values else LEAST), **values}))
        elif name == "sweep.yaml":
            (folder / "task").mkdir()
            (folder / "task" / "env.yaml").write_text("{}")
            spec.read(folder / name)
        elif name == "env.yaml":
            (folder / "config.yaml").write_text("{}")
            task_config.load(task_config.Folders(folder, folder))
    except (LiveCodeError, yaml.YAMLError) as error:
        return [str(error)]
    return []


def _task(given: Mapping[str, Any]) -> task_config.TaskConfig:
    return task_config.TaskConfig("t", "", ("training",), {}, {}, Path(), "", {}, given, {}, task_config.PathMap())


def json_text(block: Block, _: Path) -> list[str]:
    try:
        json.loads(block.text)
    except ValueError as error:
        return [str(error)]
    return []


def toml_text(block: Block, _: Path) -> list[str]:
    import tomllib

    try:
        tomllib.loads(block.text)
    except ValueError as error:
        return [str(error)]
    return []


def python(block: Block, _: Path) -> list[str]:
    """It parses, and what it takes from ymir_exc and how it calls that is right."""
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        return [str(error)]
    return [finding.what for finding in (*sdk.examine(block.title, tree), *outcome.metrics(block.title, tree))]


def dockerfile(block: Block, _: Path) -> list[str]:
    known = {"FROM", "ARG", "ENV", "RUN", "COPY", "USER", "WORKDIR", "LABEL", "ENTRYPOINT", "CMD"}
    lines = [line for line in block.text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    wrong = [line for line in lines if line.split()[0] not in known]
    read = {name for line in lines for name in re.findall(r"LIVE_CODE_[A-Z_]+", line)}
    return [f"no instruction: {line}" for line in wrong] + sorted(
        f"{n} is read by nobody" for n in read - commands.variables()
    )


def text(block: Block, _: Path) -> list[str]:
    """A diagram, or an output: a test compares it with the real one, or the source that says it is named."""
    if block.mark in ("diagram", "output"):
        return []
    if block.mark == "sample":
        call = f'samples("{block.argument}")'
        tested = any(call in path.read_text() for path in ROOT.glob("tests/**/test_*.py"))
        return [] if tested else [f"no test compares the sample: {call}"]
    if block.mark == "says":
        place = ROOT / block.argument
        sources = [place, *place.rglob("*.py")]
        known = set(re.findall("[a-z]{3,}", "".join(path.read_text() for path in sources if path.is_file())))
        words = re.findall("[a-z]{3,}", block.text)
        strange = [word for word in words if word not in known]
        return [f"{block.argument} says no {word}" for word in strange] if len(strange) * 2 > len(words) else []
    return ["text is an output or a diagram: say which in a comment before it"]


def shape(said: str) -> str:
    """An output without what differs from run to run: ids, numbers, places, blanks."""
    said = re.sub(r"\b[0-9a-f]{7,64}\b", "ID", said)
    said = re.sub(r"(?<![\w.])(/|\./|\.demo/)[\w./+-]*", "PATH", said)
    said = re.sub(r"\d+(\.\d+)?", "0", said)
    return re.sub(r"\s+", " ", said).strip()


CHECKS: Mapping[str, Callable[[Block, Path], list[str]]] = {
    "sh": shell,
    "yaml": yaml_file,
    "json": json_text,
    "toml": toml_text,
    "python": python,
    "dockerfile": dockerfile,
    "text": text,
}
