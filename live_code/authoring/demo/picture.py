"""One picture of many predictions: found boxes in the colour of their class, true boxes as thin white lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.shapes import CLASS_NAMES, Box
from live_code.records import boxes
from live_code.records.boxes import Prediction
from live_code.values import NamedTuple

COLUMNS, ROWS = 6, 4

_SIDE = 228  # of an image in the grid, its longer side
_MARGIN = 8
_HEAD, _CAPTION = 44, 18
_PAPER, _INK = "#16181d", "#e6e6e6"
_COLOURS = boxes.colours(CLASS_NAMES)


class Tile(NamedTuple):
    image: Path
    detections: Sequence[Prediction]
    truth: Sequence[Box]
    caption: str


def choose_tiles(
    dataset: Dataset, scores: Mapping[str, float], detections: Mapping[str, Sequence[Prediction]]
) -> list[Tile]:
    """Candidates at even steps through mining's order, so that the grid shows hard ones and easy ones alike."""
    samples = {sample.image.name: sample for sample in dataset.candidate}
    names = list(scores)
    count = min(COLUMNS * ROWS, len(names))
    chosen = [names[step * (len(names) - 1) // max(1, count - 1)] for step in range(count)]
    return [
        Tile(dataset.root / samples[name].image, detections[name], samples[name].boxes, f"entropy {scores[name]:.1f}")
        for name in chosen
    ]


def draw_grid(tiles: Sequence[Tile], title: str) -> Image.Image:
    cell = _SIDE + _MARGIN, _SIDE + _CAPTION + _MARGIN
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * cell[0] + _MARGIN, rows * cell[1] + _HEAD + _MARGIN), _PAPER)
    _write_head(ImageDraw.Draw(sheet), title, sheet.width)
    for place, tile in enumerate(tiles):
        corner = _MARGIN + place % COLUMNS * cell[0], _HEAD + place // COLUMNS * cell[1]
        drawn = boxes.draw(tile.image, _SIDE, tile.detections, _COLOURS, [box[1:] for box in tile.truth])
        sheet.paste(drawn, corner)
        ImageDraw.Draw(sheet).text(
            (corner[0], corner[1] + drawn.height + 2), tile.caption, _INK, ImageFont.load_default(12)
        )
    return sheet


def _write_head(pen: ImageDraw.ImageDraw, title: str, width: int) -> None:
    pen.text((_MARGIN, 12), title, _INK, ImageFont.load_default(16))
    font, x = ImageFont.load_default(14), width - _MARGIN
    for name, colour in [("truth", boxes.TRUTH), *reversed(_COLOURS.items())]:
        x -= round(font.getlength(name)) + 16
        pen.text((x + 16, 13), name, _INK, font)
        pen.rectangle((x, 16, x + 10, 26), outline=colour, width=1 if name == "truth" else 3)
        x -= 12
