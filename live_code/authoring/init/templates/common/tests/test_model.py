"""The model and what it is made of, on drawn pictures: no platform and no SDK is needed."""

import random

import numpy as np
import pytest
from boxes import find_boxes, mean_average_precision
from data import CELL, cells, labels
from model import RATE, SUFFIX, Model, load

from tests.draw import COLOURS, draw


@pytest.fixture(scope="module")
def trained():
    random.seed(1)
    model, pictures = Model(COLOURS), [draw(seed) for seed in range(8)]
    for _ in range(40):
        for image, boxes in pictures:
            seen = cells(image)
            wanted = labels(boxes, seen.shape[:2], len(COLOURS))
            model.learn(seen.reshape(-1, seen.shape[-1]), wanted.ravel(), RATE)
    return model


def test_it_finds_what_it_has_not_seen(trained):
    pictures = [draw(seed) for seed in range(100, 105)]
    found = [find_boxes(trained.chances(cells(image)), 0.05) for image, _ in pictures]
    assert mean_average_precision(found, [boxes for _, boxes in pictures]) > 0.9


def test_what_is_saved_is_what_is_loaded(trained, tmp_path):
    names = trained.save(tmp_path, "epoch1")
    again = load(tmp_path / f"epoch1{SUFFIX}")
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert again.class_names == list(COLOURS)
    seen = cells(draw(7)[0])
    assert np.allclose(again.chances(seen), trained.chances(seen), atol=1e-5)


def test_nothing_found_is_a_map_of_zero():
    assert mean_average_precision([[]], [np.array([[0, 0, 0, 9, 9]])]) == 0


def test_a_box_covers_its_cells():
    chances = np.zeros((4, 4, 2))
    chances[..., 1] = 1
    chances[1:3, 2:4] = (0.8, 0.2)
    ((class_id, score, box),) = find_boxes(chances, 0.5)
    assert (class_id, round(score, 3), box) == (0, 0.8, (2 * CELL, CELL, 4 * CELL, 3 * CELL))
