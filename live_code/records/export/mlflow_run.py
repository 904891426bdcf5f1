"""A record as an MLflow run, at the tracking server that MLflow itself is set to (MLFLOW_TRACKING_URI)."""

from __future__ import annotations

from mlflow import get_tracking_uri
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from live_code.errors import ConfigError
from live_code.stages.record.reading import Record
from live_code.stages.record.serialize import plain

EXPERIMENT = "live-code"
_MILLI = 1000
# MLflow takes so many of one kind at a time.
_BATCH = 100
_LONGEST = 6000
_STATUS = {"done": "FINISHED", "failed": "FAILED", "running": "RUNNING"}


def log(record: Record) -> str:
    """Parameters, metrics, the record and the lock. Returns MLflow's id of the run. Raises ConfigError."""
    try:
        return _log(record)
    except MlflowException as error:
        raise ConfigError(
            plain(f"MLflow at {get_tracking_uri()} did not take the run: {error}"),
            hint="MLFLOW_TRACKING_URI says where it goes.",
        ) from error


def _log(record: Record) -> str:
    client = MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    number = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
    start = int(record.started * _MILLI)
    run_id: str = client.create_run(number, start_time=start, run_name=record.id).info.run_id
    params = [Param(key, str(value)[:_LONGEST]) for key, value in record.config.items()]
    for place in range(0, len(params), _BATCH):
        client.log_batch(run_id, params=params[place : place + _BATCH])
    client.log_batch(run_id, metrics=_metrics(record), tags=[RunTag(*pair) for pair in _tags(record).items()])
    for name in ("run.json", "requirements.lock", "config.yaml"):
        if (path := record.path.with_name(name)).is_file():
            client.log_artifact(run_id, str(path), "live-code")
    end = int((record.started + record.seconds) * _MILLI)
    client.set_terminated(run_id, _STATUS[record.state], end)
    return run_id


def _metrics(record: Record) -> list[Metric]:
    """Each stage's, and the best one's by names of their own: of a name MLflow shows the last value."""
    stages = record.get("results", "stages") or ()
    end_ms = int((record.started + record.seconds) * _MILLI)
    by_stage = [
        Metric(name, float(value), int(stage["timestamp"]) * _MILLI, step)
        for step, stage in enumerate(stages)
        for name, value in stage["metrics"].items()
    ]
    best = [Metric(f"best_{name}" if stages else name, value, end_ms, 0) for name, value in record.metrics.items()]
    return by_stage + best


def _tags(record: Record) -> dict[str, str]:
    return {
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": str(record.get("source", "url") or ""),
        "mlflow.source.git.commit": record.commit,
        "mlflow.source.git.repoURL": str(record.get("source", "url") or ""),
        "mlflow.source.git.branch": record.ref.removeprefix("refs/heads/"),
        "live_code.id": record.id,
        "live_code.task": "+".join(record.tasks),
        "live_code.stages.environment.lock": str(record.get("lock", "sha256") or ""),
    }
