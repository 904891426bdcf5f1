"""`live-code lock`: the way from a repository or a folder to its lock, without a task."""

from __future__ import annotations

import tempfile
from pathlib import Path

from live_code.errors import ConfigError, SourceError
from live_code.stages.code import checkout, source
from live_code.stages.code.checkout import Checkout
from live_code.stages.environment import lock
from live_code.stages.environment.lock import Lock
from live_code.stages.request import hyperparameters, repo_settings
from live_code.tools import store
from live_code.tools.git import worktree
from live_code.tools.git.local import GitFailed, run
from live_code.tools.machine import interpreter
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.settings import Inherited, Settings
from live_code.values import NamedTuple


class Locked(NamedTuple):
    commit: str
    lock: Lock
    image: Interpreter


def text(request: hyperparameters.Request, python: Path | None, settings: Settings) -> str:
    """The lock that a run would make. Raises LiveCodeError."""
    folder = Path(request.git_url)
    if folder.is_dir() and not request.revision:
        return _made(_as_it_stands(folder.resolve(), settings.inherited), request, python, settings).lock.text
    with tempfile.TemporaryDirectory(prefix="live-code-") as place:
        return fetched(request, python, Path(place), settings).lock.text


def fetched(request: hyperparameters.Request, python: Path | None, place: Path, settings: Settings) -> Locked:
    """The lock of a commit, checked out in ``place`` with what that leaves in the store. Raises LiveCodeError."""
    if not request.revision:
        raise ConfigError("no revision is given.", hint="Name a commit, tag or branch after the URL.")
    cache = store.find(settings.store)
    code = checkout.make(source.resolve(request, cache, settings.git), request, cache, place, settings.git)
    return _made(code, request, python, settings)


def _made(code: Checkout, request: hyperparameters.Request, python: Path | None, settings: Settings) -> Locked:
    cache = store.find(settings.store)
    image = interpreter.inspect((python or interpreter.find(settings)).absolute(), cache, settings.inherited)
    repo = repo_settings.read(code.root)
    return Locked(code.commit, lock.make(code, request, repo, image, cache, settings.packages), image)


def _as_it_stands(folder: Path, inherited: Inherited) -> Checkout:
    """A folder of somebody's own work tree, as with ``git_subdir``, or one that git knows nothing of."""
    top = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    try:
        commit = run(["rev-parse", "HEAD"], env=worktree.environment_in(top, inherited), cwd=top).strip()
    except (GitFailed, SourceError):
        commit = ""
    return Checkout(folder, top, commit, tree="", cached=False)
