"""The demo's dataset on disk: images and ``det-ark:raw`` annotations, laid out as the platform stores its assets."""

import hashlib
import io
from pathlib import Path

import numpy as np

from live_code.authoring.demo.shapes import Box, draw
from live_code.values import NamedTuple

SIZES = {"training": 640, "val": 80, "candidate": 80}

_JPEG_QUALITY = 90


class Sample(NamedTuple):
    """Paths relative to the dataset's root."""

    image: Path
    annotation: Path
    boxes: tuple[Box, ...]


class Dataset(NamedTuple):
    root: Path
    training: tuple[Sample, ...]
    val: tuple[Sample, ...]
    candidate: tuple[Sample, ...]


def make(root: Path, seed: int, sizes: dict[str, int] | None = None) -> Dataset:
    """Draws every split into ``root``. Each picture has its own random stream, so a split's size changes no other.

    Raises OSError when ``root`` can't be written.
    """
    counts = {**SIZES, **(sizes or {})}
    splits = {
        split: tuple(_make_sample(root, (seed, number, index)) for index in range(counts[split]))
        for number, split in enumerate(SIZES)
    }
    return Dataset(root, **splits)


def _make_sample(root: Path, stream: tuple[int, int, int]) -> Sample:
    drawing = draw(np.random.default_rng(stream))
    jpeg = io.BytesIO()
    drawing.image.save(jpeg, "JPEG", quality=_JPEG_QUALITY)
    # The platform names an asset by its hash, and keeps it in a folder named by two of the digits.
    name = hashlib.sha1(jpeg.getvalue(), usedforsecurity=False).hexdigest()
    image = Path("assets", name[-2:], f"{name}.jpg")
    annotation = Path("annotations", name[-2:], f"{name}.txt")
    _write(root / image, jpeg.getvalue())
    _write(root / annotation, "".join(ark_line(box) for box in drawing.boxes).encode())
    return Sample(image, annotation, drawing.boxes)


def ark_line(box: Box) -> str:
    """``class_id, xmin, ymin, xmax, ymax, ann_quality, bbox_angle`` as ``det-ark:raw`` has it."""
    return f"{box.class_id}, {box.xmin}, {box.ymin}, {box.xmax}, {box.ymax}, -1.0, 0.0\n"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
