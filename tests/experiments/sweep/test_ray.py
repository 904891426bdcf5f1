"""Sweeps on a Ray cluster of four real nodes, each with its own store: what is built once, what a fault costs."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live_code.authoring.demo import git_server
from live_code.stages.record.reading import Record
from tests.support import ray_cluster, sweeps
from tests.support.ray_cluster import Cluster
from tests.support.sweeps import Stage, records

pytestmark = pytest.mark.slow
GAINS = [number / 10 for number in range(1, 11)]
RATES = [0.25, 0.5, 0.75, 1.0]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ray_cluster.running(tmp_path_factory.mktemp("cluster"), 4) as made:
        yield made


@pytest.fixture
def fetches() -> Iterator[list[int]]:
    with sweeps.counted_fetches() as seen:
        yield seen


@pytest.fixture
def stage(tmp_path: Path, fetches: list[int]) -> Iterator[Stage]:
    made = sweeps.stage(tmp_path / "sweep")
    made.commits(GAINS, requirements="colorama\n")
    made.repo.git("config", "uploadpack.allowFilter", "true")  # as hosts have it: a history comes without files
    with git_server.serve(made.root) as url:
        made.asks(
            git_url=f"{url}/repo/.git",
            commits={"last": 10},
            matrix={"rate": RATES},
            set={"sleep": 0.2},
            resources={"gpus": 1},
        )
        yield made


def start(stage: Stage, cluster: Cluster, *words: str) -> subprocess.Popen[str]:
    argv = sweeps.argv(stage, "--address", cluster.address, *words)
    with (stage.root / "said").open("w") as out:
        return subprocess.Popen(argv, env=sweeps.environ(stage.root), stdout=out, stderr=subprocess.STDOUT, text=True)


def said(stage: Stage) -> str:
    """What the last driver that was started has said."""
    return (stage.root / "said").read_text()


def ended(stage: Stage, process: subprocess.Popen[str]) -> list[str]:
    """The driver's lines, once it has ended by itself."""
    process.wait(timeout=240)
    return said(stage).splitlines()


