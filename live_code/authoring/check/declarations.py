"""What a repo says of itself: live-code.yaml, its entrypoint, the defaults that code_config names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL, Finding
from live_code.authoring.check.reachable import scripts_of
from live_code.authoring.check.tree import Tree, line_of
from live_code.errors import ConfigError, LaunchError
from live_code.job.ymir_exc import protocol
from live_code.stages.launch import plan
from live_code.stages.launch.plan import Entrypoint
from live_code.stages.request import repo_settings
from live_code.stages.request.hyperparameters import REVISION_KEYS, Request
from live_code.stages.request.repo_settings import REPO_FILE, RepoSettings
from live_code.stages.request.task_config import MODEL_KEYS, PLATFORM_KEYS

# What live-code itself reads of them.
OF_EXECUTOR = frozenset({*Request._fields, *REVISION_KEYS} - {"revision", "revision_key"})
# What people call the script that trains.
_LIKELY = ("train.py", "tools/train.py", "main.py")


def of_error(error: ConfigError, rule: str, file: str, text: str, default: int = 0) -> Finding:
    """An error of reading a file, at the line that its message names, else at the line ``default``."""
    match = re.search(r"line (\d+)", error.message)
    key = re.search(r"not known: ([^\s,]+?)[,.](?:\s|$)|^(\S+) in live-code\.yaml is", error.message)
    line = int(match[1]) if match else line_of(text, rf"^\s*{re.escape(key[1] or key[2])}\s*:") if key else default
    return Finding(WILL_FAIL, rule, file, line, error.message, error.hint)


def entrypoints(tree: Tree, repo: RepoSettings) -> tuple[list[Entrypoint], list[Finding]]:
    """What would be started, and what is wrong with it."""
    entries: list[Entrypoint] = []
    failed: dict[str, LaunchError] = {}
    for task in protocol.TASKS:
        try:
            entries += plan.entrypoints((task,), Request("", "", ""), repo, tree.has)
        except LaunchError as error:
            failed[task] = error
    severity = NOTE if entries else WILL_FAIL  # with some, live-code.yaml has named those that it has
    problem = f"There is nothing to start for {', '.join(failed)}: no start.py, and no entrypoint in {REPO_FILE}."
    likely = next((f", like entrypoint: {{training: {name}}}" for name in _LIKELY if tree.has(name)), "")
    remedy = f"Add a start.py at the repo's root, or name the command in {REPO_FILE}{likely}."
    if entries:
        problem = f"{REPO_FILE} names no entrypoint for {', '.join(failed)}: such tasks will be refused."
        remedy = "Nothing, when the repo is not for them."
    file = REPO_FILE if tree.has(REPO_FILE) else ""
    findings = [Finding(severity, "entrypoint", file, 0, problem, remedy)] if failed else []
    findings += [
        finding for entry in {start.command: start for start in entries}.values() for finding in _command(tree, entry)
    ]
    return entries, findings


def examine(tree: Tree, repo: RepoSettings) -> Iterator[Finding]:
    """The launcher, and code_config."""
    if repo.launcher and repo.launcher != plan.TORCHRUN:
        line = line_of(tree.text(REPO_FILE), r"^launcher\s*:")
        problem = f"The launcher {repo.launcher!r} is not known."
        yield Finding(WILL_FAIL, "launcher", REPO_FILE, line, problem, f"Write {plan.TORCHRUN}, or leave it out.")
    if not repo.code_config:
        problem = "No code_config is named: whoever runs the repo has to know which file it is."
        yield Finding(
            NOTE, "code-config", REPO_FILE if tree.has(REPO_FILE) else "", 0, problem, f"Name it in {REPO_FILE}."
        )
        return
    yield from _code_config(tree, repo.code_config)


def _command(tree: Tree, entry: Entrypoint) -> Iterator[Finding]:
    command = entry.command
    line = line_of(tree.text(REPO_FILE), re.escape(command)) if tree.has(REPO_FILE) else 0
    for script in scripts_of(command):
        if not any(tree.has(name) for name in (script, script.removesuffix(".py") + "/__main__.py")):
            if script not in command and not _is_own(tree, script):
                continue  # `-m` and a module of an installed package
            error = plan.no_file(entry, script, tree.files)
            yield Finding(WILL_FAIL, "entrypoint", REPO_FILE, line, error.message, error.hint)
    try:
        plan.require_scripts([entry], tree.has, lambda: (), lambda name: _starts(tree, name))
    except LaunchError as error:
        if "can't be started" in error.message:
            yield Finding(WILL_FAIL, "entrypoint", REPO_FILE, line, error.message, error.hint)
    for message in plan.shell_words([entry]):
        yield Finding(MAY_FAIL, "entrypoint", REPO_FILE, line, f"{message}.", "Put the command into a script.")


def _starts(tree: Tree, name: str) -> bool:
    return "/" in name and os.access(tree.root / name, os.X_OK)


def _is_own(tree: Tree, script: str) -> bool:
    """Whether a module is below a package of the repo."""
    package = script.split("/")[0] + "/"
    return any(name.startswith(package) for name in tree.files)


def _code_config(tree: Tree, name: str) -> Iterator[Finding]:
    try:
        values = repo_settings.read_defaults(tree.root, name)
    except ConfigError as error:
        file = name if tree.has(name) else REPO_FILE
        line = line_of(tree.text(REPO_FILE), r"^code_config\s*:") if file == REPO_FILE else 0
        yield of_error(error, "code-config", file, tree.text(file), line)
        return
    yield from _keys(name, tree.text(name), values)


def defaults(tree: Tree, repo: RepoSettings) -> frozenset[str] | None:
    """The keys of code_config; None when it is not named or can't be read."""
    try:
        return frozenset(repo_settings.read_defaults(tree.root, repo.code_config))
    except ConfigError:
        return None


def _keys(name: str, text: str, values: dict[str, object]) -> Iterator[Finding]:
    for key in values:
        line = line_of(text, rf"^['\"]?{re.escape(key)}['\"]?\s*:")
        if key in MODEL_KEYS:
            problem = f"The platform sets {key} only when a model is chosen; else this value is taken for one."
            yield Finding(MAY_FAIL, "reserved-key", name, line, problem, "Leave it out.")
        elif key in PLATFORM_KEYS:
            problem, remedy = f"The platform sets {key} itself: this value is never used there.", "Leave it out."
            yield Finding(NOTE, "reserved-key", name, line, problem, remedy)
        elif key in OF_EXECUTOR:
            problem = f"{key} is a setting of live-code, which reads it from the task alone."
            yield Finding(MAY_FAIL, "reserved-key", name, line, problem, "Give it another name, or set it in the form.")
