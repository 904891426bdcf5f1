"""A checkout, an image, a store and an index, to make locks and environments from in any test."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from live_code.stages.code.checkout import Checkout
from live_code.stages.environment import build, lock
from live_code.stages.environment.build import Environment
from live_code.stages.environment.lock import Lock
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import RepoSettings
from live_code.tools.machine import interpreter
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.index import PYPI
from live_code.tools.store import Store
from tests.support import variables
from tests.support.images import Image
from tests.support.servers.index import Index

REQUEST = Request("https://host/repo", "main", "git_branch")
NO_SETTINGS = RepoSettings()
_INDEXES = re.compile(r"(PIP|UV)_(\w*INDEX\w*|FIND_LINKS|TRUSTED_HOST|INSECURE_HOST)")


class Workshop(NamedTuple):
    root: Path
    store: Store
    image: Image
    index: Index
    environ: Mapping[str, str] = {}
    tree: str = "e" * 40

    @property
    def interpreter(self) -> Interpreter:
        return interpreter.inspect(self.image.python, self.store, variables.INHERITED)

    @property
    def around(self) -> dict[str, str]:
        """The container's variables: this machine's without its own indexes, the index of the tests, those set."""
        own = {key: value for key, value in os.environ.items() if not _INDEXES.fullmatch(key)}
        return {**own, "PIP_INDEX_URL": self.index.url, **self.environ}

    def write(self, text: str, name: str = "requirements.txt") -> Workshop:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def lock(
        self,
        environ: dict[str, str] | None = None,
        repo: RepoSettings = NO_SETTINGS,
        place: Path | None = None,
        **request: Any,
    ) -> Lock:
        """Locks the checkout; values of the request as keywords. The index is the container's own. ``place``: the work
        tree, where the root is a folder in it."""
        checkout = Checkout(self.root, place or self.root, commit="c" * 40, tree=self.tree, cached=False)
        around = {**self.around, **(environ or {})}
        if (
            request.get("resolver") == "pip-tools" and "PIP_INDEX_URL" not in self.environ
        ):  # it is itself installed from the container's index: this machine's
            request.setdefault("pypi_mirror", self.index.url)
            around["PIP_INDEX_URL"] = os.environ.get("PIP_INDEX_URL", PYPI)
        return lock.make(
            checkout, REQUEST._replace(**request), repo, self.interpreter, self.store, variables.packages(around)
        )

    def make(self, locked: Lock | None = None) -> Environment:
        return build.make(locked or self.lock(), self.interpreter, self.store)


def pins(locked: Lock) -> dict[str, str]:
    """The packages of a lock, by name."""
    lines = [line.split(" ")[0] for line in locked.text.splitlines() if line[:1] not in ("#", " ", "-", "")]
    return dict(line.split("==") for line in lines)


def seen(made: Environment, *modules: str) -> dict[str, list[str]]:
    """What the environment's Python imports: version and file of each module."""
    code = (
        "import importlib, json, sys\n"
        "found = {name: importlib.import_module(name) for name in sys.argv[1:]}\n"
        "print(json.dumps({name: [module.__version__, module.__file__] for name, module in found.items()}))"
    )
    argv = [made.python, "-c", code, *modules]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return {name: list(value) for name, value in json.loads(done.stdout).items()}
