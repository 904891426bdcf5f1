"""Reads what the runs left: the platform's files, and the record."""

import json
from pathlib import Path

import yaml

from live_code.job.ymir_exc import protocol
from live_code.values import NamedTuple


class Model(NamedTuple):
    """The best stage of a training."""

    stage: str
    mean_average_precision: float
    files: tuple[Path, ...]


class Run(NamedTuple):
    """A run's record, in short. ``start_up`` is the time before the job's first line, both in seconds."""

    commit: str
    start_up: float
    job: float
    failure: str


def read_model(out: Path) -> Model:
    result = yaml.safe_load((out / "models" / "result.yaml").read_text(encoding="utf-8"))
    stage = result["model_stages"][result["best_stage_name"]]
    files = tuple(_model_file(out / "models", stage["stage_name"], name) for name in stage["files"])
    return Model(stage["stage_name"], stage["mAP"], files)


def _model_file(models: Path, stage: str, name: str) -> Path:
    in_stage = models / stage / name
    return in_stage if in_stage.exists() else models / name


def read_scores(out: Path) -> dict[str, float]:
    """Image name to mining score, highest first."""
    rows = (line.split("\t") for line in (out / "result.tsv").read_text(encoding="utf-8").splitlines())
    return {Path(path).name: float(score) for path, score in rows}


def read_run(out: Path) -> Run:
    """The record of a run, whichever way it ended; without one the message in monitor.txt."""
    try:
        record = json.loads(record_file(out).read_text(encoding="utf-8"))
    except FileNotFoundError:
        monitor = protocol.parse_monitor((out / "monitor.txt").read_text(encoding="utf-8"))
        return Run("", 0.0, 0.0, monitor.message)
    seconds = {phase["name"]: phase["seconds"] for phase in record["phases"]}
    job = seconds.pop("job", 0.0)
    seconds.pop("results", None)
    error = record["error"] or {}
    commit = (record.get("source") or {}).get("commit", "")
    return Run(commit, sum(seconds.values()), job, f"{error.get('message', '')} {error.get('hint', '')}".strip())


def record_file(out: Path) -> Path:
    return out / "live-code" / "run.json"
