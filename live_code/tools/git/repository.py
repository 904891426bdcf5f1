"""A repository of the store: bare, shared by containers, holding complete commits without their history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.tools import files
from live_code.tools.git.local import GitFailed, run
from live_code.tools.git.url import GitUrl
from live_code.tools.store import Store
from live_code.values import NamedTuple

HELD = "refs/live-code"  # commits that are whole in a repository of the store
HOME = "live-code"  # the folder in a repository that is git's home, and where what was read of its commits is kept
# Git's own limits: more packs, or more of 256 folders of single objects than these, are worth being put together.
_PACKS, _LOOSE = 50, 27


class Repository(NamedTuple):
    """A bare repository of the store: objects of many commits, each complete one held by ``refs/live-code/<id>``."""

    path: Path

    def holds(self, commit: str) -> bool:
        """Whether the commit is there, whole. Reads one file: a fetch writes it last."""
        try:
            return (self.path / HELD / commit).read_text(encoding="utf-8").strip() == commit
        except (OSError, UnicodeDecodeError):
            return False

    def create(self, env: Mapping[str, str], object_format: str = "sha1") -> None:
        """Makes it, or what a killed process left out of it. Raises GitFailed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        run(["init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", str(self.path)], env=env)

    def sweep(self) -> None:
        """Removes what killed processes left: lock files, half packs, marks cut off by a power failure.

        Only for who holds the repository's lock: git's own lock files are then no one's.
        """
        held = self.path / HELD
        left = [*self.path.glob("*.lock"), *held.glob("*.lock"), *self.path.glob("objects/pack/tmp_*")]
        left += [*self.path.glob("objects/pack/*.keep"), *self.path.glob("objects/tmp_*")]
        left += self.path.glob("objects/pack/.tmp-*")
        left += [mark for mark in held.glob("*") if not mark.name.endswith(".lock") and not self.holds(mark.name)]
        for path in left:
            files.remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def packs(self) -> int:
        return len(list(self.path.glob("objects/pack/*.pack")))

    def is_scattered(self) -> bool:
        """Whether its objects lie in so many files that finding one takes time: each fetch leaves some."""
        return self.packs() > _PACKS or len(list(self.path.glob("objects/17/*"))) > _LOOSE

    def pack(self, env: Mapping[str, str]) -> None:
        """Puts all objects of what is kept into one file. Slow; takes as much room again. Raises GitFailed."""
        large = "core.bigFileThreshold=4m"  # what is larger is kept as it is: such files hardly resemble each other
        words = ["-c", large, "--git-dir", str(self.path), "repack", "-a", "-d", "--quiet", "--window-memory=256m"]
        run(words, env=env)

    def has_objects(self) -> bool:
        """False for what lies beside the commits of another layer: LFS objects, what was read of them."""
        return (self.path / HELD).exists() or (self.path / "objects").exists()

    def damage(self, env: Mapping[str, str]) -> str:
        """What is wrong with its objects, in git's words; '' when nothing is. Reads every object: slow."""
        try:
            run(["--git-dir", str(self.path), "fsck", "--full", "--no-dangling", "--no-progress"], env=env)
        except GitFailed as error:
            return str(error)
        return ""

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
    """The repository of the store's top layer, where commits are fetched to; it is perhaps not there yet."""
    return Repository(store.path("git", name(url)))


def holding(url: GitUrl, commit: str, store: Store) -> Repository:
    """The repository of the first layer that holds the commit whole; that of the top layer when none does."""
    return below(url, commit, store) or find(url, store)


def below(url: GitUrl, commit: str, store: Store) -> Repository | None:
    """The repository of the first read-only layer that holds the commit whole."""
    return store.read_below("git", name(url), lambda path: _if_held(Repository(path), commit))


def places(url: GitUrl, store: Store) -> list[Path]:
    """Where the layers have the repository, or would."""
    return list(store.places("git", name(url)))


def home(repo: Repository, store: Store) -> Path:
    """git's home for the repository: its own; the top layer's, when a read-only layer has none with our settings."""
    if repo.path.parent == store.path("git") or (repo.path / HOME / ".gitconfig").exists():
        return repo.path / HOME
    return store.path("git", repo.path.name) / HOME


def name(url: GitUrl) -> str:
    return f"{url.key}.git"


def _if_held(repo: Repository, commit: str) -> Repository | None:
    return repo if repo.holds(commit) else None
