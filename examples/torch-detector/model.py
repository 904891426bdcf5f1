"""The network: every cell of a coarse grid says which class is centred there and how far the four sides are."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 4


def conv(inputs, outputs, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Detector(nn.Module):
    """Images (N, 3, S, S) in [0, 1] to class logits (N, classes, S/4, S/4) and boxes (N, 4, S/4, S/4) in pixels."""

    def __init__(self, classes: int, width: int = 16):
        super().__init__()
        self.fine = nn.Sequential(conv(3, width, 2), conv(width, 2 * width, 2), conv(2 * width, 2 * width))
        self.middle = nn.Sequential(conv(2 * width, 4 * width, 2), conv(4 * width, 4 * width))
        self.coarse = nn.Sequential(conv(4 * width, 6 * width, 2), conv(6 * width, 6 * width))
        self.from_coarse = nn.Conv2d(6 * width, 4 * width, 1)
        self.from_middle = nn.Conv2d(4 * width, 2 * width, 1)
        self.neck = conv(2 * width, 2 * width)
        self.classes = nn.Sequential(conv(2 * width, 2 * width), nn.Conv2d(2 * width, classes, 1))
        self.sides = nn.Sequential(conv(2 * width, 2 * width), nn.Conv2d(2 * width, 4, 1))
        nn.init.constant_(self.classes[-1].bias, -3.0)  # objects are rare: start by saying "none"
        nn.init.constant_(self.sides[-1].bias, 1.0)

    def forward(self, images: Tensor):
        fine = self.fine(images - 0.5)
        middle = self.middle(fine)
        middle = middle + F.interpolate(self.from_coarse(self.coarse(middle)), scale_factor=2.0)
        features = self.neck(fine + F.interpolate(self.from_middle(middle), scale_factor=2.0))
        return self.classes(features), boxes_from_sides(self.sides(features))


def boxes_from_sides(sides: Tensor) -> Tensor:
    """Logs of the distances left, up, right, down in cells -> xmin, ymin, xmax, ymax in pixels."""
    rows = torch.arange(sides.shape[2], device=sides.device) + 0.5
    columns = torch.arange(sides.shape[3], device=sides.device) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    distance = sides.clamp(max=5).exp()
    left_up = torch.stack((x, y)) - distance[:, :2]
    right_down = torch.stack((x, y)) + distance[:, 2:]
    return torch.cat((left_up, right_down), 1) * STRIDE


class Predictor(nn.Module):
    """Images to their ``most`` best peaks: boxes (N, most, 4), scores (N, most), class ids (N, most).

    A peak is a cell that scores higher than its eight neighbours, so no suppression of doubles is needed.
    """

    def __init__(self, detector: Detector, most: int = 40):
        super().__init__()
        self.detector, self.most = detector, most

    def forward(self, images: Tensor):
        logits, boxes = self.detector(images)
        heat, class_ids = logits.sigmoid().max(1, keepdim=True)
        peaks = heat * (heat == F.max_pool2d(heat, 3, 1, 1))
        scores, cells = peaks.flatten(1).topk(self.most)
        boxes = boxes.flatten(2).gather(2, cells[:, None].expand(-1, 4, -1)).transpose(1, 2)
        return boxes, scores, class_ids.flatten(1).gather(1, cells)


def save(path, detector: Detector, settings):
    """Weights and what is needed to use them: class names, width and image size."""
    torch.save({"settings": settings._asdict(), "weights": detector.state_dict()}, path)


def load(path):
    """The detector and its settings. Raises KeyError or RuntimeError when the file is not one of :func:`save`."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    detector = Detector(len(saved["settings"]["class_names"]), saved["settings"]["width"])
    detector.load_state_dict(saved["weights"])
    return detector.eval(), saved["settings"]
