"""Small things that are done to files: atomic writes, whole-folder removal, hashes, names that stay inside a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from live_code.errors import ConfigError
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
    from typing import Any
else:
    try:  # as Python's own `random` does: hashlib loads OpenSSL, which takes 3 ms and is only faster for long texts
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # before Python 3.12
        except ImportError:
            from hashlib import sha256


def write_text(path: Path, text: str) -> None:
    """Replaces ``path`` at once, making its folder when it is missing. Raises OSError; the old file is then whole.

    What UTF-8 has not (half of a pair of surrogates, a byte of a file's name that is no text) stands as its escape,
    which JSON and YAML know: nothing that a stranger wrote keeps a file from being written.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; takes its place when the block ends well, is removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def stamp(path: Path) -> tuple[int, ...]:
    """What changes whenever the file is written, with whatever contents; () when there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def remove_tree(path: Path) -> None:
    """Removes a folder, also when it is not there or holds read-only folders. Raises OSError when it can't."""
    import shutil

    def allow_and_retry(function: Any, failed: str, _: Any) -> None:
        if not os.path.lexists(failed):
            return
        os.chmod(os.path.dirname(failed), 0o700)  # noqa: PTH101, PTH120 - shutil hands plain strings
        function(failed)

    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path, onerror=allow_and_retry)


def sha256_text(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """The hash of a file's bytes, read in pieces of 1 MiB. Raises OSError."""
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def names(root: Path) -> Iterator[str]:
    """The files below a work tree, relative to it, but for git's own."""
    for place, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - {".git"})
        folder = os.path.relpath(place, root)
        yield from (os.path.normpath(os.path.join(folder, name)) for name in sorted(files) if name != ".git")  # noqa: PTH118


def inside(root: Path, name: str, subject: str) -> Path:
    """The file ``name`` below ``root``; a name or link that leaves it is refused. ``subject``: what the file is.

    Raises ConfigError.
    """
    real_root = root.resolve()
    path = (real_root / name).resolve()
    if PurePosixPath(name).is_absolute() or not path.is_relative_to(real_root):
        raise ConfigError(f"{subject} {name!r} leaves the repo.", hint="Name a path relative to the repo's root.")
    return path
