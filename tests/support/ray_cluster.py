"""A Ray cluster of real nodes on this machine: each its own raylet, with its own store and GPUs that nobody has."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

QUIET: dict[str, Any] = {"object_store_memory": 100 << 20, "include_dashboard": False}


class Node(NamedTuple):
    """``handle``: Ray's own; ``store``: where its runs keep commits and environments."""

    handle: Any
    store: Path


class Cluster(NamedTuple):
    """``ray``: Ray's own. The head does no runs; each other node has a core and a GPU. ``python``: the images'."""

    ray: Any
    root: Path
    python: Path

    @property
    def address(self) -> str:
        return str(self.ray.address)

    def add(self) -> Node:
        """One more node, which begins with an empty store."""
        store = self.root / f"node-{len(self.ray.list_all_nodes())}" / "store"
        variables = {"LIVE_CODE_STORE": str(store), "LIVE_CODE_PYTHON": str(self.python)}
        return Node(self.ray.add_node(num_cpus=1, num_gpus=1, env_vars=variables, **QUIET), store)

    def kill(self, node: Node) -> None:
        """As when the machine is switched off: no goodbye."""
        self.ray.remove_node(node.handle, allow_graceful=False)


@contextmanager
def running(root: Path, nodes: int, python: Path = Path(sys.executable)) -> Iterator[Cluster]:
    """For the time of the block."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster as RayCluster

    made = Cluster(RayCluster(), root, python)
    try:
        made.ray.add_node(num_cpus=0, **QUIET)
        for _ in range(nodes):
            made.add()
        made.ray.wait_for_nodes()
        yield made
    finally:
        made.ray.shutdown()
