"""Draws the demo's pictures: circles, squares and triangles that overlap, on backgrounds that do not help."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from live_code.values import NamedTuple

CLASS_NAMES = ("circle", "square", "triangle")
SMOOTH = 3  # drawn this much larger, then scaled down: edges as a camera gives them

_CORNERS = {"square": 4, "triangle": 3}
_SMALLEST, _LARGEST = 9.0, 32.0  # radius in pixels
_MOST_OVERLAP = 0.25  # intersection over union with any box drawn before
_LEAST_CONTRAST = 60.0  # distance in RGB to what a shape is drawn on

Point = tuple[float, float]
Colour = tuple[int, int, int]


class Box(NamedTuple):
    """``class_id`` counts in CLASS_NAMES; corners in whole pixels, inside the image, right and lower edge excluded."""

    class_id: int
    xmin: int
    ymin: int
    xmax: int
    ymax: int


class Drawing(NamedTuple):
    image: Image.Image
    boxes: tuple[Box, ...]


def draw(rng: np.random.Generator) -> Drawing:
    """One picture of 1 to 7 shapes, between 112 and 176 pixels a side; the same for the same state of ``rng``."""
    width, height = (int(side) for side in rng.integers(112, 177, 2))
    image = _background(rng, width, height)
    canvas = image.resize((width * SMOOTH, height * SMOOTH), Image.Resampling.BILINEAR)
    _scratch(rng, canvas)
    radii = np.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST), int(rng.integers(1, 8))))
    boxes = tuple(place_shapes(rng, canvas, radii.tolist()))
    return Drawing(_grain(rng, canvas.resize((width, height), Image.Resampling.BOX)), boxes)


def _background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Coarse random colours, blown up: blotches and slopes as large as the shapes."""
    cells = rng.integers(2, 7, 2)
    middle, spread = rng.integers(60, 196, 3), rng.integers(10, 60)
    coarse = middle + rng.integers(-spread, spread + 1, (*cells, 3))
    blotches = Image.fromarray(coarse.clip(0, 255).astype(np.uint8))
    return blotches.resize((width, height), Image.Resampling.BICUBIC)


def _scratch(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Open strokes and crosses: things to see that are no objects."""
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(0, 7))):
        x, y = (rng.uniform(0, side) for side in canvas.size)
        reach, turn = rng.uniform(8, 40) * SMOOTH, rng.uniform(0, math.pi)
        arms = (turn, turn + math.pi / 2) if rng.random() < 0.4 else (turn,)
        colour, thickness = _colour(rng), int(rng.integers(1, 4)) * SMOOTH
        for arm in arms:
            step = math.cos(arm) * reach, math.sin(arm) * reach
            pen.line((x - step[0], y - step[1], x + step[0], y + step[1]), fill=colour, width=thickness)


def place_shapes(rng: np.random.Generator, canvas: Image.Image, radii: Sequence[float]) -> Iterator[Box]:
    """Paints on ``canvas``, which is SMOOTH times as large as the boxes count; a shape that would hide another is left.

    Large ones first: a small shape may lie on a large one, and is never under it.
    """
    width, height = (side // SMOOTH for side in canvas.size)
    placed: list[Box] = []
    for radius in sorted(radii, reverse=True):
        class_id = int(rng.integers(len(CLASS_NAMES)))
        outline = _outline(rng, class_id, radius, (width, height))
        box = _box_around(class_id, outline, width, height)
        if all(_overlap(box, other) <= _MOST_OVERLAP for other in placed):
            _paint(rng, canvas, outline)
            placed.append(box)
            yield box


def _outline(rng: np.random.Generator, class_id: int, radius: float, size: tuple[int, int]) -> list[Point]:
    """A regular polygon, turned and slightly squeezed; a circle is one with many corners."""
    corners = _CORNERS.get(CLASS_NAMES[class_id], 48)
    squeeze, turn = rng.uniform(0.85, 1.0), rng.uniform(0, 2 * math.pi)
    # At most a fifth of the radius is cut off by the image's border.
    x, y = (rng.uniform(0.8 * radius, side - 0.8 * radius) for side in size)
    angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    return [(x + radius * math.cos(angle), y + radius * squeeze * math.sin(angle)) for angle in angles]


def _box_around(class_id: int, outline: list[Point], width: int, height: int) -> Box:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return Box(
        class_id,
        max(0, math.floor(min(xs))),
        max(0, math.floor(min(ys))),
        min(width, math.ceil(max(xs))),
        min(height, math.ceil(max(ys))),
    )


def _overlap(box: Box, other: Box) -> float:
    width = min(box.xmax, other.xmax) - max(box.xmin, other.xmin)
    height = min(box.ymax, other.ymax) - max(box.ymin, other.ymin)
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(box) + _area(other) - shared)


def _area(box: Box) -> int:
    return (box.xmax - box.xmin) * (box.ymax - box.ymin)


def _paint(rng: np.random.Generator, canvas: Image.Image, outline: list[Point]) -> None:
    """Filled, or as an outline only, now and then with a border of another colour."""
    points = [(x * SMOOTH, y * SMOOTH) for x, y in outline]
    pen = ImageDraw.Draw(canvas)
    colour = _colour_unlike(rng, _middle_pixel(canvas, points))
    if rng.random() < 0.15:
        pen.line([*points, *points[:2]], fill=colour, width=3 * SMOOTH, joint="curve")
        return
    pen.polygon(points, fill=colour, outline=_colour(rng) if rng.random() < 0.3 else None, width=2 * SMOOTH)


def _middle_pixel(canvas: Image.Image, points: list[Point]) -> Colour:
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    red, green, blue = np.asarray(canvas.crop((int(x), int(y), int(x) + 1, int(y) + 1)))[0, 0].tolist()
    return red, green, blue


def _colour_unlike(rng: np.random.Generator, other: Colour) -> Colour:
    """A colour that a person tells from ``other``."""
    while True:
        colour = _colour(rng)
        if math.dist(colour, other) > _LEAST_CONTRAST:
            return colour


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


def _grain(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    noise = rng.normal(0, rng.uniform(2, 14), (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
