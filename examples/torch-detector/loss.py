"""What training minimises: class errors on every cell, box errors on the cells around a box's centre."""

import torch
from model import STRIDE
from torch import Tensor
from torch.nn import functional as F


def detection_loss(logits: Tensor, predicted: Tensor, boxes: Tensor) -> Tensor:
    """``logits`` and ``predicted`` as the Detector gives them, ``boxes`` (K, 6) as in ``data.Samples``."""
    bumps = centre_bumps(boxes, logits.shape[2], logits.shape[3])
    return class_loss(logits, bumps, boxes) + box_loss(predicted, bumps, boxes)


def centre_bumps(boxes: Tensor, height: int, width: int) -> Tensor:
    """(K, height, width): for each box 1 at the cell of its centre, falling off as a bell of the box's size."""
    xmin, ymin, xmax, ymax = (boxes[:, 2:] / STRIDE).unbind(1)

    def bell(low, high, cells):
        centre = ((low + high) / 2).floor().clamp(0, cells - 1)
        spread = ((high - low) / 8).clamp(min=0.5)
        return torch.exp(-(((torch.arange(cells, device=boxes.device) - centre[:, None]) / spread[:, None]) ** 2) / 2)

    return bell(ymin, ymax, height)[:, :, None] * bell(xmin, xmax, width)[:, None, :]


def class_loss(logits: Tensor, bumps: Tensor, boxes: Tensor) -> Tensor:
    """Focal loss that forgives cells next to a centre (the one of CornerNet and CenterNet), per box."""
    images, classes, height, width = logits.shape
    rows = boxes[:, 0].long() * classes + boxes[:, 1].long()
    target = torch.zeros(images * classes, height * width, device=logits.device)
    target.scatter_reduce_(0, rows[:, None].expand(-1, height * width), bumps.flatten(1), "amax")
    target = target.view(logits.shape)
    chance = logits.sigmoid()
    hit = (1 - chance) ** 2 * F.logsigmoid(logits) * (target == 1)
    miss = (1 - target) ** 4 * chance**2 * F.logsigmoid(-logits) * (target < 1)
    return -(hit + miss).sum() / max(1, len(boxes))


def box_loss(predicted: Tensor, bumps: Tensor, boxes: Tensor) -> Tensor:
    """1 - GIoU near each box's centre; every box weighs the same, whatever its size."""
    box, row, column = (bumps > 0.5).nonzero(as_tuple=True)
    weights = bumps[box, row, column] / (bumps * (bumps > 0.5)).sum((1, 2))[box]
    errors = 1 - giou(predicted[boxes[box, 0].long(), :, row, column], boxes[box, 2:])
    return (weights * errors).sum() / max(1, len(boxes))


def giou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised intersection over union of boxes (M, 4), row by row, in (-1, 1]."""
    shared = _area(
        torch.cat((torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])), 1)
    )
    around = _area(
        torch.cat((torch.minimum(boxes[:, :2], others[:, :2]), torch.maximum(boxes[:, 2:], others[:, 2:])), 1)
    )
    union = _area(boxes) + _area(others) - shared
    return shared / union - (around - union) / around


def _area(boxes: Tensor) -> Tensor:
    width, height = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).unbind(1)
    return width * height
