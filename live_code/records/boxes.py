"""The boxes that a run found, and drawing them: in the colour of their class, true ones as thin white lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from live_code.values import NamedTuple

TRUTH = "#ffffff"
_COLOURS = ("#ff9f1c", "#2ec4ff", "#ff5fa2", "#7ddf64", "#b388ff", "#ffe45e")
_LABEL_PX, _LABEL_HEIGHT = 11, 15

Corners = tuple[float, float, float, float]


class Prediction(NamedTuple):
    """One predicted box: left, top, right and lower edge in pixels of its image."""

    class_name: str
    score: float
    corners: Corners


def read(result: Path) -> dict[str, tuple[Prediction, ...]]:
    """Image name → boxes of an ``infer-result.json``; {} when it holds none. Raises OSError, ValueError."""
    document = json.loads(result.read_bytes())
    images = document.get("detection") if isinstance(document, dict) else None
    return {
        name: tuple(map(_prediction, image.get("boxes", image.get("annotations", ()))))
        for name, image in (images or {}).items()
    }


def _prediction(item: Mapping[str, Any]) -> Prediction:
    box = item["box"]
    corners = (box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"])
    return Prediction(item["class_name"], item["score"], corners)


def colours(class_names: Iterable[str]) -> dict[str, str]:
    return {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(class_names)}


def draw(
    path: Path, side: int, predictions: Sequence[Prediction], colour: Mapping[str, str], truth: Sequence[Corners] = ()
) -> Image.Image:
    """The image with its boxes, ``side`` pixels at its longer side. Raises OSError when it is none."""
    with Image.open(path) as file:
        scale = side / max(file.size)
        size = round(file.width * scale), round(file.height * scale)
        image: Image.Image = file.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for prediction in predictions:  # around the object, so that it stays visible
        left, top, right, low = (scale * edge for edge in prediction.corners)
        pen.rectangle((left - 2, top - 2, right + 1, low + 1), outline=colour[prediction.class_name], width=2)
    for corners in truth:
        pen.rectangle([scale * edge for edge in corners], outline=TRUTH)
    for prediction in predictions:
        _write_label(pen, prediction, scale, image.width, colour[prediction.class_name])
    return image


def _write_label(pen: ImageDraw.ImageDraw, prediction: Prediction, scale: float, width: int, colour: str) -> None:
    """Class and percent, on the box's upper edge or, where there is no room, within it."""
    font = ImageFont.load_default(_LABEL_PX)
    text = f"{prediction.class_name} {100 * prediction.score:.0f}"
    length = font.getlength(text) + 4
    top = scale * prediction.corners[1]
    x = max(min(scale * prediction.corners[0] - 2, width - length), 0)
    y = top - _LABEL_HEIGHT if top >= _LABEL_HEIGHT else top
    pen.rectangle((x, y, x + length, y + _LABEL_HEIGHT - 2), fill=colour)
    pen.text((x + 2, y), text, "black", font)
