"""A task folder for a recorded run once more. The data stays where it is; what is written goes below /out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from live_code.errors import RecordError
from live_code.stages.record import kept, reading
from live_code.stages.record.reading import Record
from live_code.stages.record.serialize import HIDDEN
from live_code.tools import files
from live_code.tools.files.yamlfile import write_mapping
from live_code.values import NamedTuple

# Where the repository lies now, if its host was renamed: the commit stays the same.
_MOVED = "git_url"
# Below the new run's own folder.
PLACE = Path("live-code", "recorded")


class Plan(NamedTuple):
    """What is to be run, and the files to be written for it. ``place``: where they go.

    ``patch``: the file that is applied to the commit, '' without one.
    """

    in_dir: Path
    out_dir: Path
    place: Path
    commit: str
    patch: str
    lock: str
    env: Mapping[str, Any]
    config: Mapping[str, Any]
    template: Mapping[str, Any]
    tasks: tuple[str, ...]

    @property
    def env_file(self) -> Path:
        return self.place / "env.yaml"

    @property
    def lock_file(self) -> Path:
        return self.place / "requirements.lock"


def recorded_input(record: Record) -> Path:
    """Where the run's input folder lay."""
    root = str(record.get("task", "input", "root_dir") or "/in")
    return Path((record.get("task", "paths") or {}).get(root, root))


def plan(record: Record, in_dir: Path, out_dir: Path, given: Mapping[str, str]) -> Plan:
    """Pure but for a look at the patch. Raises RecordError when the record or the input lacks something."""
    layers = record.get("config", "layers")
    if not layers or not record.get("lock") or not record.get("task"):
        raise RecordError(
            f"{record.path} is of a run that did not come to its job ({record.state}).",
            hint="Only what was started can be started again.",
        )
    place = out_dir / PLACE
    return Plan(
        in_dir=in_dir,
        out_dir=out_dir,
        place=place,
        commit=record.commit,
        patch=_patch(record, in_dir),
        lock=record.document["lock"]["text"],
        env=_env(record, place),
        config=_filled({**layers["config.yaml"]}, given),
        template=layers["template"],
        tasks=record.tasks,
    )


def write(plan: Plan) -> None:
    """The files, and the folders that the platform makes below ``/out``. Raises OSError."""
    for name in ("models", "tensorboard"):
        (plan.out_dir / name).mkdir(parents=True, exist_ok=True)
    write_mapping(plan.env_file, plan.env)
    write_mapping(plan.place / "config.yaml", plan.config)
    for task in plan.tasks:
        write_mapping(plan.place / f"{task}-template.yaml", plan.template)
    files.write_text(plan.lock_file, plan.lock)


def _env(record: Record, place: Path) -> dict[str, Any]:
    """The task's env.yaml; hyper-parameters and templates are the recorded ones."""
    env = dict(record.get("task", "env"))
    env["manifest_file"] = str(place / "manifest.yaml")
    env["input"] = {**(env.get("input") or {}), "config_file": str(place / "config.yaml")}
    return env


def _filled(values: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    hidden = [key for key, value in values.items() if value == HIDDEN and key not in given]
    if hidden:
        raise RecordError(
            f"the record does not hold the value of {', '.join(hidden)}.",
            hint=f"Give it: --set {hidden[0]}=...",
        )
    if other := [key for key in given if values.get(key) != HIDDEN and key != _MOVED]:
        raise RecordError(
            f"--set {other[0]}: a record is run again as it was; only values that it hides can be given, and {_MOVED}.",
            hint="Start a task of its own with that value.",
        )
    return {**values, **given}


def _patch(record: Record, in_dir: Path) -> str:
    """The run's own patch: in the input folder, or where a copy was kept beside the record."""
    patch, name = record.get("checkout", "patch"), record.get("request", "git_patch")
    if not patch:
        return ""
    place = in_dir / str(name).removeprefix("/in/")
    for path in (place, record.path.with_name(kept.PATCH), record.out / reading.KEPT / kept.PATCH):
        if path.is_file() and files.sha256_file(path) == patch["sha256"]:
            return str(path)
    raise RecordError(
        f"{place} is not the patch that the run had (sha256 {patch['sha256']}).", hint="Put that file there."
    )
