"""Found boxes, from the platform's file onto an image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from live_code.records import boxes
from live_code.records.boxes import Prediction

COLOURS = boxes.colours(["cat", "dog"])
EMPTY = (0, 0, 0)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_boxes_are_read_with_their_corners(tmp_path: Path) -> None:
    box = {"class_name": "cat", "score": 0.9, "box": {"x": 4, "y": 5, "w": 20, "h": 10}}
    file = tmp_path / "infer-result.json"
    file.write_text(json.dumps({"detection": {"a.png": {"boxes": [box]}, "b.png": {"boxes": []}}}))
    assert boxes.read(file) == {"a.png": (Prediction("cat", 0.9, (4, 5, 24, 15)),), "b.png": ()}


def test_a_result_without_detections_has_none(tmp_path: Path) -> None:
    (tmp_path / "infer-result.json").write_text("[]")
    assert boxes.read(tmp_path / "infer-result.json") == {}


def test_a_found_box_goes_around_its_object_in_the_colour_of_its_class(image: Path) -> None:
    drawn = boxes.draw(image, 200, [Prediction("dog", 0.5, (40, 20, 60, 40))], COLOURS)
    assert drawn.size == (200, 100)
    assert drawn.getpixel((79, 60)) == ImageColor.getrgb(COLOURS["dog"])
    assert drawn.getpixel((100, 60)) == EMPTY


def test_a_true_box_is_a_thin_white_line(image: Path) -> None:
    drawn = boxes.draw(image, 100, [], COLOURS, [(40, 20, 60, 40)])
    assert (drawn.getpixel((40, 30)), drawn.getpixel((41, 30))) == ((255, 255, 255), EMPTY)


@pytest.mark.parametrize("corners", [(0, 0, 9, 9), (90, 40, 99, 49), (-5, -5, 3, 3)])
def test_a_label_stays_on_the_image(image: Path, corners: boxes.Corners) -> None:
    drawn = boxes.draw(image, 100, [Prediction("cat", 0.5, corners)], COLOURS)
    colour = ImageColor.getrgb(COLOURS["cat"])
    wide = max(sum(drawn.getpixel((x, y)) == colour for x in range(100)) for y in range(50))
    assert wide > 20  # the label's ground is wider than the box


def test_many_classes_share_colours() -> None:
    assert len(boxes.colours([str(number) for number in range(100)])) == 100
