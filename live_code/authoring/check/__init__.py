"""`live-code check`: whether a repository will run, and what to change. None of its code is run."""

from __future__ import annotations

import ast
import json
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from live_code.authoring.check import code, declarations, modules, outcome, packages, params, reachable, sdk, tree
from live_code.authoring.check.finding import MAY_FAIL, NOTE, SEVERITIES, WILL_FAIL, Finding
from live_code.authoring.check.tree import Tree
from live_code.errors import ConfigError
from live_code.job.ymir_exc import protocol
from live_code.run import resolve
from live_code.stages.launch.plan import Entrypoint
from live_code.stages.request import repo_settings
from live_code.stages.request.repo_settings import REPO_FILE, RepoSettings
from live_code.tools import store
from live_code.tools.machine import interpreter
from live_code.tools.packages import uv
from live_code.tools.processes import runner
from live_code.tools.settings import Settings
from live_code.tools.store import Store
from live_code.tools.terminal import table
from live_code.values import NamedTuple

__all__ = ["MAY_FAIL", "NOTE", "SEVERITIES", "WILL_FAIL", "Finding", "Image", "as_json", "examine", "show"]


# The fewest columns of a terminal in which a text can be read; with fewer it stands below its place.
_LEAST = 40


class Image(NamedTuple):
    """What the repo is to run on: an interpreter, or what an image's interpreter printed of itself; else this one's."""

    python: Path | None = None
    inventory: Path | None = None


def examine(place: str, revision: str, image: Image, settings: Settings) -> list[Finding]:
    """Worst first. Raises LiveCodeError when there is no such repo, or no interpreter to check it against."""
    path = Path(place)
    if path.is_dir() and not revision:
        return _findings(tree.of_folder(path.resolve(), settings.inherited), image, settings)
    if not revision:
        raise ConfigError(
            f"{place} is no folder here, and no revision is given.", hint="Name a commit, tag or branch after the URL."
        )
    url = str(path.resolve()) if path.is_dir() else place
    with tempfile.TemporaryDirectory(prefix="live-code-check-") as folder:
        made = resolve.checkout(url, revision, Path(folder, "tree"), settings)
        return _findings(tree.of_checkout(made.root), image, settings)


def show(findings: list[Finding], width: int = 0) -> list[str]:
    """As a table for a person, and what it comes to. ``width``: of the terminal that it shall fit; 0: of none."""
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
    tally = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    beside = (
        max(map(len, SEVERITIES))
        + max((table.width(finding.place) for finding in findings), default=0)
        + 2 * len(table.GAP)
    )
    if width and width - beside < _LEAST:
        lines = [line for finding in findings for line in _below(finding, width)]
    else:
        rows = [row for finding in findings for row in _rows(finding, width and width - beside)]
        lines = [*table.lines(("severity", "where", "what"), rows), ""] if rows else []
    verdict = "it will not run" if counts[WILL_FAIL] else "it will run, as far as can be seen"
    return [*lines, f"{verdict}{f' ({tally})' if tally else ''}"]


def _rows(finding: Finding, room: int) -> list[tuple[str, str, str]]:
    """One row; with so much room for the texts several, what is the matter before what to do."""
    if not room:
        return [(finding.severity, finding.place, f"{finding.what} {finding.remedy}")]
    texts = [line for text in (finding.what, finding.remedy) for line in textwrap.wrap(text, room)]
    return [(finding.severity, finding.place, texts[0]), *(("", "", text) for text in texts[1:])]


def _below(finding: Finding, width: int) -> list[str]:
    texts = [line for text in (finding.what, finding.remedy) for line in textwrap.wrap(text, width - 4)]
    return [f"{finding.severity}  {finding.place}", *(f"    {text}" for text in texts), ""]


def as_json(findings: list[Finding]) -> list[str]:
    return [json.dumps([finding._asdict() for finding in findings], indent=2, ensure_ascii=False)]


def _findings(code_tree: Tree, image: Image, settings: Settings) -> list[Finding]:
    try:
        repo = repo_settings.read(code_tree.root)
    except ConfigError as error:  # without it nobody knows what would be started
        unread = declarations.of_error(error, "settings", REPO_FILE, code_tree.text(REPO_FILE))
        return _sorted([unread, *_uncommitted(code_tree, frozenset()), *tree.examine(code_tree)])
    entries, wrong = declarations.entrypoints(code_tree, repo)
    findings = [*wrong, *declarations.examine(code_tree, repo), *tree.examine(code_tree)]
    starts = [script for entry in entries for script in reachable.scripts_of(entry.command)]
    reached = reachable.reached(code_tree, starts)
    findings += _results(code_tree, repo, entries)
    findings += [*_uncommitted(code_tree, reached | {repo.code_config}), *_sources(code_tree, reached)]
    if (defaults := declarations.defaults(code_tree, repo)) is not None:
        python = {name: _parsed(code_tree.text(name)) for name in sorted(reached) if name.endswith(".py")}
        findings += params.examine({name: parsed for name, parsed in python.items() if parsed}, defaults)
    imported = _imports(code_tree, reached, reachable.imported(code_tree, starts))
    findings += _on_image(code_tree, repo, imported, reached, image, settings)
    return _sorted(findings)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(
        set(findings),
        key=lambda finding: (SEVERITIES.index(finding.severity), finding.file, finding.line, finding.what),
    )


