"""A real Docker Engine of the tests' own, and containers started on it as the platform starts them."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
NOBODY = "12345:12345"  # no image has a passwd entry for it


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str
    seconds: float


class Engine(NamedTuple):
    address: str

    def __call__(self, *words: str | Path, check: bool = True) -> Ended:
        argv = ["/usr/bin/docker", "--host", self.address, *map(str, words)]
        started = time.perf_counter()
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"docker {' '.join(map(str, words))}: {done.stderr}"
        return Ended(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)

    def gateway(self) -> str:
        """This machine's address, as containers on the engine's bridge see it."""
        shown = subprocess.run(
            ["ip", "-4", "-oneline", "address", "show", "docker0"], stdout=subprocess.PIPE, text=True
        )
        return shown.stdout.split()[3].split("/")[0]

    @contextmanager
    def volume(self) -> Iterator[str]:
        name = f"live-code-test-{uuid.uuid4().hex[:12]}"
        self("volume", "create", name)
        try:
            yield name
        finally:
            self("volume", "rm", "--force", name)


class Container(NamedTuple):
    """What is started: ``options`` come before the image, as `docker run` takes them."""

    engine: Engine
    image: str
    options: tuple[str, ...] = ()

    def with_options(self, *options: str | Path) -> Container:
        return self._replace(options=(*self.options, *map(str, options)))

    def run(self, *command: str) -> Ended:
        """To its end; whatever that is."""
        return self.engine("run", "--rm", *self.options, self.image, *command, check=False)

    @contextmanager
    def started(self, *command: str) -> Iterator[str]:
        """In the background, by its name; it is removed when the block ends."""
        name = f"live-code-test-{uuid.uuid4().hex[:12]}"
        self.engine("run", "--detach", "--name", name, *self.options, self.image, *command)
        try:
            yield name
        finally:
            self.engine("rm", "--force", "--volumes", name, check=False)
