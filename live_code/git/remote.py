"""Speaking to git servers, through GitPython: what refs there are, and fetching commits with progress.

GitPython takes 0.2 s to load: this module is imported only when there is a remote to speak to.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from git import Git, GitCommandError, RemoteProgress
from git.cmd import handle_process_output

from live_code import log
from live_code.git.access import Access
from live_code.git.errors import NetworkError, NotFoundError, classify
from live_code.git.retry import retried
from live_code.git.url import GitUrl

ANSWER_S = 120.0  # for the list of refs
TRANSFER_S = 3600.0  # for objects; a stalled transfer ends earlier, by git's own low-speed limit
_SAY_EVERY_S = 5.0
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_Result = TypeVar("_Result")


class _Progress(RemoteProgress):
    """Says every few seconds how far a transfer is, in objects and bytes, as git counts them."""

    def __init__(self, what: str, access: Access) -> None:
        super().__init__()
        self._what = what
        self._access = access
        self._next = time.monotonic() + _SAY_EVERY_S

    def update(
        self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str | None = ""
    ) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY_S
            log.info(self._access.hide(f"{self._what}: {self._cur_line}"))


def list_refs(url: GitUrl, patterns: Sequence[str], access: Access) -> dict[str, str]:
    """Full ref name → id, tags also as ``<name>^{}`` → the commit they stand for. Raises SourceError."""

    def ask(url: GitUrl) -> dict[str, str]:
        said: list[str] = []
        _speak(["ls-remote", "--quiet", "--", str(url), *patterns], url, access, said.append, None, ANSWER_S)
        pairs = (line.rstrip("\n").split("\t", 1) for line in said if "\t" in line)
        return {name: commit for commit, name in pairs}

    return _with_either_name(url, lambda url: retried(lambda: ask(url), access.retry_s))


def fetch(
    url: GitUrl,
    refspecs: Sequence[str],
    repository: Path,
    access: Access,
    *,
    depth: int = 0,
    without: str = "",
    lock: int | None = None,
) -> None:
    """Fetches into the bare repository. ``depth`` 0: all of the history; ``without``: a filter in git's words, which
    servers that know none ignore; ``lock``: a file that git keeps open to its end. Raises SourceError."""

    def bring(url: GitUrl) -> None:
        words = ["--git-dir", str(repository), *_fetch_words(url, repository, depth, without), *refspecs]
        _speak(words, url, access, lambda line: None, _Progress(f"fetching from {url}", access), TRANSFER_S, lock)

    _with_either_name(url, lambda url: retried(lambda: bring(url), access.retry_s))


def _fetch_words(url: GitUrl, repository: Path, depth: int, without: str) -> list[str]:
    words = []
    if without:  # git takes an incomplete answer only from a remote that is configured to give it
        settings = (f"url={url}", "promisor=true", f"partialCloneFilter={without}")
        words += [word for setting in settings for word in ("-c", f"remote.origin.{setting}")]
    words += ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--force", "--no-recurse-submodules"]
    if depth:
        words.append(f"--depth={depth}")
    elif (repository / "shallow").exists():
        words.append("--unshallow")
    return [*words, "--", "origin" if without else str(url)]


def _with_either_name(url: GitUrl, action: Callable[[GitUrl], _Result]) -> _Result:
    """The action for the address, or for the one with ".git" put on or taken off: hosts differ in which they know."""
    try:
        return action(url)
    except NotFoundError:
        try:
            return action(url.with_other_ending())
        except NotFoundError:
            pass
        raise


def _speak(
    words: Sequence[str],
    url: GitUrl,
    access: Access,
    hear: Callable[[str], None],
    progress: _Progress | None,
    limit_s: float,
    lock: int | None = None,
) -> None:
    said: list[str] = []
    show = progress.new_message_handler() if progress else None

    def listen(line: str) -> None:
        line = _CONTROL.sub("?", line)  # a server's words may move a terminal's cursor
        said.append(line)
        if show:
            show(line)

    child = Git().execute(
        [*_without(os.environ, access.env), "git", *words],
        as_process=True,
        env=access.env,
        start_new_session=True,
        universal_newlines=True,
        pass_fds=() if lock is None else (lock,),
    )
    limit = threading.Timer(limit_s, os.killpg, (child.pid, signal.SIGKILL))
    limit.start()
    try:
        handle_process_output(child, hear, listen, decode_streams=False)
        child.wait()
    except GitCommandError:  # its text is git's own, which may repeat a secret: it is not passed on
        if limit.finished.is_set():
            raise NetworkError(f"no end within {limit_s:g} s from {url}.", hint="Start the task again.") from None
        raise classify(access.hide("".join(said)), str(url)) from None
    except BaseException:  # a signal to stop: git and what it started go first
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise
    finally:
        limit.cancel()


def _without(environ: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    """GitPython adds its variables to those of this process: what git would listen to besides ours is taken away."""
    stray = [name for name in environ if name.startswith(("GIT_", "SSH_", "LIVE_CODE_")) and name not in env]
    return ["env", *(word for name in stray for word in ("-u", name))] if stray else []
