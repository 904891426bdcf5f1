"""giftless, a git LFS server, on loopback; https.py puts it behind TLS and basic auth."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.servers import ports

_CONFIG = """\
LEGACY_ENDPOINTS: false
TRANSFER_ADAPTERS:
  basic:
    factory: giftless.transfer.basic_streaming:factory
    options: {{storage_class: "giftless.storage.local_storage:LocalStorage", storage_options: {{path: {root}/objects}}}}
PRE_AUTHORIZED_ACTION_PROVIDER:
  factory: giftless.auth.jwt:factory
  options: {{algorithm: HS256, private_key: only-for-tests}}
MIDDLEWARE:
  - class: werkzeug.middleware.proxy_fix:ProxyFix
    kwargs: {{x_proto: 1, x_host: 0}}
"""


class Server(NamedTuple):
    port: int
    root: Path

    def add(self, repo: str, content: bytes) -> str:
        """Keeps an object for a repository; returns the text of the pointer that stands for it."""
        oid = hashlib.sha256(content).hexdigest()
        for area in ("open", "private"):
            path = self.kept_at(f"{area}/{repo}", oid)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return pointer(content)

    def kept_at(self, repo: str, oid: str) -> Path:
        return self.root / "objects" / repo / oid


def pointer(content: bytes) -> str:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"


@contextmanager
def running(root: Path) -> Iterator[Server]:
    """Installs it into ``root`` from the package index, and runs it."""
    root.mkdir(parents=True)
    python = root / "venv/bin/python"
    uv = [str(Path(sys.executable).with_name("uv")), "--no-config", "--quiet"]
    subprocess.run([*uv, "venv", str(root / "venv")], check=True)
    wanted = str(Path(__file__).with_name("lfs-requirements.txt"))
    subprocess.run([*uv, "pip", "install", "--python", str(python), "--no-deps", "-r", wanted], check=True)
    (root / "config.yaml").write_text(_CONFIG.format(root=root))
    server = Server(ports.free(), root)
    words = [str(python), "-m", "gunicorn", "-b", f"127.0.0.1:{server.port}", "giftless.wsgi_entrypoint:app"]
    env = {"PATH": os.environ["PATH"], "GIFTLESS_CONFIG_FILE": str(root / "config.yaml"), "HOME": str(root)}
    process = subprocess.Popen(words, cwd=root, env=env, stderr=(root / "log").open("wb"))
    try:
        ports.wait_for(server.port, process, 20)
        yield server
    finally:
        ports.stop(process)
