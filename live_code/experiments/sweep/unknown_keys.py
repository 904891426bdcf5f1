"""Hyper-parameters of a sweep that nothing knows: most likely mistyped, and without any effect."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from live_code.errors import LiveCodeError, nearest
from live_code.experiments.sweep import node
from live_code.experiments.sweep.definition import Sweep
from live_code.stages.code import source
from live_code.stages.request import hyperparameters, repo_settings, task_config
from live_code.tools import store
from live_code.tools.files.yamlfile import read_mapping
from live_code.tools.git import fetch, local, repository
from live_code.tools.git.repository import Repository
from live_code.tools.git.url import without_page
from live_code.tools.settings import GitSettings, Settings
from live_code.tools.store import Store


def warnings(sweep: Sweep, settings: Settings, *, fetch_all: bool = False) -> tuple[str, ...]:
    """A line for each. The first and the last commit are read only when the task does not know a key. ``fetch_all``:
    this machine is about to run them, so it fetches all of them at once."""
    spec, base = sweep.spec, sweep.base
    keys = dict.fromkeys((*spec.fixed, *spec.matrix, *(key for row in spec.include for key in row)))
    keys |= dict.fromkeys(spec.search.space if spec.search else ())
    known = {*base.config, *hyperparameters.Request._fields, *task_config.PLATFORM_KEYS}
    if not set(keys) - known:
        return ()
    try:
        known |= set(_of_commits(sweep, store.find(settings.store), settings.git, fetch_all))
    except (LiveCodeError, local.GitFailed, OSError):
        return ()  # the runs will report what is wrong with the commits
    return tuple(_line(key, known) for key in keys if key not in known)


def _line(key: str, known: set[str]) -> str:
    close = nearest(key, sorted(known))
    meant = f"; is it {close}?" if close else ""
    return f"{key} is neither in the task's config.yaml nor in the code_config of the commits{meant}"


def _of_commits(sweep: Sweep, cache: Store, settings: GitSettings, fetch_all: bool) -> Iterator[str]:
    """The keys of the ``code_config`` of the first and the last commit, which the runs need anyhow."""
    url = source.read_url(without_page(sweep.base.git_url)[0], settings)
    commits = sweep.plan.commits
    ends = tuple(dict.fromkeys((commits[0], commits[-1])))
    fetch.ensure_all(url, commits if fetch_all and len(commits) <= node.TOGETHER else ends, cache, settings)
    with tempfile.TemporaryDirectory(prefix="live-code-git-") as home:
        repos = {commit: repository.holding(url, commit, cache) for commit in ends}
        local.write_settings(Path(home), {repo.path for repo in repos.values()})
        env = local.environment(settings.inherited, Path(home))
        for commit, repo in repos.items():
            if repo.holds(commit):
                yield from _keys(repo, commit, sweep, env, Path(home))


def _keys(repo: Repository, commit: str, sweep: Sweep, env: Mapping[str, str], place: Path) -> Iterator[str]:
    given = {**sweep.base.config, **sweep.spec.fixed}
    folder = str(given.get("git_subdir") or "")

    def read(name: str) -> dict[str, Any]:
        words = ["--git-dir", str(repo.path), "cat-file", "blob", f"{commit}:{posixpath.join(folder, name)}"]
        (place / "file.yaml").write_text(local.run(words, env=env), encoding="utf-8")
        return read_mapping(place / "file.yaml", hint="")

    name = given.get("code_config")
    if not name:
        try:
            name = read(repo_settings.REPO_FILE).get("code_config")
        except local.GitFailed:  # a repo need not have one
            return
    if name:
        yield from read(posixpath.normpath(str(name)))
