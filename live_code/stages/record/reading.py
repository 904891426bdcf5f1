"""Records that were written earlier, by this version of live-code or an older one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from live_code.errors import RecordError
from live_code.stages.record.document import FILE, SCHEMA_VERSION
from live_code.stages.record.journal import EARLIER
from live_code.stages.record.serialize import HIDDEN
from live_code.stages.request.hyperparameters import REVISION_KEYS
from live_code.values import NamedTuple

OLDEST = 1
# Where a copy outlives the platform's clean-up, below a run's output folder; kept.write puts it there.
KEPT = Path("tensorboard", "live-code")
# Hyper-parameters that stand elsewhere in a record, or differ in every run.
NAMES = {*REVISION_KEYS, "git_url", "task_id"}


class Record(NamedTuple):
    """A record and where it lies. ``document`` is its JSON, in the shape of today's schema."""

    path: Path
    document: Mapping[str, Any]

    def get(self, *keys: str) -> Any:
        """A value within sections; None when it or any section on the way is missing."""
        value: Any = self.document
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def started(self) -> float:
        return float(self.document["started"])

    @property
    def seconds(self) -> float:
        return float(self.document["seconds"])

    @property
    def state(self) -> str:
        return str(self.document["state"])

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.get("task", "tasks") or ())

    @property
    def commit(self) -> str:
        return self.get("source", "commit") or ""

    @property
    def ref(self) -> str:
        return self.get("source", "ref") or ""

    @property
    def config(self) -> Mapping[str, Any]:
        return self.get("config", "values") or {}

    @property
    def parameters(self) -> dict[str, Any]:
        """The hyper-parameters without those that name the run or are hidden: they say nothing of how it works."""
        return {key: value for key, value in self.config.items() if key not in NAMES and value != HIDDEN}

    @property
    def best(self) -> Mapping[str, Any]:
        """The best stage of a training; {} when there is none."""
        stages = self.get("results", "stages") or ()
        name = self.get("results", "best_stage")
        return next((stage for stage in stages if stage["name"] == name), stages[0] if stages else {})

    @property
    def metrics(self) -> dict[str, float]:
        """What the run is judged by: the best stage's metrics, and the counts of mining and infer."""
        counts = ((key, self.get("results", key)) for key in ("mined", "inferred", "boxes"))
        return {
            **{name: float(value) for name, value in (self.best.get("metrics") or {}).items()},
            **{name: float(value) for name, value in counts if value is not None and value >= 0},
        }

    @property
    def is_followed(self) -> bool:
        """Whether another run has begun in its folder since: what else lies there may be that one's."""
        return self.path.name == EARLIER

    @property
    def out(self) -> Path:
        """The run's output folder, where it lies now. Of one that the platform has cleaned up the copy is left."""
        folder = self.path.parent.parent
        return folder.parent if folder.name == KEPT.parts[0] else folder


def read(path: Path) -> Record:
    """``path``: a run.json, or the output or task folder of a run. Raises RecordError."""
    file = _file(path)
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise RecordError(
            f"{path} can't be read: {error.strerror}.", hint="Name a run.json or a run's folder."
        ) from error
    except ValueError as error:
        raise RecordError(f"{file} is no JSON: {error}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("schema_version"), int):
        raise RecordError(f"{file} is no record of a run: it has no schema_version.")
    return Record(file.absolute(), _upgraded(document, file))


def find(folder: Path) -> Iterator[Path]:
    """Every record below a folder, once, those of good runs that another one followed in their folder too.

    Folders that runs fill with other things are not searched.
    """
    met: set[str] = set()
    for place, folders, files in os.walk(folder):
        copy = Path(place, KEPT, FILE)
        found = [copy] if KEPT.parts[0] in folders and "live-code" not in folders and copy.is_file() else []
        if Path(place).name == "live-code":
            found += [Path(place, name) for name in (FILE, EARLIER) if name in files]
        for path in found:  # the platform's tensorboard folder is a link to one that may be below the folder, too
            if os.path.realpath(path) not in met:
                met.add(os.path.realpath(path))
                yield path
        folders[:] = sorted(name for name in folders if name not in _NOT_SEARCHED)


_NOT_SEARCHED = {"assets", "annotations", "models", "tensorboard", "store", "site-packages", ".git", "node_modules"}


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    below = (Path(), Path("live-code"), KEPT, Path("out", "live-code"), Path("out") / KEPT)
    places = [path / folder / FILE for folder in below]
    return next((place for place in places if place.is_file()), places[1])


def _upgraded(document: dict[str, Any], file: Path) -> dict[str, Any]:
    version = document["schema_version"]
    if not OLDEST <= version <= SCHEMA_VERSION:
        raise RecordError(
            f"{file} is a record of version {version}; this live-code reads {OLDEST} to {SCHEMA_VERSION}.",
            hint="Use a newer live-code.",
        )
    for older in range(version, SCHEMA_VERSION):
        document = _UPGRADES[older](document)
    return document


def _from_1(old: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had the interpreter as ``image``, the layers within ``task``, and neither id nor facts beside."""
    from time import gmtime, strftime

    new = {key: value for key, value in old.items() if key not in ("image", "versions")}
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(old["started"]))
    versions = old.get("versions", {})
    new |= {"schema_version": 2, "id": f"{moment}-{int(old['started'] * 1e6) & 0xFFFFFFFF:08x}", "seeds": {}}
    new["executor"] = {
        "version": versions.get("live_code", ""),
        "python": versions.get("python", ""),
        "executable": versions.get("executable", ""),
        "pid": 0,
    }
    if "image" in old:
        new["interpreter"] = old["image"]
    if "source" in old:
        new["source"] = {**old["source"], "url": old["source"]["url"]["text"]}
    if "task" in old:
        new["task"] = {**old["task"], "paths": dict(old["task"]["paths"]["pairs"])}
    if "config" in old:
        new["config"] = {**old["config"], "layers": _layers_of_1(old)}
    if "lock" in old:
        new["lock"] = _lock_of_1(old["lock"])
    return new


def _layers_of_1(old: Mapping[str, Any]) -> dict[str, Any]:
    """``code_config`` was not kept: what is left of it is what nothing overrode."""
    task, config = old["task"], old["config"]
    from_repo = (key for key, origin in config["origins"].items() if origin not in ("template", "config.yaml"))
    return {
        "template": task["template"],
        "code_config": {key: config["values"][key] for key in from_repo},
        "config.yaml": task["given"],
    }


def _lock_of_1(lock: Mapping[str, Any]) -> dict[str, Any]:
    from live_code.stages.record.document import pins
    from live_code.tools.files import sha256_text

    return {**lock, "sha256": sha256_text(lock["text"]), "packages": pins(lock["text"])}


_UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
