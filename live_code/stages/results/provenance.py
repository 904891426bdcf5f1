"""What identifies a run's data, code and results: hashes and counts, taken while the job runs or after."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from live_code.job.ymir_exc import protocol
from live_code.stages.code.checkout import Checkout
from live_code.stages.request.task_config import PathMap, TaskConfig
from live_code.stages.results import Results
from live_code.tools import files
from live_code.tools.git import local, worktree
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple

INDEXES = ("training_index_file", "val_index_file", "candidate_index_file")
MANIFEST = Path("/img-man/manifest.yaml")
# A line `name=value` for each label of the image; the image's build leaves it.
LABELS = Path("/opt/live-code/labels")
# Files that a job made in its own folder may be many: some names are enough to see what they are.
_NAMED = 20


class Index(NamedTuple):
    """An index file. ``sha256`` is of its bytes; ``content`` of what its lines name, '' when that was not requested.

    ``missing``: how many of the named files are not there (-1: not looked at).
    """

    path: str
    sha256: str
    bytes: int
    images: int
    annotations: int
    content: str = ""
    missing: int = -1


class Changes(NamedTuple):
    """What a job did to its work tree: lines of ``git status`` for the commit's own files, and what it added."""

    changed: tuple[str, ...]
    added: int
    some_added: tuple[str, ...]


class File(NamedTuple):
    sha256: str
    bytes: int


class Image(NamedTuple):
    """``name`` is as whoever started the container gave it (LIVE_CODE_IMAGE); ``digest`` is that of the name.

    ``labels``: those that the image's build gave it; none of its base's.
    """

    name: str
    digest: str
    manifest_sha256: str
    labels: Mapping[str, str]


def dataset(task: TaskConfig) -> dict[str, Index]:
    """Each index file's hash and counts. One that can't be read is left out."""
    paths = {key: task.input.get(key, "") for key in INDEXES}
    return {key: index for key, path in paths.items() if path and (index := _index(Path(path)))}


def content(indexes: Mapping[str, Index], task: TaskConfig, over: Callable[[], bool]) -> dict[str, Index]:
    """The indexes, with the hash of all that their lines name. ``over``: called between files, whether to give up."""
    return {key: _with_content(index, task, over) for key, index in indexes.items()}


def code(checkout: Checkout, inherited: Inherited) -> Changes | None:
    """How the work tree differs from the commit now; None when git fails."""
    env = local.environment(inherited, checkout.place / ".git" / worktree.HOME)
    words = ["status", "--porcelain", "--untracked-files=normal", "--no-renames"]
    try:
        lines = local.run(words, env=env, cwd=checkout.place).splitlines()
    except local.GitFailed:
        return None
    added = [line[3:] for line in lines if line.startswith("??")]
    changed = tuple(line for line in lines if not line.startswith("??"))
    return Changes(changed, len(added), tuple(added[:_NAMED]))


def outputs(task: TaskConfig, results: Results) -> dict[str, File]:
    """Hash and size of every file that the platform takes, by its name below ``/out``."""
    root = Path(task.output["root_dir"])
    return {
        os.path.relpath(path, root): File(files.sha256_file(path), path.stat().st_size)
        for path in _output_files(task, results)
        if path.is_file()
    }


def image(name: str, manifest: Path = MANIFEST, labels: Path = LABELS) -> Image:
    form = files.sha256_file(manifest) if manifest.is_file() else ""
    lines = labels.read_text(encoding="utf-8").splitlines() if labels.is_file() else []
    values = dict(line.partition("=")[::2] for line in lines if line)
    return Image(name, name.partition("@")[2], form, values)


def _output_files(task: TaskConfig, results: Results) -> Iterator[Path]:
    models = Path(task.output["models_dir"])
    if results.stages:
        yield Path(task.output["training_result_file"])
    for stage in results.stages:
        for name in stage.files:
            yield next((path for path in (models / stage.name / name, models / name) if path.is_file()), models / name)
    if results.mined >= 0:
        yield Path(task.output["mining_result_file"])
    if results.inferred >= 0:
        yield Path(task.output["infer_result_file"])


def _index(path: Path) -> Index | None:
    """One pass over the file, in pieces: it may have millions of lines."""
    digest, size, images, annotations = hashlib.sha256(), 0, 0, 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                digest.update(line)
                size += len(line)
                images += bool(line.strip())
                annotations += bool(line.partition(b"\t")[2].strip()) or b" /" in line
    except OSError:
        return None
    return Index(str(path), digest.hexdigest(), size, images, annotations)


def _with_content(index: Index, task: TaskConfig, over: Callable[[], bool]) -> Index:
    """One hash over the hashes of all named files, in the order of the lines: the same wherever the files lie."""
    digest, missing = hashlib.sha256(), 0
    for path in _named(index.path, task.paths):
        if over():
            return index
        try:
            digest.update(bytes.fromhex(files.sha256_file(path)))
        except OSError:
            digest.update(b"missing")
            missing += 1
    return index._replace(content=digest.hexdigest(), missing=missing)


def _named(index: str, paths: PathMap) -> Iterator[Path]:
    for line in protocol.read_index(index):
        yield Path(paths(line.image))
        if line.annotation:
            yield Path(paths(line.annotation))
