"""Softmax regression on cells, in numpy alone: the place for a model of your own."""

from pathlib import Path

import numpy as np
from data import FEATURES

SUFFIX = ".npz"
RATE = 1.0  # of learning, that suits it


class Model:
    """The weights with the names of their classes; one output more, the last, is the background's."""

    def __init__(self, class_names):
        self.class_names = list(class_names)
        self.weights = np.zeros((2 * FEATURES + 1, len(self.class_names) + 1))

    def learn(self, features, labels, rate):
        """One step on the cells (N, FEATURES) of class ids (N,). Returns the loss before it."""
        inputs, chances = widened(features), self.chances(features)
        wanted = np.eye(chances.shape[-1])[labels]
        self.weights += rate * inputs.T @ (wanted - chances) / len(labels)
        return float(-np.log((chances * wanted).sum(-1).clip(1e-9)).mean())

    def chances(self, features):
        """(..., FEATURES) -> (..., classes + 1), which sum to 1."""
        scores = widened(features) @ self.weights
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    def save(self, folder, name):
        """Returns the names of the files that it is made of."""
        np.savez(Path(folder, f"{name}{SUFFIX}"), weights=self.weights, class_names=self.class_names)
        return [f"{name}{SUFFIX}"]


def widened(features):
    """Squares too, so that a class may lie between two others; and a constant."""
    return np.concatenate((features, features**2, np.ones_like(features[..., :1])), -1)


def load(path):
    with np.load(path) as saved:
        model = Model(saved["class_names"].tolist())
        model.weights = saved["weights"]
    return model
