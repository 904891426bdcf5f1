"""Requirements → a lock: every package that the job adds to the image, with its exact version and its hashes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from live_code import __version__, files, log, process
from live_code.checkout import Checkout
from live_code.config import RepoSettings, Request
from live_code.errors import RequirementsError
from live_code.interpreter import Interpreter
from live_code.packages import framework, index, requirements, stubs, uv
from live_code.store import Store

# What the job's side needs of the job's interpreter; the repo's own wishes for them are heard first.
OWN_NEEDS = {"pyyaml": "PyYAML", "easydict": "EasyDict"}
_SCHEMA = 1
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==(?P<version>[^\s;\\]+)")


class Lock(NamedTuple):
    """``text`` is in pip-tools' format. ``requirements``: the files it came from, '' when the repo has none.

    ``cached``: nothing had to be resolved; ``why``: what made it necessary. ``protected``: the image's packages that
    it was resolved around.
    """

    key: str
    text: str
    requirements: str
    cached: bool
    why: str
    indexes: index.Indexes
    protected: Mapping[str, str]


class _Wish(NamedTuple):
    """All that a lock depends on."""

    root: Path
    chosen: requirements.Chosen
    texts: tuple[requirements.Text, ...]
    own_needs: tuple[str, ...]
    image: Interpreter
    protected: Mapping[str, str]
    indexes: index.Indexes

    def key(self) -> str:
        facts = (_SCHEMA, self.chosen.files, self.texts, self.own_needs, self.image.fingerprint, self.indexes)
        return files.sha256_text(repr((*facts, self.protected)))[:32]


def make(
    checkout: Checkout,
    request: Request,
    repo: RepoSettings,
    image: Interpreter,
    store: Store,
    environ: Mapping[str, str] = os.environ,
) -> Lock:
    """The lock for a checkout on an image; a known one is read from the store, without process and network.

    Raises ConfigError, RequirementsError.
    """
    wish = _wish(checkout.root, request, repo, image, environ)
    key = wish.key()
    text, entry = store.text("lock", key, lambda: _resolve(wish, store), f"the lock for {wish.chosen.origin}")
    named = ", ".join(wish.chosen.files)
    return Lock(key, text, named, entry.cached, entry.why, wish.indexes, wish.protected)


def _wish(root: Path, request: Request, repo: RepoSettings, image: Interpreter, environ: Mapping[str, str]) -> _Wish:
    chosen = requirements.choose(root, request.requirements, repo.requirements)
    return _Wish(
        root=root,
        chosen=chosen,
        texts=requirements.closure(root, chosen),
        own_needs=tuple(name for key, name in OWN_NEEDS.items() if key not in image.packages),
        image=image,
        protected=framework.protected(image, environ),
        indexes=index.choose(request.pypi_mirror, request.extra_index_url, environ),
    )


def _resolve(wish: _Wish, store: Store) -> str:
    if not wish.chosen.files and not wish.own_needs:
        return _head(wish)
    log.info(f"resolving {', '.join(wish.chosen.files) or 'what the job side needs'}")
    with tempfile.TemporaryDirectory(prefix="live-code-lock-") as folder:
        solved = _compile(wish, store, Path(folder))
    return _head(wish) + "".join(_added(solved, wish.image.packages))


def _compile(wish: _Wish, store: Store, folder: Path) -> str:
    """The whole solution, the image's packages among it, as uv writes it."""
    links = folder / "image"
    links.mkdir()
    shown = stubs.write(links, wish.image, wish.protected)
    solution, constraints = folder / "solution.txt", folder / "protected.txt"
    # uv takes the pins in its output file as the versions to prefer: what is in the image stays where it can.
    solution.write_text("".join(f"{name}=={version}\n" for name, version in shown.items()))
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in wish.protected.items()))
    arguments: list[str | Path] = ["pip", "compile", "--python", wish.image.path]
    arguments += ["--generate-hashes", "--no-header", "--quiet"]
    arguments += ["--constraints", constraints, "--find-links", links, "--output-file", solution]
    arguments += [word for name in wish.protected for word in ("--no-emit-package", name)]
    arguments += [*wish.indexes.arguments(), *wish.chosen.files, *(["-"] if wish.own_needs else [])]
    try:
        uv.run(arguments, store, cwd=wish.root, stdin="\n".join(wish.own_needs))
    except process.ProcessError as error:
        raise _unresolvable(wish, error) from error
    return solution.read_text()


def _unresolvable(wish: _Wish, error: process.ProcessError) -> RequirementsError:
    named = ", ".join(wish.chosen.files) or "what the job side needs"
    return RequirementsError(f"{named} can't be resolved.", details=error.last_lines)


def _head(wish: _Wish) -> str:
    lines = [f"made by live-code {__version__} for {wish.image.implementation} {wish.image.version}"]
    lines[0] += f" on {wish.image.platform}"
    if wish.chosen.files:
        lines.append(f"from: {', '.join(wish.chosen.files)}")
    if wish.protected:
        lines.append("kept as the image has it: " + ", ".join(f"{k}=={v}" for k, v in wish.protected.items()))
    return "".join(f"# {line}\n" for line in lines)


def _added(solved: str, installed: Mapping[str, str]) -> Iterator[str]:
    """The pins of a solution that the image does not already have in that very version."""
    for block in _blocks(solved):
        pin = _PIN.match(block)
        if pin and installed.get(framework.normalised(pin["name"])) == pin["version"]:
            continue
        yield block if "# via" in block else f"{block}    # via live-code's job side\n"


def _blocks(solved: str) -> Iterator[str]:
    """The lines of each pin: the name, its hashes, and who asked for it."""
    block = ""
    for line in solved.splitlines(keepends=True):
        if not line.startswith((" ", "#", "\n")) and block:
            yield block
            block = ""
        if not line.startswith(("#", "\n")):
            block += line
    if block:
        yield block
