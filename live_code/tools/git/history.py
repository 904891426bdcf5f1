"""A repository's commits without their files, in a passing copy: what ranges, short ids and logs are read from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from live_code.tools.git import access, local, remote
from live_code.tools.git.repository import Repository
from live_code.tools.git.url import GitUrl
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

HEAD = "HEAD"


class History(NamedTuple):
    """All branches and tags under their own names. ``env``: what git is given there."""

    path: Path
    env: Mapping[str, str]

    def git(self, *words: str) -> str:
        """Raises GitFailed."""
        return local.run(["--git-dir", str(self.path), *words], env=self.env)


@contextmanager
def fetched(url: GitUrl, store: Store, settings: GitSettings) -> Iterator[History]:
    """For the time of the block. Files are left out when the server can leave them out. Raises SourceError."""
    with tempfile.TemporaryDirectory(prefix="live-code-history-") as folder:
        path = Path(folder, "history.git")
        with access.opened(settings, store, url, path) as opened:
            refs = remote.list_refs(url, [], opened)
            sha256 = any(len(commit) == 64 for commit in refs.values())
            Repository(path).create(opened.env, "sha256" if sha256 else "sha1")
            remote.fetch(url, ["+refs/*:refs/*"], path, opened, without="tree:0")
            made = History(path, opened.env)
            if HEAD in refs:
                made.git("update-ref", "--no-deref", HEAD, refs[HEAD])
            yield made
