"""Requirements → a lock: every package that the job adds to the image, with its exact version and its hashes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from live_code import __version__
from live_code.stages.code.checkout import Checkout
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import CLASSIC_ENTRYPOINTS, RepoSettings
from live_code.tools import files
from live_code.tools.git import worktree
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import framework, index, requirements
from live_code.tools.packages.framework import Protection
from live_code.tools.packages.problem import Problem
from live_code.tools.packages.problem import write as write_files
from live_code.tools.settings import Inherited, PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.tools.packages.solution import Pin

# What the job's side needs of the job's interpreter; the repo's own wishes for them are heard first.
OWN_NEEDS = {"pyyaml": "PyYAML", "easydict": "EasyDict"}
_SCHEMA = 3


class Projects(NamedTuple):
    """Projects in the repo itself that belong to the environment, as a requirements file names them."""

    root: Path
    tree: str
    lines: tuple[str, ...] = ()


class Lock(NamedTuple):
    """``text`` is in pip-tools' format. ``requirements``: the files it came from, '' when the repo has none.

    ``cached``: nothing had to be resolved; ``why``: what made it necessary. ``protection``: what it was resolved
    around; ``overridden``: what of it the task gave up by ``allow_framework_override``.
    """

    key: str
    text: str
    requirements: str
    cached: bool
    why: str
    projects: Projects
    indexes: index.Indexes
    protection: Protection
    overridden: Protection


def make(
    checkout: Checkout,
    request: Request,
    repo: RepoSettings,
    image: Interpreter,
    store: Store,
    settings: PackageSettings,
) -> Lock:
    """The lock for a checkout on an image; a known one is read from the store, without process and network.

    Raises ConfigError, RequirementsError; InterpreterError when the repo is for another Python.
    """
    if repo.python:
        from live_code.tools.packages import python_version

        python_version.require(repo.python, image)
    around = requirements.Around(checkout.place, partial(worktree.widen, checkout.place, settings.inherited))
    chosen = requirements.choose(
        checkout.root,
        request.requirements,
        repo.requirements,
        scripts=scripts(checkout.root, request, repo),
        around=around,
    )
    given = request.lock or settings.lock
    if not chosen.shown and not given and (passed_over := requirements.passed_over(checkout.root)):
        log.warning(
            f"{passed_over} is not installed, for nobody asks for it: "
            f"write requirements: {passed_over} into live-code.yaml, if the job needs it"
        )
    texts = requirements.closure(checkout.root, chosen, around)
    protection = framework.protection(image, settings)
    problem = Problem(
        root=checkout.root,
        chosen=chosen,
        texts=texts,
        own_needs=tuple(name for key, name in OWN_NEEDS.items() if key not in image.packages),
        image=image,
        protection=Protection() if request.allow_framework_override else protection,
        indexes=index.choose(request.pypi_mirror, request.extra_index_url, texts, settings),
        cutoff=_cutoff(request.resolve_as_of, checkout, store, settings.inherited),
        resolver=request.resolver,
    )
    key, text, cached, why = _given(given, problem) if given else _made(problem, store, settings)
    return Lock(
        key=key,
        text=text,
        requirements=given or chosen.shown,
        cached=cached,
        why=why,
        projects=Projects(checkout.root, checkout.tree, tuple(_projects(text))),
        indexes=index.of_lock(text, problem.indexes) if given else problem.indexes,
        protection=problem.protection,
        overridden=protection if request.allow_framework_override else Protection(),
    )


def scripts(root: Path, request: Request, repo: RepoSettings) -> tuple[str, ...]:
    """The scripts that are started and that name their requirements themselves (PEP 723)."""
    named = (request.entrypoint,) if request.entrypoint else tuple(repo.entrypoint.values())
    commands = named or next(((name,) for name in CLASSIC_ENTRYPOINTS if (root / name).is_file()), ())
    return requirements.scripts(commands, root)


def _cutoff(as_of: str, checkout: Checkout, store: Store, inherited: Inherited) -> str:
    """As of when to resolve, in RFC 3339; '' for now, which most tasks want."""
    if as_of in ("", "now"):
        return ""
    from live_code.tools.packages import dates

    return dates.cutoff(as_of, checkout.place, checkout.commit, store, inherited)


def _made(problem: Problem, store: Store, settings: PackageSettings) -> tuple[str, str, bool, str]:
    key = _key(problem)
    text, entry = store.text("lock", key, lambda: _resolve(problem, store, settings), f"the lock for {problem.subject}")
    return key, text, entry.cached, entry.why


def _given(name: str, problem: Problem) -> tuple[str, str, bool, str]:
    from live_code.tools.packages import given_lock

    text = given_lock.read(name, problem.root)
    given_lock.check(name, text, problem.image, problem.protection)
    return files.sha256_text(text)[:32], text, True, ""


def _key(problem: Problem) -> str:
    plain = problem._replace(root=Path(), image=problem.image.fingerprint)._asdict()  # type: ignore[arg-type]
    return files.sha256_text(repr((_SCHEMA, plain)))[:32]


def _projects(text: str) -> Iterable[str]:
    return (line[len(_PROJECT) :] for line in text.splitlines() if line.startswith(_PROJECT))


_PROJECT = "# and of this commit: "


def _resolve(problem: Problem, store: Store, settings: PackageSettings) -> str:
    """The lock's text. What only a resolution needs is loaded here: a warm start does without."""
    import tempfile

    from live_code.tools.packages import complete_lock, conflict, hashes, inputs, solution

    conflict.direct(problem.texts, problem.protection)
    pins = complete_lock.pins(problem, store, settings)
    left = complete_lock.besides(problem, pins) if pins else problem
    with tempfile.TemporaryDirectory(prefix="live-code-lock-") as folder:
        solved = _solved(left, Path(folder), store, settings) if left.chosen.inputs or left.own_needs else []
    protected = problem.protection.packages
    own = [pin for pin in solution.without(pins, problem.image.packages) if pin.name not in protected]
    added = solution.without(solved, problem.image.packages)
    given = hashes.bound(left, added, store, settings)
    local = [f"{_PROJECT}{pin.text.splitlines()[0]}\n" for pin in (*own, *added) if pin.is_local]
    entries = [f"{pin.text.rstrip()}\n" for pin in own if not pin.is_local]
    entries += [solution.entry(pin, given, "live-code's job side") for pin in added if not pin.is_local]
    formats = [f"{line}\n" for line in inputs.formats(problem.texts)]
    return "".join((_head(problem), *formats, *local, *entries))


def _solved(problem: Problem, folder: Path, store: Store, settings: PackageSettings) -> list[Pin]:
    from live_code.tools.packages import pip_resolver, solution, uv_resolver

    doing = f"resolving {problem.subject}"
    log.info(doing)
    solve = {"uv": uv_resolver.solve, "pip-tools": pip_resolver.solve}[problem.resolver]
    with log.still(doing):
        return solution.parse(solve(problem, write_files(problem, folder, store, settings), store, settings))


def _head(problem: Problem) -> str:
    image = problem.image
    lines = [f"made by live-code {__version__} for {image.implementation} {image.version} on {image.platform}"]
    if shown := problem.chosen.shown:
        lines.append(f"from: {shown}" + ("" if problem.chosen.inputs else f" ({problem.chosen.origin})"))
    if problem.cutoff:
        lines.append(f"as of: {problem.cutoff}")
    if problem.protection.packages:
        versions = (f"{name}=={version}" for name, version in problem.protection.packages.items())
        lines.append(f"kept as the image has it: {', '.join(versions)}")
    return "".join(f"# {line}\n" for line in (*lines, *problem.indexes.header()))
