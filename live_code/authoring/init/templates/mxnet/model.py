"""A small network on cells: the place for a model of your own."""

import json
from pathlib import Path

import mxnet as mx
from data import FEATURES
from mxnet.gluon import nn

SUFFIX = ".params"
RATE = 0.01  # of learning, that suits it


class Model:
    """The network with the names of its classes; one output more, the last, is the background's."""

    def __init__(self, class_names):
        self.class_names = list(class_names)
        # The ids are counted from 0 here, whichever GPUs the platform gave: the first one is ours.
        self.device = mx.gpu() if mx.context.num_gpus() else mx.cpu()
        self.network = nn.HybridSequential()
        self.network.add(nn.Dense(32, activation="relu", in_units=FEATURES))
        self.network.add(nn.Dense(len(self.class_names) + 1, in_units=32))
        self.network.initialize(mx.init.Xavier(), ctx=self.device)
        self.trainer = mx.gluon.Trainer(self.network.collect_params(), "adam")
        self.measure = mx.gluon.loss.SoftmaxCrossEntropyLoss()

    def learn(self, features, labels, rate):
        """One step on the cells (N, FEATURES) of class ids (N,). Returns the loss before it."""
        self.trainer.set_learning_rate(rate)
        with mx.autograd.record():
            outputs = self.network(mx.nd.array(features, ctx=self.device))
            loss = self.measure(outputs, mx.nd.array(labels, ctx=self.device))
        loss.backward()
        self.trainer.step(len(labels))
        return float(loss.mean().asscalar())

    def chances(self, features):
        """(..., FEATURES) -> (..., classes + 1), which sum to 1."""
        flat = mx.nd.array(features.reshape(-1, FEATURES), ctx=self.device)
        return self.network(flat).softmax().asnumpy().reshape(*features.shape[:-1], -1)

    def save(self, folder, name):
        """Returns the names of the files that it is made of."""
        self.network.save_parameters(str(Path(folder, f"{name}{SUFFIX}")))
        Path(folder, f"{name}.json").write_text(json.dumps({"class_names": self.class_names}), encoding="utf-8")
        return [f"{name}{SUFFIX}", f"{name}.json"]


def load(path):
    beside = Path(path).with_suffix(".json")
    model = Model(json.loads(beside.read_text(encoding="utf-8"))["class_names"])
    model.network.load_parameters(str(path), ctx=model.device)
    return model
