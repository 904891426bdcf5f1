"""`insteadOf` of the system's configuration reaches git, for repositories and requirements; nothing else of it does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from live_code.tools.git import access, url
from live_code.tools.store import Store
from tests.support import variables

SYSTEM = """\
[url "https://mirror.example.com/github/"]
    insteadOf = https://github.com/
    insteadOf = "git@github.com:"
[url "ssh://git@inner.example.com/"]
    insteadOf = https://outer.example.com/
[alias]
    ls-remote = !echo an alias of the system
[credential]
    helper = "!echo password=stolen"
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "gitconfig"
    path.write_text(SYSTEM)
    return path


def addressed(environ: dict[str, str], store: Path, remote: str, of_repo: bool = False) -> tuple[str, str]:
    """The address that git would speak to, and the protocols that it may."""
    given = url.parse(remote) if of_repo else None
    with access.opened(variables.git(environ), Store(store), given) as opened:
        words = ["git", "ls-remote", "--get-url", remote]
        done = subprocess.run(words, env=dict(opened.env), capture_output=True, text=True, check=True)
        return done.stdout.strip(), opened.env["GIT_ALLOW_PROTOCOL"]


@pytest.mark.parametrize(
    ("remote", "moved"),
    [
        ("https://github.com/org/repo.git", "https://mirror.example.com/github/org/repo.git"),
        ("git@github.com:org/repo.git", "https://mirror.example.com/github/org/repo.git"),
        ("https://elsewhere.example.com/repo.git", "https://elsewhere.example.com/repo.git"),
    ],
)
def test_requirements_are_fetched_from_where_the_site_has_them(
    tmp_path: Path, system: Path, remote: str, moved: str
) -> None:
    environ = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_SYSTEM": str(system)}
    assert addressed(environ, tmp_path / "store", remote) == (moved, "https:ssh")


def test_a_repository_may_move_to_another_protocol(tmp_path: Path, system: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_SYSTEM": str(system)}
    moved = addressed(environ, tmp_path / "store", "https://outer.example.com/repo.git", of_repo=True)
    assert moved == ("ssh://git@inner.example.com/repo.git", "https:ssh")


@pytest.mark.parametrize("variables", [{"GIT_CONFIG_NOSYSTEM": "1"}, {"GIT_CONFIG_SYSTEM": "/nowhere"}])
def test_without_such_a_file_nothing_is_moved(tmp_path: Path, system: Path, variables: dict[str, str]) -> None:
    environ = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_SYSTEM": str(system), **variables}
    assert addressed(environ, tmp_path / "store", "https://github.com/a")[0] == "https://github.com/a"