def _uncommitted(code_tree: Tree, reached: frozenset[str]) -> Iterator[Finding]:
    named = {REPO_FILE} & code_tree.loose
    for name in sorted((reached | named) & code_tree.loose):
        problem = "The job needs this file, and it is not committed."
        yield Finding(WILL_FAIL, "not-committed", name, 0, problem, "git add it, and commit.")


def _sources(code_tree: Tree, reached: frozenset[str]) -> Iterator[Finding]:
    """Of all code that the entrypoint leads to; of other code only what can't work wherever it is used."""
    for name in sorted(reached | code_tree.files):
        if name.endswith(".py"):
            yield from _of_file(code_tree, name, name in reached)
        elif name.endswith(".sh") and name in reached:
            yield from code.examine_shell(name, code_tree.text(name))


def _of_file(code_tree: Tree, name: str, is_reached: bool) -> Iterator[Finding]:
    text = code_tree.text(name)
    if not is_reached and sdk.SDK not in text:
        return
    parsed = _parsed(text)
    if parsed is None:
        return
    if is_reached:
        yield from code.examine(name, parsed)
    for finding in (*sdk.examine(name, parsed), *outcome.metrics(name, parsed)):
        yield finding if is_reached else finding._replace(severity=MAY_FAIL)


def _results(code_tree: Tree, repo: RepoSettings, entries: list[Entrypoint]) -> Iterator[Finding]:
    @cache
    def words_of(name: str) -> frozenset[str]:
        parsed = _parsed(code_tree.text(name)) if name.endswith(".py") else None
        return outcome.words(parsed) if parsed else frozenset(code_tree.text(name).split())

    named = repo.entrypoint.keys() & set(protocol.TASKS)
    starts = [
        outcome.Start(
            task, entry.command, reachable.reached(code_tree, reachable.scripts_of(entry.command)), bool(named)
        )
        for entry in entries
        for task in entry.tasks
    ]
    python = frozenset(name for name in code_tree.files if name.endswith(".py"))
    return outcome.missing_results(starts, words_of, python)


def _imports(code_tree: Tree, reached: frozenset[str], surely: frozenset[str]) -> Iterator[modules.Import]:
    for name in sorted(reached):
        parsed = _parsed(code_tree.text(name)) if name.endswith(".py") else None
        if parsed:
            yield from modules.imports(name, parsed, name in surely)


def _parsed(text: str) -> ast.Module | None:
    """None for what can't be read: the job's own Python reports it."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _on_image(
    code_tree: Tree,
    repo: RepoSettings,
    imported: Iterable[modules.Import],
    reached: frozenset[str],
    image: Image,
    settings: Settings,
) -> list[Finding]:
    layers = store.find(settings.store)
    if image.inventory:
        like = _python_like(image.inventory, layers, settings)
        if like is None:
            problem = (
                f"There is no Python here like {image.inventory.name}'s: requirements and syntax were not looked at."
            )
            return [Finding(NOTE, "requirements", "", 0, problem, "Install one, or check inside the image.")]
        seen = interpreter.read(image.inventory, like, layers)
        machine = modules.Machine(like, image.inventory.name, frozenset((*seen.packages, *seen.frameworks)))
    else:
        path = (image.python or interpreter.find(settings)).absolute()
        seen = interpreter.inspect(path, layers, settings.inherited)
        machine = modules.Machine(path, str(path))
    python = frozenset(name for name in reached if name.endswith(".py"))
    resolved, wrong = packages.examine(code_tree, repo, seen, layers, settings.packages)
    missing = modules.examine(code_tree, imported, resolved, machine)
    return [*packages.unreadable(code_tree, python, seen), *wrong, *missing]


def _python_like(inventory: Path, layers: Store, settings: Settings) -> Path | None:
    """An interpreter of this machine that has the version of the image's."""
    version = interpreter.described(inventory)["version"].rpartition(".")[0]
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    try:
        words = ["python", "find", "--no-python-downloads", "--no-project", version]
        output = uv.run(words, layers, settings.packages).stdout
    except runner.ProcessError:
        return None
    return Path(output.strip())
