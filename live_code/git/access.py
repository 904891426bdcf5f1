"""What git is given to speak to one remote: a private folder with its settings, and an environment of our making."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from live_code.git import local
from live_code.git.url import GitUrl

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TRANSPORT = """\
[http]
\tfollowRedirects = initial
\tlowSpeedLimit = 1000
\tlowSpeedTime = 60
[protocol]
\tversion = 2
"""


@contextmanager
def opened(url: GitUrl, environ: Mapping[str, str], repository: Path | None = None) -> Iterator[dict[str, str]]:
    """The variables for git commands that speak to ``url``, and fetch into ``repository``; gone after the block."""
    with tempfile.TemporaryDirectory(prefix="live-code-git-") as folder:
        home = Path(folder)
        safe = [repository] if repository else []
        if url.scheme == "file":
            safe += [Path(url.path), Path(url.path, ".git")]
        local.write_settings(home, safe, _TRANSPORT)
        yield {
            **local.environment(environ, home),
            **{name: value for name, value in environ.items() if name.lower() in _PROXIES},
            "GIT_ALLOW_PROTOCOL": url.scheme,
            "GIT_ASKPASS": os.devnull,
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15",
        }
