"""Runs for tensorboard's HPARAMS view: ``tensorboard --logdir DIR`` then compares hyper-parameters and commits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from live_code.config import REVISION_KEYS
from live_code.record.reading import Record

_NAMES = {*REVISION_KEYS, "git_url", "task_id"}
_STATUS = {"done": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE, "running": api_pb2.STATUS_RUNNING}


def write(records: Sequence[Record], folder: Path) -> None:
    """A folder for each run below ``folder``, named by its id. Raises OSError."""
    for record in records:
        writer = EventFileWriter(str(folder / record.id))
        try:
            for event in _events(record):
                writer.add_event(event)
        finally:
            writer.close()


def values(record: Record) -> dict[str, bool | float | str]:
    """What the view can show: numbers, switches and words; a form's text of a number is the number.

    Without what names the run and not how it trains: the view's table begins with a few of them only.
    """
    shown = {key: _plain(value) for key, value in record.config.items() if key not in _NAMES}
    return {**shown, "commit": record.commit[:12], "ref": record.ref}


def _events(record: Record) -> list[Any]:
    end = record.started + record.seconds
    start_info = plugin_data_pb2.SessionStartInfo(start_time_secs=record.started, group_name=record.id)
    for key, value in values(record).items():
        if isinstance(value, bool):
            start_info.hparams[key].bool_value = value
        elif isinstance(value, float):
            start_info.hparams[key].number_value = value
        else:
            start_info.hparams[key].string_value = value
    end_info = plugin_data_pb2.SessionEndInfo(status=_STATUS[record.state], end_time_secs=end)
    told = (
        (metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=start_info)),
        (metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end_info)),
    )
    summaries = [
        Summary(
            value=[Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)]
        )
        for tag, data in told
    ]
    scalars = [Summary.Value(tag=f"result/{name}", simple_value=value) for name, value in record.metrics.items()]
    return [Event(wall_time=end, step=0, summary=one) for one in (*summaries, Summary(value=scalars))]


def _plain(value: Any) -> bool | float | str:
    if isinstance(value, bool):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
