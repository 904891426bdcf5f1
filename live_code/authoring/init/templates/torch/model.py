"""A small network on cells: the place for a model of your own."""

from pathlib import Path

import torch
from data import FEATURES
from torch import nn

SUFFIX = ".pt"
RATE = 0.01  # of learning, that suits it


class Model:
    """The network with the names of its classes; one output more, the last, is the background's."""

    def __init__(self, class_names):
        self.class_names = list(class_names)
        # The ids are counted from 0 here, whichever GPUs the platform gave: the first one is ours.
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, len(self.class_names) + 1))
        self.network.to(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters())

    def learn(self, features, labels, rate):
        """One step on the cells (N, FEATURES) of class ids (N,). Returns the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        outputs = self.network(torch.as_tensor(features, device=self.device))
        loss = nn.functional.cross_entropy(outputs, torch.as_tensor(labels, device=self.device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def chances(self, features):
        """(..., FEATURES) -> (..., classes + 1), which sum to 1."""
        return self.network(torch.as_tensor(features, device=self.device)).softmax(-1).cpu().numpy()

    def save(self, folder, name):
        """Returns the names of the files that it is made of."""
        saved = {"class_names": self.class_names, "weights": self.network.state_dict()}
        torch.save(saved, Path(folder, f"{name}{SUFFIX}"))
        return [f"{name}{SUFFIX}"]


def load(path):
    saved = torch.load(path, map_location="cpu")
    model = Model(saved["class_names"])
    model.network.load_state_dict(saved["weights"])
    return model
