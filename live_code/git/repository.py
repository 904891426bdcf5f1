"""A repository of the store: bare, shared by containers, holding complete commits without their history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from live_code.git.local import GitFailed, run
from live_code.git.url import GitUrl
from live_code.store import Store

HELD = "refs/live-code"  # commits that are whole in a repository of the store


class Repository(NamedTuple):
    """A bare repository of the store: objects of many commits, each complete one held by ``refs/live-code/<id>``."""

    path: Path

    def holds(self, commit: str) -> bool:
        """Whether the commit is there, whole. Reads one file: a fetch writes it last."""
        try:
            return (self.path / HELD / commit).read_text(encoding="ascii").strip() == commit
        except (OSError, UnicodeDecodeError):
            return False

    def create(self, env: Mapping[str, str], object_format: str = "sha1") -> None:
        """Makes it when it is not there. Raises GitFailed."""
        if not (self.path / "HEAD").exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            words = ["init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", str(self.path)]
            run(words, env=env)

    def hold(self, commit: str, env: Mapping[str, str]) -> bool:
        """Marks a commit that was fetched as whole and kept; False when it did not come."""
        inside = ["--git-dir", str(self.path)]
        try:
            run([*inside, "cat-file", "-e", f"{commit}^{{commit}}"], env=env)
        except GitFailed:
            return False
        run([*inside, "update-ref", f"{HELD}/{commit}", commit], env=env)
        return True


def find(url: GitUrl, store: Store) -> Repository:
    """The repository's place in the store; it is perhaps not there yet."""
    return Repository(store.path("git", f"{url.key}.git"))
