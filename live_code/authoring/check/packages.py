"""Whether the image has, or can get, what the repo asks for: its packages, and a Python that reads its code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL, Finding
from live_code.authoring.check.modules import Requirements
from live_code.authoring.check.tree import Tree, line_of
from live_code.errors import ConfigError, InterpreterError, LiveCodeError, RequirementsError, StoreError
from live_code.stages.code.checkout import Checkout
from live_code.stages.environment import lock
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import REPO_FILE, RepoSettings
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import python_version, requirements, solution
from live_code.tools.packages.forms import archives
from live_code.tools.packages.framework import normalised
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store

_PLACE = re.compile(r"(?P<file>[\w./-]+):(?P<line>\d+)\b")
# Reads names and sources as JSON, answers with what can't be compiled; nothing of it is run.
_COMPILE = """\
import json, sys
wrong = {}
for name, source in json.load(sys.stdin).items():
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        wrong[name] = [getattr(error, "lineno", 0) or 0, str(getattr(error, "msg", error))]
print(json.dumps(wrong))
"""


def examine(
    tree: Tree, repo: RepoSettings, image: Interpreter, store: Store, settings: PackageSettings
) -> tuple[Requirements, list[Finding]]:
    """The requirements, resolved on top of the image as a run does it; nothing is installed."""
    wrong = _python(tree, repo, image)
    resolved, findings = _requirements(tree, repo._replace(python=""), image, store, settings)
    return resolved, [*wrong, *findings]


def _python(tree: Tree, repo: RepoSettings, image: Interpreter) -> Iterator[Finding]:
    try:
        if repo.python:
            python_version.require(repo.python, image)
    except (ConfigError, InterpreterError) as error:
        line = line_of(tree.text(REPO_FILE), r"^python\s*:")
        yield Finding(WILL_FAIL, "python", REPO_FILE, line, error.message, error.hint)


def _requirements(
    tree: Tree, repo: RepoSettings, image: Interpreter, store: Store, settings: PackageSettings
) -> tuple[Requirements, list[Finding]]:
    try:
        started = lock.scripts(tree.root, Request("", "", ""), repo)
        chosen = requirements.choose(tree.root, "", repo.requirements, scripts=started)
        texts = requirements.closure(tree.root, chosen)
    except (ConfigError, RequirementsError) as error:
        return Requirements(resolved=False), [_finding(error, "")]
    named = Requirements(
        _named(texts), resolved=False, file=next((entry.name for entry in chosen.inputs), Requirements().file)
    )
    read = [*(text.name for text in texts), *archives.names(texts)]
    missing = [name for name in read if name not in tree.files]
    if missing:
        problem = "Requirements come from this file, which is not committed."
        return named, [
            Finding(WILL_FAIL, "not-committed", name, 0, problem, "git add it, and commit.") for name in missing
        ]
    if scripts := [text.name for text in texts if Path(text.name).name == "setup.py"]:
        problem = "Requirements were not resolved: that would run this file."
        return named, [Finding(NOTE, "requirements", scripts[0], 0, problem, "live-code lock REPO resolves them.")]
    as_it_stands = Checkout(tree.root, tree.root, "", "", cached=False)
    try:
        locked = lock.make(as_it_stands, Request("", "", ""), repo, image, store, settings)
    except StoreError:  # it says nothing of the repo
        raise
    except LiveCodeError as error:
        return named, [_finding(error, str(chosen))]
    pins = {pin.name: pin.version for pin in solution.parse(locked.text) if pin.name}
    passed_over = "" if chosen.shown else requirements.passed_over(tree.root)
    findings = [_not_asked_for(passed_over)] if requirements.is_conda(passed_over) else []
    return Requirements(frozenset(pins), True, named.file, frozenset(_in_wheels(pins, store))), findings


def _not_asked_for(name: str) -> Finding:
    remedy = f"If the job needs it, write requirements: {name} into {REPO_FILE}."
    return Finding(NOTE, "requirements", name, 0, f"{name} is not installed, for nobody asks for it.", remedy)


def _named(texts: tuple[requirements.Text, ...]) -> frozenset[str]:
    """The distributions that lines of requirements begin with."""
    lines = (line.text for text in texts if requirements.is_list(text.name) for line in requirements.lines(text))
    names = (re.match(r"[A-Za-z0-9][\w.-]*", line) for line in lines)
    return frozenset(normalised(name[0]) for name in names if name)


def _in_wheels(pins: Mapping[str, str], store: Store) -> Iterator[str]:
    """The modules of those wheels that were unpacked here once."""
    unpacked = (wheels.glob("archive-v0/*/*.dist-info") for wheels in store.places("wheels"))
    for info in chain.from_iterable(unpacked):
        name, _, version = info.stem.rpartition("-")
        if pins.get(normalised(name)) == version:
            yield from (path.name.split(".")[0] for path in info.parent.iterdir())


def unreadable(tree: Tree, names: frozenset[str], image: Interpreter) -> Iterator[Finding]:
    """Files with a syntax error, as the job's own Python sees them."""
    sources = {name: tree.text(name) for name in names}
    output = runner.run([image.path, "-I", "-B", "-c", _COMPILE], stdin=json.dumps(sources), timeout=60).stdout
    for name, (line, why) in sorted(json.loads(output).items()):
        problem = f"Python {image.version} can't read this: {why}."
        yield Finding(WILL_FAIL, "syntax", name, line, problem, "Correct it, or write it for the image's Python.")


def _finding(error: LiveCodeError, chosen: str) -> Finding:
    # The index being out of reach says nothing of the repo.
    severity = MAY_FAIL if error.retryable else WILL_FAIL
    place = _PLACE.match(error.message)
    file, line = (place["file"], int(place["line"])) if place else (chosen.split(",")[0], 0)
    return Finding(severity, "requirements", file, line, error.message, error.hint)
