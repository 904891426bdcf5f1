"""Where packages are installed to."""

from __future__ import annotations

from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages.builds import Builds
from live_code.tools.packages.index import Indexes
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store
from live_code.values import NamedTuple


class Site(NamedTuple):
    """Where to install to, and from: an environment's interpreter, the folder that paths are seen from, the indexes.

    ``image``: the interpreter beneath; ``builds``: what is seen by what has to be built, and as of when: ``cutoff``, ''
    for now, and the packages that are ``undated``. ``first``: those that builds of others see, in place of the image's.
    ``settings``: the container's variables. ``lock``: the environment's
    own lock, which the installer keeps held should it outlive us.
    """

    python: Path
    root: Path
    image: Interpreter
    builds: Builds
    cutoff: str
    undated: tuple[str, ...]
    first: tuple[str, ...]
    indexes: Indexes
    store: Store
    settings: PackageSettings
    lock: int
