"""A small convolutional classifier of crops, and the windows of an image that it is asked about."""

import json
from pathlib import Path

import mxnet as mx
import numpy as np
from boxes import merged
from data import crops
from mxnet.gluon import nn

SIDES = (20, 27, 36, 48, 62)  # pixels a side of the windows
CHUNK = 512  # crops that are classified at once


def new_network(class_count: int):
    """One output more than there are classes: the background's."""
    network = nn.HybridSequential()
    for channels in (16, 32, 64):
        network.add(nn.Conv2D(channels, 3, padding=1, use_bias=False), nn.BatchNorm(), nn.Activation("relu"))
        network.add(nn.MaxPool2D(2))
    network.add(nn.Flatten(), nn.Dense(64, activation="relu"), nn.Dropout(0.2), nn.Dense(class_count + 1))
    return network


class Classifier:
    """The network with the names of its classes and where it runs."""

    def __init__(self, class_names, gpu_id: str = ""):
        self.class_names = list(class_names)
        self.device = mx.gpu(int(gpu_id.split(",")[0])) if gpu_id else mx.cpu()
        self.network = new_network(len(self.class_names))
        self.network.initialize(mx.init.Xavier(), ctx=self.device)
        self.network.hybridize()

    def save(self, folder: Path, name: str):
        """Returns the names of the two files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.network.save_parameters(str(folder / f"{name}.params"))
        (folder / f"{name}.json").write_text(json.dumps({"class_names": self.class_names}), encoding="utf-8")
        return [f"{name}.params", f"{name}.json"]

    def load(self, weights):
        self.network.load_parameters(str(weights), ctx=self.device)
        return self

    def chances(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 3, CROP, CROP) -> (N, classes + 1), the background last."""
        parts = [mx.nd.array(pixels[at : at + CHUNK], ctx=self.device) for at in range(0, len(pixels), CHUNK)]
        return np.concatenate([self.network(part).softmax().asnumpy() for part in parts])

    def find(self, image: np.ndarray, threshold: float):
        """(class id, score, box) of each heap of windows that one class is found in; and the chances of all windows."""
        windows = windows_of(image)
        chances = self.chances(crops(image, windows))
        edges = np.array([image.shape[1], image.shape[0]] * 2)
        found = []
        for class_id in range(len(self.class_names)):
            sure = chances[:, class_id] >= threshold
            for box, score in merged(windows[sure], chances[sure, class_id]):
                found.append((class_id, float(score), box.clip(0, edges)))
        return found, chances


def windows_of(image: np.ndarray) -> np.ndarray:
    """Squares (N, 4) of all sizes, laid over the image so that they overlap by three quarters."""
    parts = []
    for side in SIDES:
        columns = np.arange(-side / 8, image.shape[1] - side * 7 / 8, side / 4)
        rows = np.arange(-side / 8, image.shape[0] - side * 7 / 8, side / 4)
        x, y = (grid.ravel() for grid in np.meshgrid(columns, rows))
        parts.append(np.stack((x, y, x + side, y + side), 1))
    return np.concatenate(parts)


def load(weights: str, gpu_id: str = "") -> Classifier:
    """From the two files of ``save``, of which ``weights`` is the first."""
    settings = json.loads(Path(weights).with_suffix(".json").read_text(encoding="utf-8"))
    return Classifier(settings["class_names"], gpu_id).load(weights)
