"""Help with examples, the version with its commit, completion in real shells, NO_COLOR."""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.commands import manual
from live_code.commands.cli import parser
from tests.support import repos
from tests.support.docs import commands
from tests.support.docs.blocks import ROOT


def names(known: argparse.ArgumentParser) -> Iterator[str]:
    yield known.prog.partition(" ")[2]
    for action in known._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from names(command)


def said(*words: str, **environ: str) -> str:
    argv = [sys.executable, "-m", "live_code", *words]
    return subprocess.run(argv, env={**os.environ, **environ}, capture_output=True, text=True, check=True).stdout


def test_each_command_has_an_example_and_each_example_a_command() -> None:
    assert set(manual.EXAMPLES) == set(names(parser()))


@pytest.mark.parametrize("name", manual.EXAMPLES)
def test_an_example_can_be_typed(name: str) -> None:
    assert commands.problems(manual.EXAMPLES[name]) == []
    assert all(line.startswith(f"live-code {name}") for line in manual.EXAMPLES[name].splitlines())


def test_help_ends_with_examples_and_exit_codes() -> None:
    told = said("run", "--help")
    assert "examples:\n  live-code run\n" in told
    assert "124 a time limit" in told


def test_help_says_what_the_command_does() -> None:
    assert "\n\nShow how a sweep stands, whoever runs it.\n\n" in said("sweep", "status", "--help")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["swep", "plan"], "argument COMMAND: 'swep' is not known. Is it 'sweep'?\n"),
        (["cache", "zzzz"], "(choose from"),
        ([], "verify    check a task's outputs"),
    ],
)
def test_a_wrong_command_line_is_answered_with_what_may_be_meant(words: list[str], told: str) -> None:
    argv = [sys.executable, "-m", "live_code", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_the_version_has_the_commit_of_the_checkout() -> None:
    head = repos.Repo(ROOT).git("rev-parse", "HEAD")
    assert said("--version").removesuffix("-dirty)\n").removesuffix(")\n") == f"live-code {manual.__version__} ({head}"


def test_the_version_has_the_commit_that_an_image_is_labelled_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels"
    labels.write_text("org.opencontainers.image.version=0.1.0\norg.opencontainers.image.revision=abc123\n")
    monkeypatch.setattr(manual, "IMAGE_LABELS", labels)
    assert manual.version() == f"live-code {manual.__version__} (abc123)"


@pytest.mark.slow
def test_the_version_has_the_commit_that_was_installed_from_git(tmp_path: Path) -> None:
    repo = repos.make(tmp_path / "repo")
    for name in ("live_code", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, repo.path / name)
    commit = repo.commit()
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--no-deps", "--python", python, f"git+file://{repo.path}"], check=True)
    words = [tmp_path / "venv" / "bin" / "live-code", "--version"]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told == f"live-code {manual.__version__} ({commit})\n"


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param} here: scripts/install-shells")
    return str(request.param)


ASKS = {
    "bash": 'source {script}; COMP_WORDS=({words} ""); COMP_CWORD={count}; COMPREPLY=(); '
    "_shtab_live_code; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "source {script}; complete --do-complete '{words} '",
}


def completed(shell: str, line: str, folder: Path) -> list[str]:
    """What a tab offers after the words and a blank."""
    script = folder / "_live-code"
    script.write_text(said("completion", shell))
    if shell == "zsh":
        return listed(folder, line)
    ask = ASKS[shell].format(script=script, words=line, count=len(line.split()))
    done = subprocess.run([shell, "-c", ask], cwd=folder, capture_output=True, text=True, check=False)
    return [offer.split("\t")[0] for offer in done.stdout.splitlines()]


def listed(folder: Path, line: str) -> list[str]:
    """What zsh shows on a terminal for a tab; ``folder`` has the script, under the name by which zsh finds it."""
    main, other = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        ["zsh", "-f", "-i"], cwd=folder, env=environ, stdin=other, stdout=other, stderr=other, start_new_session=True
    ) as zsh:
        os.close(other)
        try:
            os.write(main, b"PS1='ready> '; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; echo set' up'\n")
            until(main, "set up.*ready> ")
            os.write(main, f"{line} \t".encode())
            shown = until(main, f"ready> {line}")  # it stands below the list once more
        finally:
            zsh.kill()
    os.close(main)
    return shown.split()


def until(terminal: int, pattern: str) -> str:
    shown, end = "", time.monotonic() + 20
    while not re.search(pattern, shown, re.DOTALL):
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 1.0)[0]:
            shown += os.read(terminal, 1 << 16).decode(errors="replace")
    return shown


def test_the_script_is_one_that_the_shell_can_read(shell: str, tmp_path: Path) -> None:
    done = subprocess.run([shell, "-n"], input=said("completion", shell), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_tab_offers_the_commands(shell: str, tmp_path: Path) -> None:
    assert {"run", "verify", "doctor", "sweep"} <= set(completed(shell, "live-code", tmp_path))


def test_a_tab_offers_what_an_option_may_be(shell: str, tmp_path: Path) -> None:
    assert {"bash", "zsh", "fish"} <= set(completed(shell, "live-code completion", tmp_path))


@pytest.mark.parametrize("shell", ["zsh"], indirect=True)
def test_zsh_offers_the_commands_within_a_command(shell: str, tmp_path: Path) -> None:
    assert "status" in completed(shell, "live-code sweep", tmp_path)


def test_bash_offers_folders_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    assert "here" in completed("bash", "live-code run --in", tmp_path)
    assert "file" not in completed("bash", "live-code run --in", tmp_path)


@pytest.mark.parametrize("words", [["--help"], ["doctor"], ["runs", "."], ["run", "--in", "nothing", "--out", "out"]])
def test_nothing_is_coloured_where_no_color_is_set(words: list[str], tmp_path: Path) -> None:
    """On a real terminal."""
    main, other = pty.openpty()
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color", "LIVE_CODE_STORE": str(tmp_path / "store")}
    argv = [sys.executable, "-m", "live_code", *words]
    with subprocess.Popen(argv, cwd=tmp_path, env=environ, stdin=other, stdout=other, stderr=other) as process:
        os.close(other)
        told = b"".join(iter(lambda: _read(main), b""))
        process.wait()
    assert told
    assert b"\x1b[" not in told


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end was closed
        return b""
