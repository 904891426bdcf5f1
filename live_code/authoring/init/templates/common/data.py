"""Images and boxes as arrays. An image is looked at in square cells: each has a few numbers that the model sees."""

import numpy as np
from PIL import Image

CELL = 4  # pixels a side
FEATURES = 6


def read_image(path):
    """(height, width, 3) uint8."""
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def read_boxes(path):
    """A det-ark file as (K, 5) floats: class id, xmin, ymin, xmax, ymax."""
    with open(path, encoding="utf-8") as lines:
        rows = [[float(value) for value in line.split(",")[:5]] for line in lines if line.strip()]
    return np.array(rows, np.float32).reshape(-1, 5)


def cells(image):
    """(rows, columns, FEATURES): the mean colour of each cell, and how much it varies. What is over at an edge goes."""
    rows, columns = image.shape[0] // CELL, image.shape[1] // CELL
    parts = image[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL, 3) / 127.5 - 1
    return np.concatenate((parts.mean((1, 3)), parts.std((1, 3))), -1).astype(np.float32)


def labels(boxes, shape, background):
    """(rows, columns) class ids: that of the box which a cell's centre lies in, else the background's."""
    found = np.full(shape, background)
    y, x = (np.arange(count)[:, None] * CELL + CELL / 2 for count in shape)
    for class_id, xmin, ymin, xmax, ymax in boxes:
        inside = ((y >= ymin) & (y < ymax)) & ((x >= xmin) & (x < xmax)).T
        found[inside] = int(class_id)
    return found
