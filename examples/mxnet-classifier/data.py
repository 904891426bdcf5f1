"""Images, boxes, and square crops of one size."""

import numpy as np
from PIL import Image

CROP = 32  # pixels a side of what the classifier sees


def read_image(path) -> np.ndarray:
    """(height, width, 3) uint8."""
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def read_boxes(path) -> np.ndarray:
    """A det-ark file as (K, 5) floats: class id, xmin, ymin, xmax, ymax."""
    with open(path, encoding="utf-8") as lines:
        rows = [[float(value) for value in line.split(",")[:5]] for line in lines if line.strip()]
    return np.array(rows, np.float32).reshape(-1, 5)


def crops(image: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The nearest pixels of each window (N, 4), as (N, 3, CROP, CROP) floats around 0; edges are continued outwards."""
    steps = (np.arange(CROP) + 0.5) / CROP
    x = windows[:, :1] + steps * (windows[:, 2:3] - windows[:, :1])
    y = windows[:, 1:2] + steps * (windows[:, 3:4] - windows[:, 1:2])
    columns = x.astype(int).clip(0, image.shape[1] - 1)
    rows = y.astype(int).clip(0, image.shape[0] - 1)
    pixels = image[rows[:, :, None], columns[:, None, :]]
    return (pixels.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)


def squares_around(boxes: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """A square beside each box (K, 4), shifted and scaled at random by up to a tenth of its longer side."""
    side = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) * random.uniform(0.9, 1.15, (len(boxes), 1))
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + side * random.uniform(-0.1, 0.1, (len(boxes), 2))
    return np.hstack((middle - side / 2, middle + side / 2))


def squares_in(image: np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """Squares anywhere in the image, of the sizes that objects have."""
    side = np.exp(random.uniform(np.log(16), np.log(72), (count, 1)))
    corner = random.uniform(-4, 4, (count, 2)) + random.uniform(0, 1, (count, 2)) * (
        np.array([image.shape[1], image.shape[0]]) - side
    )
    return np.hstack((corner, corner + side))
