"""Looks for a planted secret: in the argv and environment of every process while something runs, and in files after."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote


def spellings(secret: str, user: str) -> set[bytes]:
    plain = {secret, quote(secret, safe="")}
    plain |= {base64.b64encode(text.encode()).decode() for text in (secret, f"{user}:{secret}")}
    return {text.encode() for text in plain}


@contextmanager
def watching(words: set[bytes]) -> Iterator[list[str]]:
    """Yields a list that fills with what was seen in any argv, and in the environment of any git, ssh or sh.

    Left out: a server's own programs, whose environment has what the client sent.
    """
    seen: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for folder in os.scandir("/proc"):
                if not folder.name.isdigit():
                    continue
                with suppress(OSError):
                    argv, environ = (Path(folder.path, name).read_bytes() for name in ("cmdline", "environ"))
                    program = os.path.basename(argv.partition(b"\0")[0])
                    ours = program.startswith((b"git", b"ssh", b"sh"))
                    if not ours or b"FCGI_ROLE=" in environ:
                        environ = b""
                    if any(word in argv + environ for word in words):
                        seen.append(f"{folder.name}: {argv!r}")
            done.wait(0.002)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def files_with(words: set[bytes], *roots: Path) -> list[str]:
    found = []
    for root in roots:
        for path in root.rglob("*"):
            with suppress(OSError):
                if path.is_file() and not path.is_symlink() and any(word in path.read_bytes() for word in words):
                    found.append(str(path))
    return found
