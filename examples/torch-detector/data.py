"""Images and boxes as tensors: read, made square, and varied for training."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor


class Square(NamedTuple):
    """An image scaled by ``scale`` into the upper left of a grey square; the file was ``width`` x ``height``."""

    pixels: Tensor
    scale: float
    width: int
    height: int


def read_square(path, size: int) -> Square:
    """``pixels`` is uint8 (3, size, size)."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    scale = size / max(image.size)
    small = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    square = np.full((size, size, 3), 127, np.uint8)
    square[: small.height, : small.width] = np.asarray(small)
    return Square(torch.from_numpy(square).permute(2, 0, 1).contiguous(), scale, image.width, image.height)


def read_boxes(path) -> Tensor:
    """A det-ark file as (K, 5): class id, xmin, ymin, xmax, ymax."""
    with open(path, encoding="utf-8") as lines:
        rows = [[float(value) for value in line.split(",")[:5]] for line in lines if line.strip()]
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)


class Samples(NamedTuple):
    """A whole split in memory: images (N, 3, S, S) uint8; boxes (K, 6): image, class id, corners in the square."""

    images: Tensor
    boxes: Tensor

    def batch(self, indices: Tensor):
        """Images in [0, 1] and their boxes, counted from the batch's first image."""
        place = torch.full((len(self.images),), -1.0)
        place[indices] = torch.arange(len(indices), dtype=torch.float32)
        images_of_boxes = place[self.boxes[:, 0].long()]
        boxes = torch.cat((images_of_boxes[:, None], self.boxes[:, 1:]), 1)[images_of_boxes >= 0]
        return self.images[indices].float() / 255, boxes


def read_samples(pairs, size: int) -> Samples:
    """``pairs`` of image path and annotation path, as ``ymir_exc.dataset_reader.item_paths`` gives them."""
    images, boxes = [], [torch.zeros(0, 6)]
    for index, (image_path, annotation_path) in enumerate(pairs):
        square = read_square(image_path, size)
        rows = read_boxes(annotation_path)
        rows[:, 1:] *= square.scale
        images.append(square.pixels)
        boxes.append(torch.cat((torch.full((len(rows), 1), float(index)), rows), 1))
    return Samples(torch.stack(images), torch.cat(boxes))


def _mirrored(boxes: Tensor, size: int, corners) -> Tensor:
    """Boxes of a mirrored square: ``corners`` are the columns that stand where xmin, ymin, xmax, ymax stood."""
    mirrored = boxes[:, [0, 1, *corners]].clone()
    for column, source in enumerate(corners, 2):
        if column != source:
            mirrored[:, column] = size - mirrored[:, column]
    return mirrored


def vary(images: Tensor, boxes: Tensor):
    """Mirrors, turns and recolours a batch at random: what an object is does not depend on any of these."""
    size = images.shape[-1]
    flip_x, flip_y, swap = (torch.rand(3) < 0.5).tolist()
    if flip_x:
        images, boxes = images.flip(-1), _mirrored(boxes, size, (4, 3, 2, 5))
    if flip_y:
        images, boxes = images.flip(-2), _mirrored(boxes, size, (2, 5, 4, 3))
    if swap:
        images, boxes = images.transpose(-1, -2), boxes[:, [0, 1, 3, 2, 5, 4]]
    contrast, brightness = 0.7 + 0.6 * torch.rand(2, len(images), 1, 1, 1, device=images.device)
    images = (images[:, torch.randperm(3)] - 0.5) * contrast + 0.5 * brightness
    return images, boxes
