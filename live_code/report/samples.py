"""Predictions drawn on sample images: what a run's infer found, for a person to look at."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from live_code.job.ymir_exc import protocol
from live_code.record.reading import Record

SIDE = 320
COUNT = 8
_COLOURS = ("#ff9f1c", "#2ec4ff", "#ff5fa2", "#7ddf64", "#b388ff", "#ffe45e")


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
    classes = sorted({box["class_name"] for boxes in found.values() for box in boxes})
    colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(classes)}
    return tuple(_sample(path, found[path.name], colours) for path in kept)


def _boxes(record: Record) -> dict[str, Sequence[Mapping[str, Any]]]:
    try:
        told = json.loads((record.out / "infer-result.json").read_bytes())
    except (OSError, ValueError):
        return {}
    images = told.get("detection") if isinstance(told, dict) else None
    return {name: image.get("boxes", image.get("annotations", ())) for name, image in (images or {}).items()}


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


def _sample(path: Path, boxes: Sequence[Mapping[str, Any]], colours: Mapping[str, str]) -> Sample:
    with Image.open(path) as file:
        scale = SIDE / max(file.size)
        image = file.convert("RGB").resize((round(file.width * scale), round(file.height * scale)))
    pen = ImageDraw.Draw(image)
    for item in boxes:
        box, colour = item["box"], colours[item["class_name"]]
        left, top = box["x"] * scale, box["y"] * scale
        pen.rectangle((left, top, left + box["w"] * scale, top + box["h"] * scale), outline=colour, width=2)
        pen.text((left + 3, top + 1), f"{item['class_name']} {item['score']:.2f}", fill=colour)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    said = ", ".join(f"{item['class_name']} {item['score']:.2f}" for item in boxes) or "nothing found"
    source = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    return Sample(path.name, source, said, image.width, image.height)
