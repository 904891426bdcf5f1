"""Metric curves from a run's tensorboard files, thinned out to what a chart can show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from live_code.stages.record import hparams
from live_code.stages.record.reading import Record
from live_code.values import NamedTuple

POINTS = 240
# The scalars that live-code itself writes beside the job's.
OURS = "live_code/"


class Curve(NamedTuple):
    """A scalar over the steps of a run. ``tag`` is its name in tensorboard, with the folder it was found in."""

    tag: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def read(record: Record) -> tuple[Curve, ...]:
    """Every scalar below the run's tensorboard folder, where that still lies beside the record."""
    return () if record.is_followed else below(record.out / "tensorboard")


def below(folder: Path) -> tuple[Curve, ...]:
    """Every scalar below a tensorboard folder, but the metrics that the record holds."""
    scalars: dict[str, dict[int, float]] = {}
    for path in sorted(set(folder.rglob("*tfevents*")) - set((folder / hparams.FOLDER).glob("*"))):
        prefix = path.parent.relative_to(folder).as_posix()
        for tag, step, value in _scalars(path):
            name = tag if prefix == "." or tag.startswith(f"{prefix}/") else f"{prefix}/{tag}"
            scalars.setdefault(name, {})[step] = value
    return tuple(_curve(tag, points) for tag, points in sorted(scalars.items()))


def _impossible(tag: str, number: float) -> bool:
    """Rates of ours below 0 stand in older records: a counter had begun anew, and nobody knows what was sent."""
    return tag.startswith(OURS) and tag.endswith("_per_s") and number < 0


def thinned(count: int, wanted: int = POINTS) -> list[int]:
    """Places at even distances, the first and the last among them."""
    if count <= wanted:
        return list(range(count))
    return [number * (count - 1) // (wanted - 1) for number in range(wanted)]


def _curve(tag: str, points: dict[int, float]) -> Curve:
    steps = sorted(points)
    shown = [steps[place] for place in thinned(len(steps))]
    return Curve(tag, tuple(shown), tuple(float(f"{points[step]:.6g}") for step in shown))


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    """A file that was cut off is read as far as it goes."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            number = _number(value)
            if number is not None and math.isfinite(number) and not _impossible(value.tag, number):
                yield value.tag, event.step, number


def _number(value: Any) -> float | None:
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor") or value.metadata.plugin_data.plugin_name not in ("scalars", ""):
        return None
    from tensorboard.util.tensor_util import make_ndarray

    array = make_ndarray(value.tensor)
    return float(array) if array.ndim == 0 and array.dtype.kind in "fiu" else None


def grouped(runs: Sequence[tuple[str, tuple[Curve, ...]]]) -> dict[str, list[tuple[str, Curve]]]:
    """Tag → (run, curve) of every run that has it."""
    groups: dict[str, list[tuple[str, Curve]]] = {}
    for name, curves in runs:
        for curve in curves:
            groups.setdefault(curve.tag, []).append((name, curve))
    return groups
