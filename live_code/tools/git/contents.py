"""What a commit holds that needs more than writing its files: submodules, LFS pointers, links. Read once per commit."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from live_code.tools import files
from live_code.tools.git import local, repository
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.local import GitFailed
from live_code.tools.git.repository import HOME, Repository
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple

_VERSION = 2
_POINTER = (  # compiled when there are files to hold against it
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_POINTER_BYTES = range(100, 1025)  # what git-lfs itself takes for one at most


class Submodule(NamedTuple):
    """A folder that is another repository's commit. ``url``: as .gitmodules has it, '' when it does not name it."""

    path: str
    url: str
    commit: str


class Pointer(NamedTuple):
    """A file whose content lies on an LFS server: its SHA-256 and size in bytes."""

    path: str
    oid: str
    size: int


class Contents(NamedTuple):
    """``commit``: what the id that was asked for leads to, itself unless that is a tag's; ``tree``: its tree's id.
    ``bytes``: of all files, LFS contents included. ``links``: the paths of symbolic links."""

    commit: str
    tree: str
    bytes: int
    links: tuple[str, ...]
    submodules: tuple[Submodule, ...]
    pointers: tuple[Pointer, ...]

    def within(self, folder: str) -> Contents:
        """What lies in the folder or beside it at the top; '' is all. ``bytes`` stays."""
        if not folder:
            return self

        def stays(path: str) -> bool:
            return "/" not in path or path.startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/")

        return self._replace(
            links=tuple(path for path in self.links if stays(path)),
            submodules=tuple(
                submodule
                for submodule in self.submodules
                if stays(submodule.path) or folder.startswith(f"{submodule.path}/")
            ),
            pointers=tuple(pointer for pointer in self.pointers if stays(pointer.path)),
        )


class _File(NamedTuple):
    mode: str
    oid: str
    size: int
    path: str


def read(wanted: Wanted, store: Store, settings: GitSettings) -> Contents:
    """The contents of a commit that is in the store; from a small file of any layer when they were read before.

    Raises GitFailed.
    """
    places, name = repository.places(wanted.url, store), f"{wanted.commit}.json"
    for place in places:
        if (known := _known(place / HOME / name)) is not None:
            return known
    repo = repository.holding(wanted.url, wanted.commit, store)
    own = repository.find(wanted.url, store).path / HOME
    with suppress(OSError), store.shared():  # it may be read-only here
        local.write_settings(own, places)
    contents = _read(repo, wanted.commit, local.environment(settings.inherited, repository.home(repo, store)))
    with suppress(OSError), store.shared():
        files.write_json(own / name, {"version": _VERSION, **contents._asdict()})
    return contents


def _known(file: Path) -> Contents | None:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if value.get("version") != _VERSION:
        return None
    submodules = tuple(Submodule(*fields) for fields in value["submodules"])
    pointers = tuple(Pointer(*fields) for fields in value["pointers"])
    return Contents(value["commit"], value["tree"], value["bytes"], tuple(value["links"]), submodules, pointers)


def _read(repo: Repository, commit: str, env: Mapping[str, str]) -> Contents:
    words = ["--git-dir", str(repo.path), "rev-parse", f"{commit}^{{commit}}", f"{commit}^{{tree}}"]
    peeled, root = local.run(words, env=env).split()
    tree = list(_files(repo, commit, env))
    pointers = _pointers(repo, tree, env)
    return Contents(
        peeled,
        root,
        sum(file.size for file in tree) + sum(pointer.size for pointer in pointers),
        tuple(file.path for file in tree if file.mode == "120000"),
        _submodules(repo, commit, tree, env),
        pointers,
    )


def _files(repo: Repository, commit: str, env: Mapping[str, str]) -> Iterator[_File]:
    listing = _bytes_of(repo, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit], env)
    for entry in listing.split(b"\0")[:-1]:
        head, path = entry.split(b"\t", 1)
        mode, _, oid, size = head.decode("ascii").split()
        yield _File(mode, oid, int(size) if size.isdigit() else 0, os.fsdecode(path))


def _submodules(repo: Repository, commit: str, tree: Iterable[_File], env: Mapping[str, str]) -> tuple[Submodule, ...]:
    folders = [file for file in tree if file.mode == "160000"]
    if not folders:
        return ()
    urls = _gitmodules(repo, commit, env)
    return tuple(Submodule(file.path, urls.get(file.path, ""), file.oid) for file in folders)


def _gitmodules(repo: Repository, commit: str, env: Mapping[str, str]) -> dict[str, str]:
    """Path → URL. Of all that a .gitmodules file may say, nothing else is read."""
    try:
        listing = _bytes_of(repo, ["config", "--blob", f"{commit}:.gitmodules", "--list", "-z"], env)
    except GitFailed:
        return {}
    sections: dict[str, dict[str, str]] = {}
    for entry in listing.split(b"\0")[:-1]:
        key, _, value = os.fsdecode(entry).partition("\n")
        if key.startswith("submodule.") and key.count(".") >= 2:
            name, _, field = key.removeprefix("submodule.").rpartition(".")
            sections.setdefault(name, {})[field] = value
    return {section["path"].rstrip("/"): section.get("url", "") for section in sections.values() if "path" in section}


def _pointers(repo: Repository, tree: Iterable[_File], env: Mapping[str, str]) -> tuple[Pointer, ...]:
    blobs = [file for file in tree if file.mode in ("100644", "100755")]
    attributes = [file for file in blobs if os.path.basename(file.path) == ".gitattributes"]  # noqa: PTH119
    if not any(b"filter=lfs" in content for content in _contents(repo, attributes, env)):
        return ()
    small = [file for file in blobs if file.size in _POINTER_BYTES]
    matches = zip(small, (re.fullmatch(_POINTER, content) for content in _contents(repo, small, env)), strict=True)
    return tuple(Pointer(file.path, match[1].decode(), int(match[2])) for file, match in matches if match)


def _contents(repo: Repository, blobs: list[_File], env: Mapping[str, str]) -> Iterator[bytes]:
    if not blobs:
        return
    output = _bytes_of(repo, ["cat-file", "--batch"], env, "".join(f"{file.oid}\n" for file in blobs))
    position = 0
    for file in blobs:
        start = output.index(b"\n", position) + 1
        yield output[start : start + file.size]
        position = start + file.size + 1


def _bytes_of(repo: Repository, words: list[str], env: Mapping[str, str], stdin: str | None = None) -> bytes:
    return local.run(["--git-dir", str(repo.path), *words], env=env, stdin=stdin, encoding="latin-1").encode("latin-1")
