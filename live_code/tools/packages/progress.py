"""What uv is at, in a few words for a person who waits at a terminal."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from live_code.tools.terminal import log

# Of uv's own log: which version it takes, and which request it makes again.
LOGGED = "uv_resolver::resolver=debug,uv_client::retry=debug"
_LOG_LINE = re.compile(r"^(?:DEBUG|INFO|WARN) .*\n?", re.MULTILINE)


class Progress:
    """Hears uv's lines one by one and leaves what they come to in ``log.doing``."""

    def __init__(self) -> None:
        self._at_work: dict[str, str] = {}
        self._chosen: set[str] = set()
        self._all = ""

    def hear(self, line: str) -> None:
        match line.split():
            case ["DEBUG", "Selecting:", pin, *_]:
                name, _, version = pin.partition("==")
                self._chosen.add(name)
                log.doing = f"{name} {version} ({len(self._chosen)} chosen)"
            case ["DEBUG", "Transient", "request", "failure", "for:", url, *_]:
                log.doing = f"{urlsplit(url).hostname} did not answer, asked again"
            case ["Downloading" | "Building" as action, name, *size]:
                self._at_work[name] = " ".join((action.lower(), name, *size))
                log.doing = ", ".join(self._at_work.values())
            case ["Downloaded" | "Built", name, *_]:
                self._at_work.pop(name, None)
                log.doing = ", ".join(self._at_work.values()) or self._all
            case ["Resolved", number, "package" | "packages" as unit, *_]:
                log.doing = self._all = f"getting {number} {unit}"
            case _:
                pass


def without_log(output: str) -> str:
    """uv's output without its own log."""
    return _LOG_LINE.sub("", output)
