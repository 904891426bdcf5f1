"""Real git repositories to test with, each commit the same in every run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

SERVERS = Path(__file__).parents[3] / "scripts" / "install-test-servers"
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_ALLOW_PROTOCOL": "file",
}


class Repo:
    """A repository with a work tree at ``path``."""

    def __init__(self, path: Path, object_format: str = "sha1") -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")
        for key in ("allowFilter", "allowAnySHA1InWant"):
            self.git("config", f"uploadpack.{key}", "true")

    def git(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=ENV, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, contents: Mapping[str, str], message: str = "Change") -> str:
        """Writes the files, commits all, and returns the commit's id."""
        for name, text in contents.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    @classmethod
    def large(cls, root: Path) -> Repo:
        """One below ``root`` that takes a while to fetch; the servers that may give it out are installed."""
        subprocess.run([SERVERS], check=True)
        made = cls(root / "detector.git")
        made.commit({"start.py": "print(1)", "weights.txt": "\n".join(str(n * 7919 % 10007) for n in range(60000))})
        return made

    @property
    def url(self) -> str:
        return f"file://{self.path}"
