"""examples/sweep/ray.dockerfile: a node of a Ray cluster, started and asked as KubeRay does, that is given a sweep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import sweeps
from tests.support.containers.engine import ROOT, Container, Engine
from tests.support.sweeps import Stage

pytestmark = pytest.mark.slow
IMAGE = "live-code-test/ray:torch"
HEALTHY = "wget --tries 1 -T 2 -q -O- http://localhost:8265/api/gcs_healthz | grep success"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = sweeps.stage(tmp_path)
    made.commits([0.8, 0.9])
    made.asks(git_url="./repo", commits={"last": 2}, matrix={"rate": [0.5, 1.0]})
    return made


@pytest.fixture
def head(engine: Engine, torch: Container, stage: Stage) -> Iterator[str]:
    """A container with a whole cluster in it; /data is the sweep's folder."""
    folder = ROOT / "examples" / "sweep"
    engine("build", "--file", folder / "ray.dockerfile", "--build-arg", f"IMAGE={torch.image}", "--tag", IMAGE, folder)
    node = Container(engine, IMAGE).with_options(
        f"-v{stage.root}:/data", "-eLIVE_CODE_ALLOW_LOCAL=1", "-eRAY_USAGE_STATS_ENABLED=0"
    )
    with node.started("/bin/bash", "-c", "--", "ray start --head --num-cpus=2 --block") as name:
        until = time.monotonic() + 120
        while engine("exec", name, "bash", "-c", HEALTHY, check=False).code:
            assert time.monotonic() < until, engine("logs", name, check=False).stdout
            time.sleep(0.5)
        yield name


def test_a_sweep_is_submitted_to_a_cluster_of_the_image(engine: Engine, head: str, stage: Stage) -> None:
    sweep = ("live-code", "sweep", "run", "/data/sweep.yaml", "--out", "/data/out", "--address", "auto")
    said = engine("exec", head, "ray", "job", "submit", "--address", "http://127.0.0.1:8265", "--", *sweep).stdout
    assert "\n4 runs: 4 done\n" in said
    assert sorted(one.metrics["mAP"] for one in sweeps.records(stage)) == pytest.approx([0.4, 0.45, 0.8, 0.9])
