"""Is a command line of the docs one that works? Our own are parsed by our own parser, others are looked at."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache

from live_code.commands.cli import parser
from tests.support.docs.blocks import ROOT

# What a reader is sure to have, and what those do needs no word of ours.
COMMON = {
    "cat", "cd", "cp", "curl", "docker-compose", "echo", "export", "git", "ls", "mkdir", "openssl", "pip", "podman",
    "python", "python3", "rm", "sudo", "tail", "tensorboard", "tools/bin/pip",
}  # fmt: skip
SUBSTITUTION = re.compile(r"\$\([^()]*\)")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
# `docker run`: options of one word, and those whose value follows.
SWITCHES = {"--rm", "-it", "-i", "-t", "--read-only", "--init"}
VALUED = {"-v", "-e", "--user", "--shm-size", "--gpus", "--network", "--tmpfs", "--name", "--entrypoint", "--ipc"}
PLACES = ("/in", "/out", "/cache", "/run/secrets/", "/tmp", "/ca.pem")


def problems(script: str) -> list[str]:
    """What is wrong with a shell script, one line each."""
    syntax = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    if syntax.returncode:
        return [syntax.stderr.strip()]
    return [f"{shlex.join(words)}: {wrong}" for words in simple(script) if (wrong := problem(words))]


def simple(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, without variables set before them and redirections."""
    for line in script.replace("\\\n", " ").splitlines():
        line = SUBSTITUTION.sub("SUBSTITUTED", line)
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>()")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word and set(word) <= set(";|&()"):
                while words and ASSIGNMENT.fullmatch(words[0]):
                    words.pop(0)
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def problem(words: Sequence[str]) -> str:
    """What is wrong with one command, or ''."""
    if any(word and set(word) <= set("<>") for word in words):  # a redirection ends the words of interest
        words = words[: next(number for number, word in enumerate(words) if set(word) <= set("<>"))]
    if list(words[:3]) == ["ray", "job", "submit"] and "--" in words:  # what it runs there is of interest
        words = words[words.index("--") + 1 :]
    program = words[0]
    if program.rsplit("/", 1)[-1] == "live-code":
        return ours(words[1:])
    if program.startswith("scripts/"):
        return script_of_ours(words)
    if program == "docker":
        return docker(words[1:])
    return "" if program in COMMON else f"no check for {program}"


def ours(words: Sequence[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            parser().parse_args(words)
        except SystemExit as end:
            return said.getvalue().strip().rsplit("\n", 1)[-1] if end.code else ""
    return ""


def mentioned(words: Sequence[str]) -> str:
    """A command as text mentions it: its name and its options have to be real, values may be missing."""
    known = [parser()]
    for word in words:
        if word.startswith("-"):
            option = word.split("=")[0]
            if not any(option in one._option_string_actions for one in known):
                return f"there is no option {option}"
        elif found := _subparsers(known[0]):
            names = word.split("|")
            if missing := [name for name in names if name not in found]:
                return f"there is no command {missing[0]}"
            known = [found[name] for name in names]
    return ""


def _subparsers(known: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in known._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def script_of_ours(words: Sequence[str]) -> str:
    path = ROOT / words[0]
    if not path.is_file():
        return "there is no such script"
    text = path.read_text()
    missing = [word for word in words[1:] if word.startswith("--") and word not in text and words[0] != "scripts/test"]
    return f"it knows no {missing[0]}" if missing else ""


def docker(words: Sequence[str]) -> str:
    if words[0] in ("build", "compose", "push", "tag", "pull", "load", "save", "inspect", "volume", "login", "buildx"):
        return ""
    if words[0] != "run":
        return f"no check for docker {words[0]}"
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        option, _, value = rest.pop(0).partition("=")
        if option in VALUED:
            value = value or (rest.pop(0) if rest else "")
            if wrong := _docker_value(option, value):
                return wrong
        elif option not in SWITCHES:
            return f"no check for docker's {option}"
    if not rest:
        return "it names no image"
    return problem(rest[1:]) if rest[1:] else ""


def _docker_value(option: str, value: str) -> str:
    if option == "-v":
        target = value.split(":")[1] if ":" in value else ""
        return "" if target.startswith(PLACES) else f"nothing of ours is at {target}"
    name = value.split("=")[0]
    if option == "-e" and name.startswith("LIVE_CODE_") and name not in variables():
        return f"{name} is read by nobody"
    return ""


@cache
def variables() -> frozenset[str]:
    """Each LIVE_CODE_… variable that our code, scripts or images know."""
    places = (*ROOT.glob("live_code/**/*.py"), *ROOT.glob("scripts/**/*"), *ROOT.glob("*.dockerfile"))
    texts = (path.read_text(errors="ignore") for path in places if path.is_file())
    return frozenset(name for text in texts for name in re.findall(r"LIVE_CODE_[A-Z_]+", text))
