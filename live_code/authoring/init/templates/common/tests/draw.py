"""A tiny data set: rectangles of two colours on grey. `python tests/draw.py sample/in` draws the sample task's."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "blue": (40, 60, 200)}
SPLITS = {"training": 6, "val": 2, "candidate": 2}


def draw(seed, side=64):
    """An image (side, side, 3) and its boxes (K, 5): one of each colour, in a half of its own."""
    random = np.random.RandomState(seed)
    image = np.full((side, side, 3), random.randint(90, 160), np.uint8)
    boxes = []
    for class_id, colour in enumerate(COLOURS.values()):
        width, height = random.randint(16, 28, 2)
        xmin = random.randint(side // 2 - width) + class_id * side // 2
        ymin = random.randint(side - height)
        image[ymin : ymin + height, xmin : xmin + width] = colour
        boxes.append((class_id, xmin, ymin, xmin + width, ymin + height))
    return image, np.array(boxes, np.float32)


def write(folder):
    """Images, annotations and index files, as the platform lays them out."""
    for name in ("assets", "annotations"):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
    first = 0
    for split, count in SPLITS.items():
        lines = [write_one(folder, seed, split) for seed in range(first, first + count)]
        Path(folder, f"{split}-index.tsv").write_text("".join(lines))
        first += count


def write_one(folder, seed, split):
    image, boxes = draw(seed)
    Image.fromarray(image).save(Path(folder, "assets", f"{seed}.png"))
    if split == "candidate":
        return f"/in/assets/{seed}.png\n"
    rows = [", ".join(str(int(value)) for value in row) + ", -1.0, 0.0\n" for row in boxes]
    Path(folder, "annotations", f"{seed}.txt").write_text("".join(rows))
    return f"/in/assets/{seed}.png\t/in/annotations/{seed}.txt\n"


if __name__ == "__main__":
    write(sys.argv[1])
