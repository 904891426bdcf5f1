"""Speaking to git servers: what refs there are, and fetching commits. Imported only when there is one to speak to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from live_code.errors import NetworkError, NotFoundError
from live_code.tools.git import credentials
from live_code.tools.git.access import Access
from live_code.tools.git.failures import classify
from live_code.tools.git.retry import retried
from live_code.tools.git.url import GitUrl

ANSWER_S = 120.0  # for the list of refs
TRANSFER_S = 3600.0  # for objects; a stalled transfer ends earlier, by git's own low-speed limit
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_Result = TypeVar("_Result")


def list_refs(url: GitUrl, patterns: Sequence[str], access: Access) -> dict[str, str]:
    """Full ref name → id, tags also as ``<name>^{}`` → the commit they stand for. Raises SourceError."""

    def ask(url: GitUrl) -> dict[str, str]:
        listing = _speak(["ls-remote", "--quiet", "--", str(url), *patterns], url, access, ANSWER_S)
        pairs = (line.split("\t", 1) for line in listing.splitlines() if "\t" in line)
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
        _speak(words, url, access, TRANSFER_S, lock)

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


def _speak(words: Sequence[str], url: GitUrl, access: Access, limit_s: float, lock: int | None = None) -> str:
    """Runs a git command that speaks to the remote; its answer. ``lock``: a file it keeps open. Raises SourceError."""
    child = subprocess.Popen(
        ["git", *words],
        env=access.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=() if lock is None else (lock,),
        encoding="utf-8",
        errors="replace",
    )
    limit = threading.Timer(limit_s, _kill, (child,))
    limit.start()
    try:
        from live_code.tools.git import progress

        answer, errors = progress.follow(child, f"speaking to {url}", lambda line: _clean(line, access))
        late = limit.finished.is_set()
    except BaseException:  # a signal to stop: git and what it started go first
        _kill(child)
        child.wait()
        raise
    finally:
        limit.cancel()
    if child.returncode == 0:
        return answer
    if late:
        raise NetworkError(f"no end within {limit_s:g} s from {url}.", hint="Start the task again.")
    raise classify(
        errors, str(url), bool(url.scheme == "ssh" or credentials.of(access.credentials, url.scheme, _host(url)))
    )


def _host(url: GitUrl) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host


def _clean(line: str, access: Access) -> str:
    """A server's words: they may hold what it was given, and signs that move a terminal's cursor."""
    return _CONTROL.sub("?", access.hide(line))


def _kill(child: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
