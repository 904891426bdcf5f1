"""Predictions drawn on sample images: what a run's infer found, for a person to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from live_code.job.ymir_exc import protocol
from live_code.records import boxes
from live_code.records.boxes import Found
from live_code.stages.record.reading import Record
from live_code.values import NamedTuple

SIDE = 320
COUNT = 8


class Sample(NamedTuple):
    """``source`` is a data: URL of the drawn image; ``text`` says in words what is on it."""

    name: str
    source: str
    text: str
    width: int
    height: int


def draw(record: Record, count: int = COUNT) -> tuple[Sample, ...]:
    """Some images at even steps through the index, with the run's boxes; () where there are no boxes or images."""
    found = _boxes(record)
    images = [path for path in _images(record) if path.name in found and path.is_file()]
    if not images:
        return ()
    kept = [images[place * len(images) // min(count, len(images))] for place in range(min(count, len(images)))]
    colours = boxes.colours(sorted({one.class_name for all_found in found.values() for one in all_found}))
    return tuple(_sample(path, found[path.name], colours) for path in kept)


def _boxes(record: Record) -> Mapping[str, Sequence[Found]]:
    try:
        return boxes.read(record.out / "infer-result.json")
    except (OSError, ValueError):
        return {}


def _images(record: Record) -> Iterator[Path]:
    """As the candidate index names them, where they lie on this machine if it is the run's own."""
    places: Mapping[str, str] = record.get("task", "paths") or {}
    index = _here(str(record.get("task", "input", "candidate_index_file") or ""), places)
    if not index or not Path(index).is_file():
        return
    for line in protocol.read_index(index):
        yield Path(_here(line.image, places))


def _here(path: str, places: Mapping[str, str]) -> str:
    for there, here in places.items():
        if path.startswith(there.rstrip("/") + "/"):
            return here + path[len(there.rstrip("/")) :]
    return path


def _sample(path: Path, found: Sequence[Found], colours: Mapping[str, str]) -> Sample:
    image = boxes.draw(path, SIDE, found, colours)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    said = ", ".join(f"{one.class_name} {one.score:.2f}" for one in found) or "nothing found"
    source = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    return Sample(path.name, source, said, image.width, image.height)
