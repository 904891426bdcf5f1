"""Requirements → a lock: every package that the job adds to the image, with its exact version and its hashes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from live_code.errors import StoreError
from live_code.stages.code.checkout import Checkout
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import CLASSIC_ENTRYPOINTS, RepoSettings
from live_code.tools import files
from live_code.tools.git import worktree
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import framework, index, requirements
from live_code.tools.packages.framework import Protection
from live_code.tools.packages.problem import AS_OF, PROJECT, Problem, own_texts, reads_repo
from live_code.tools.settings import Inherited, PackageSettings
from live_code.tools.store import Store
from live_code.tools.terminal import log
from live_code.values import NamedTuple

# What the job's side needs of the job's interpreter; the repo's own wishes for them are heard first.
OWN_NEEDS = {"pyyaml": "PyYAML", "easydict": "EasyDict"}
_SCHEMA = 4
_NO_COMMIT = "no commit"


class Projects(NamedTuple):
    """Projects and wheels of the repo itself that belong to the environment, as a requirements file names them.

    ``place``: the work tree, ``root`` the folder in it that paths are seen from; ``content``: which commit's it is.
    """

    place: Path
    root: Path
    content: str
    lines: tuple[str, ...] = ()


class Lock(NamedTuple):
    """``text`` is in pip-tools' format. ``requirements``: the files it came from, '' when the repo has none.

    ``cached``: nothing had to be resolved; ``why``: what made it necessary. ``protection``: what it was resolved
    around; ``overridden``: what of it the task gave up by ``allow_framework_override``. ``cutoff``: as of when, for
    what is built, too; '' for now. ``settings``: the container's,
    with the logins of the requirements' own indexes.
    """

    key: str
    text: str
    requirements: str
    cached: bool
    why: str
    projects: Projects
    indexes: index.Indexes
    settings: PackageSettings
    protection: Protection
    overridden: Protection
    cutoff: str = ""


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
    asked = (request.requirements, repo.requirements)
    own = scripts(checkout.root, request, repo)
    chosen = requirements.choose(checkout.root, *asked, scripts=own, around=around)
    given = request.lock or settings.lock
    if not chosen.shown and not given and (passed_over := requirements.passed_over(checkout.root)):
        log.warning(
            f"{passed_over} is not installed, for nobody asks for it: "
            f"write requirements: {passed_over} into live-code.yaml, if the job needs it"
        )
    texts = requirements.closure(checkout.root, chosen, around)
    settings = index.with_logins(settings, (*texts, *own_texts(request.extra_requirements, request.constraints)))
    problem = _problem(checkout, request, chosen, texts, image, store, settings)
    key, text, cached, why = _given(given, problem) if given else _made(problem, store, settings)
    return Lock(
        key=key,
        text=text,
        requirements=given or chosen.shown,
        cached=cached,
        why=why,
        projects=Projects(checkout.place, checkout.root, _commit_content(checkout), tuple(_projects(text))),
        indexes=_for_installing(index.of_lock(text, problem.indexes) if given else problem.indexes, problem.texts),
        settings=settings,
        protection=problem.protection,
        overridden=framework.protection(image, settings) if request.allow_framework_override else Protection(),
        cutoff=_cutoff_of(text) if given else problem.cutoff,
    )


def _problem(
    checkout: Checkout,
    request: Request,
    chosen: requirements.Chosen,
    texts: tuple[requirements.Text, ...],
    image: Interpreter,
    store: Store,
    settings: PackageSettings,
) -> Problem:
    """All that the lock depends on. No login of a URL stands in it: ``settings`` has those."""
    named = (*texts, *own_texts(request.extra_requirements, request.constraints))
    problem = Problem(
        root=checkout.root,
        place=checkout.place,
        chosen=chosen,
        texts=tuple(
            text._replace(text=index.without_logins(text.text, settings)) if requirements.is_list(text.name) else text
            for text in texts
        ),
        content="",
        own_needs=tuple(name for key, name in OWN_NEEDS.items() if key not in image.packages),
        image=image,
        protection=Protection() if request.allow_framework_override else framework.protection(image, settings),
        indexes=index.choose(request.pypi_mirror, request.extra_index_url, named, settings),
        cutoff=_cutoff(request.resolve_as_of, checkout, store, settings.inherited),
        resolver=request.resolver,
        constraints=index.without_logins(request.constraints, settings),
        extra=index.without_logins(request.extra_requirements, settings),
    )
    return problem._replace(content=_content(checkout, problem))


def as_pylock(locked: Lock, image: Interpreter, store: Store) -> str:
    """The lock as PEP 751 has it, '' for none. It is for others to read: made beside the job, and kept in the store."""

    def make() -> str:
        from live_code.tools.packages import pylock

        return pylock.text(locked.text, image, locked.indexes, locked.projects.root, store, locked.settings)

    try:
        return store.text("pylock", files.sha256_text(locked.text)[:32], make, "the lock as pylock.toml")[0]
    except StoreError:  # a read-only store that has the lock is enough for a run
        return ""


def _for_installing(indexes: index.Indexes, texts: tuple[requirements.Text, ...]) -> index.Indexes:
    further = tuple(url for url in index.of_sources(texts) if url not in (indexes.default, *indexes.extra))
    return indexes._replace(extra=(*indexes.extra, *further)) if further else indexes


def _content(checkout: Checkout, problem: Problem) -> str:
    """What of the checkout a resolution depends on besides the texts; '' for nothing."""
    if not problem.all_texts or not reads_repo(problem.chosen, problem.all_texts, problem.resolver):
        return ""
    return checkout.content or _NO_COMMIT


def _commit_content(checkout: Checkout) -> str:
    """A build may ask git for the commit, to make a version of it."""
    return f"{checkout.commit} {checkout.content}"


def scripts(root: Path, request: Request, repo: RepoSettings) -> tuple[str, ...]:
    """The scripts that are started and that name their requirements themselves (PEP 723)."""
    own = request.entrypoint if isinstance(request.entrypoint, Mapping) else {"": request.entrypoint}
    named = tuple(filter(None, own.values())) or tuple(repo.entrypoint.values())
    commands = named or next(((name,) for name in CLASSIC_ENTRYPOINTS if (root / name).is_file()), ())
    return requirements.scripts(commands, root)


def _cutoff(as_of: str, checkout: Checkout, store: Store, inherited: Inherited) -> str:
    """As of when to resolve, in RFC 3339; '' for now, which most tasks want."""
    if as_of in ("", "now"):
        return ""
    from live_code.tools.packages import dates

    return dates.cutoff(as_of, checkout.place, checkout.commit, store, inherited)


def _made(problem: Problem, store: Store, settings: PackageSettings) -> tuple[str, str, bool, str]:
    key = _key(problem, store, settings)
    if problem.content == _NO_COMMIT:
        return key, _resolve(problem, store, settings), False, "it depends on files that are no commit's"
    text, entry = store.text("lock", key, lambda: _resolve(problem, store, settings), f"the lock for {problem.subject}")
    return key, text, entry.cached, entry.why


def _resolve(problem: Problem, store: Store, settings: PackageSettings) -> str:
    from live_code.tools.packages import resolution  # a warm start does without it

    return resolution.text(problem, store, settings)


def _given(name: str, problem: Problem) -> tuple[str, str, bool, str]:
    from live_code.tools.packages.forms import given_lock

    text = given_lock.read(name, problem.root)
    given_lock.check(name, text, problem.image, problem.protection)
    return files.sha256_text(text)[:32], text, True, ""


def _key(problem: Problem, store: Store, settings: PackageSettings) -> str:
    # Where the image and the checkout lie does not matter, what they are does.
    plain = problem._replace(root=Path(), place=Path(), image=problem.image.content)._asdict()  # type: ignore[arg-type]
    return files.sha256_text(repr((_SCHEMA, _resolver_version(problem, store, settings), plain)))[:32]


def _resolver_version(problem: Problem, store: Store, settings: PackageSettings) -> str:
    if problem.resolver == "uv":  # without a process: which one is installed beside us
        folders = [folder for folder in sys.path if folder.endswith("-packages") and Path(folder).is_dir()]
        names = (name for folder in folders for name in os.listdir(folder))  # noqa: PTH208 - names are all that counts
        return next((name for name in names if name.startswith("uv-") and name.endswith(".dist-info")), "")
    from live_code.tools.packages import pip_resolver

    return pip_resolver.version(problem.image, store, settings)


def _projects(text: str) -> Iterable[str]:
    return (line[len(PROJECT) + 2 :] for line in text.splitlines() if line.startswith(f"# {PROJECT}"))


def _cutoff_of(text: str) -> str:
    """The date that a lock's head names, '' for none."""
    return next((line[len(AS_OF) + 2 :] for line in text.splitlines() if line.startswith(f"# {AS_OF}")), "")