def until(stage: Stage, process: subprocess.Popen[str], there: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not there():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(said(stage))
        time.sleep(0.1)


def done(stage: Stage) -> dict[str, Record]:
    """Run (its folder's name) to record."""
    return {one.out.parent.name: one for one in records(stage) if one.state == "done"}


def stores(stage: Stage) -> Counter[str]:
    """How many runs that are done were on which node's store."""
    return Counter(place(one) for one in done(stage).values())


def place(one: Record) -> str:
    """The folder of the node that the run was on."""
    return str(one.get("environment", "root")).partition("/store/")[0]


def test_forty_runs_fetch_once_and_build_once_on_each_node(stage: Stage, cluster: Cluster, fetches: list[int]) -> None:
    process = start(stage, cluster)
    lines = ended(stage, process)
    assert lines[-1] == "40 runs: 40 done", lines
    assert process.returncode == 0
    found = sorted(one.metrics["mAP"] for one in records(stage))
    assert found == pytest.approx(sorted(rate * gain for rate in RATES for gain in GAINS))
    assert len(stores(stage)) == 4
    # The driver looks into the settings of the first and the last commit. Then one for each node.
    assert fetches == [2, 10, 10, 10, 10]
    built = Counter(place(one) for one in records(stage) if not one.get("environment", "cached"))
    assert built == dict.fromkeys(stores(stage), 1)
    logs = [(one.out / "live-code" / "job.log").read_text() for one in records(stage)]
    assert all("gpu_id 0 devices 0" in log for log in logs)
    best, *_, worst = lines[-11:-1]
    assert best.split()[1:6] == ["Gain", "1.0", "4", "1", "0.625"]
    assert worst.split()[1:6] == ["Gain", "0.1", "4", "0.1", "0.0625"]


def test_a_lost_node_and_a_killed_driver_cost_only_what_was_on_its_way(stage: Stage, cluster: Cluster) -> None:
    """And one commit that does not exist, in the middle of the range, fails alone."""
    ids = stage.repo.git("rev-list", "--reverse", "HEAD").split()
    url = stage.spec.read_text().split("git_url: ")[1].split()[0]
    stage.asks(
        git_url=url,
        commits=[*ids[:3], "f" * 40, *ids[3:6]],
        matrix={"rate": RATES},
        set={"sleep": 2},
        resources={"gpus": 1},
    )
    lost = cluster.add()
    process = start(stage, cluster)
    on_lost = {"state": "running", "node": str(lost.store.parent)}
    until(stage, process, lambda: on_lost in [{"state": one.state, "node": place(one)} for one in records(stage)])
    cluster.kill(lost)
    done_there = stores(stage)[str(lost.store.parent)]
    until(stage, process, lambda: len(done(stage)) >= 12 and "is started again: " in said(stage))
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {run: record.id for run, record in done(stage).items()}
    assert 12 <= len(kept) < 24
    again = start(stage, cluster)
    lines = ended(stage, again)
    assert lines[-1] == "28 runs: 24 done, 4 failed", lines
    assert again.returncode == 1
    assert all("f" * 12 in line and "GIT_REF_MISSING: source: the commit is not in" in line for line in lines[-5:-1])
    now = {run: record.id for run, record in done(stage).items()}
    assert {run: now[run] for run in kept} == kept
    assert stores(stage)[str(lost.store.parent)] == done_there


def test_what_nodes_do_not_share_goes_over_the_network(stage: Stage, cluster: Cluster) -> None:
    """The data to them, once for each; what a run writes back, piece by piece, while it goes on."""
    (stage.root / "task" / "in" / "assets" / "b.jpg").write_bytes(b"x" * (9 << 20))
    url = stage.spec.read_text().split("git_url: ")[1].split()[0]
    stage.asks(
        git_url=url,
        commits="main",
        include=[{"rate": 0.5, "sleep": 8, "stages": 4}, {"rate": 1.0}],
        resources={"gpus": 1},
        data="copied",
        results="pulled",
    )
    process = start(stage, cluster)
    until(stage, process, lambda: any((stage.root / "out").glob("runs/*/out/models/epoch2.pt")))
    assert process.poll() is None
    assert ended(stage, process)[-1] == "2 runs: 2 done"
    for run in done(stage).values():
        assert (run.out / "models" / "result.yaml").is_file()
        assert (run.out.parent / "live-code.log").read_text()
        assert not str(run.get("task", "output", "root_dir")).startswith(str(stage.root))
        assert {file: sweeps.sha256(run.out / file) for file in run.get("outputs")} == {
            file: told["sha256"] for file, told in run.get("outputs").items()
        }
    brought = list(cluster.root.glob("node-*/store/sweep-data/*/in/assets/b.jpg"))
    assert 1 <= len(brought) <= 2
    assert {path.stat().st_size for path in brought} == {9 << 20}
    assert not list(cluster.root.glob("node-*/store/sweep-data/*/in/config.yaml"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_stops_the_jobs_on_all_nodes_with_their_grace(
    stage: Stage, cluster: Cluster, number: signal.Signals
) -> None:
    """And those that wait for a place never begin."""
    url = stage.spec.read_text().split("git_url: ")[1].split()[0]
    stage.asks(git_url=url, commits="main", matrix={"sleep": list(range(90, 98))}, resources={"gpus": 1})
    process = start(stage, cluster)
    until(stage, process, lambda: sum(bool(one.get("launch")) for one in records(stage)) == 4)
    process.send_signal(number)
    assert ended(stage, process)[-1].startswith("stopped; the same command goes on")
    assert process.returncode == 130
    assert [(one.state, one.get("error", "kind")) for one in records(stage)] == [("failed", "STOPPED")] * 4


@pytest.mark.parametrize(("address", "said"), [("127.0.0.1:1", "Connection refused"), ("nowhere", "nowhere")])
def test_a_cluster_that_is_not_there_is_told_soon(stage: Stage, address: str, said: str) -> None:
    began = time.monotonic()
    done = sweeps.sweep(stage, "--address", address)
    assert done.returncode == 1
    assert f"there is no Ray cluster at {address!r}: " in done.stderr
    assert said in done.stderr
    assert time.monotonic() - began < 30
