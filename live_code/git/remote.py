"""Speaking to git servers, through GitPython: what refs there are, and fetching commits with progress.

GitPython takes 0.2 s to load: this module is imported only when there is a remote to speak to.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from git import Git, GitCommandError, RemoteProgress
from git.cmd import handle_process_output

from live_code import log
from live_code.git.errors import NetworkError, classify
from live_code.git.url import GitUrl

ANSWER_S = 120.0  # for the list of refs
TRANSFER_S = 3600.0  # for objects; a stalled transfer ends earlier, by git's own low-speed limit
_SAY_EVERY_S = 5.0


class _Progress(RemoteProgress):
    """Says every few seconds how far a transfer is, in objects and bytes, as git counts them."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._next = time.monotonic() + _SAY_EVERY_S

    def update(
        self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str | None = ""
    ) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY_S
            log.info(f"{self._what}: {self._cur_line}")


def list_refs(url: GitUrl, patterns: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """Full ref name → id, tags also as ``<name>^{}`` → the commit they stand for. Raises SourceError."""
    said: list[str] = []
    _speak(["ls-remote", "--quiet", "--", str(url), *patterns], url, env, said.append, None, ANSWER_S)
    pairs = (line.rstrip("\n").split("\t", 1) for line in said if "\t" in line)
    return {name: commit for commit, name in pairs}


def fetch(
    url: GitUrl, refspecs: Sequence[str], repository: Path, env: Mapping[str, str], *, depth: int = 0, without: str = ""
) -> None:
    """Fetches into the bare repository. ``depth`` 0: all of the history; ``without``: a filter in git's words, which
    servers that know none ignore. Raises SourceError."""
    whole = ["--unshallow"] if (repository / "shallow").exists() else []
    words = ["--git-dir", str(repository)]
    if without:  # git takes an incomplete answer only from a remote that is configured to give it
        settings = (f"url={url}", "promisor=true", f"partialCloneFilter={without}")
        words += [word for setting in settings for word in ("-c", f"remote.origin.{setting}")]
    words += ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--force", "--no-recurse-submodules"]
    words += [f"--depth={depth}"] if depth else whole
    words += ["--", "origin" if without else str(url), *refspecs]
    _speak(words, url, env, lambda line: None, _Progress(f"fetching from {url}"), TRANSFER_S)


def _speak(
    words: Sequence[str],
    url: GitUrl,
    env: Mapping[str, str],
    hear: Callable[[str], None],
    progress: _Progress | None,
    limit_s: float,
) -> None:
    said: list[str] = []
    show = progress.new_message_handler() if progress else None

    def listen(line: str) -> None:
        said.append(line)
        if show:
            show(line)

    child = Git().execute(
        [*_without(os.environ, env), "git", *words],
        as_process=True,
        env=env,
        start_new_session=True,
        universal_newlines=True,
    )
    ended = threading.Timer(limit_s, os.killpg, (child.pid, signal.SIGKILL))
    ended.start()
    try:
        handle_process_output(child, hear, listen, decode_streams=False)
        child.wait()
    except GitCommandError as error:
        if not ended.is_alive():
            raise NetworkError(f"no end within {limit_s:g} s from {url}.", hint="Start the task again.") from error
        raise classify("".join(said), str(url)) from error
    finally:
        ended.cancel()


def _without(environ: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    """GitPython adds its variables to those of this process: what git would listen to besides ours is taken away."""
    stray = [name for name in environ if name.startswith(("GIT_", "SSH_", "LIVE_CODE_")) and name not in env]
    return ["env", *(word for name in stray for word in ("-u", name))] if stray else []
