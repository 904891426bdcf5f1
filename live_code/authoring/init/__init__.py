"""`live-code init`: a new live-code repository that runs as it stands, to be changed from there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import InitError
from live_code.tools.processes import runner
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

TEMPLATES = Path(__file__).with_name("templates")
COMMON = "common"


# What differs between the frameworks, by the mark that stands for it in the common files.
CHOICES: Mapping[str, Mapping[str, str]] = {
    "plain": {"__RATE__": "1.0", "__SUFFIX__": ".npz", "__PYTHON__": "3.11", "__NEEDS__": "pytest"},
    "torch": {
        "__RATE__": "0.01",
        "__SUFFIX__": ".pt",
        "__PYTHON__": "3.11",
        "__NEEDS__": "pytest, torch",
        "__FRAMEWORK__": "torch --index-url https://download.pytorch.org/whl/cpu",
    },
    "mxnet": {
        "__RATE__": "0.01",
        "__SUFFIX__": ".params",
        "__PYTHON__": "3.10",
        "__NEEDS__": "pytest, mxnet with a numpy before 1.24",
        "__FRAMEWORK__": "mxnet==1.9.1 numpy==1.23.5",
    },
}


class Made(NamedTuple):
    """``commit``: the id of the first commit; '' when git could not make it, ``why`` then says why."""

    folder: Path
    files: tuple[str, ...]
    commit: str
    why: str = ""


def make(folder: Path, framework: str, inherited: Inherited, name: str = "") -> Made:
    """Fills an empty or new folder and commits it. Raises InitError."""
    folder = folder.absolute()
    try:
        _check(folder)
        for template in (COMMON, framework):
            shutil.copytree(TEMPLATES / template, folder, ignore=_NOT_OURS, dirs_exist_ok=True)
        files = tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
        marks = {"__NAME__": name or folder.name, **CHOICES[framework]}
        for file in files:
            _fill_in(folder / file, marks)
    except OSError as error:
        raise InitError(f"{error.filename or folder} can't be written: {error.strerror}.") from error
    commit, why = _commit(folder, inherited)
    return Made(folder, files, commit, why)


_NOT_OURS = shutil.ignore_patterns("__pycache__", ".*_cache")


def _check(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InitError(f"{folder} is not empty.", hint="Name a folder that is empty or not there yet.")


def _fill_in(path: Path, marks: Mapping[str, str]) -> None:
    if path.suffix == ".png":
        return
    text = path.read_text(encoding="utf-8")
    if "__FRAMEWORK__" not in marks:
        text = "".join(line for line in text.splitlines(keepends=True) if "__FRAMEWORK__" not in line)
    for mark, value in marks.items():
        text = text.replace(mark, value)
    path.write_text(text, encoding="utf-8")


def _commit(folder: Path, inherited: Inherited) -> tuple[str, str]:
    """The first commit's id, by the user's own name; '' and git's word when that can't be."""
    env = inherited.without(("GIT_DIR", "GIT_WORK_TREE"))
    try:
        for words in (["init", "--quiet", "-b", "main"], ["add", "--all"], ["commit", "--quiet", "-m", "Begin"]):
            runner.run(["git", *words], cwd=folder, env=env)
        return runner.run(["git", "rev-parse", "HEAD"], cwd=folder, env=env).stdout.strip(), ""
    except runner.ProcessError as error:
        return "", error.last_lines.splitlines()[-1] if error.last_lines else str(error)
