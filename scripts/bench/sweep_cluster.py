"""A sweep on four real Ray nodes of this machine: what each node fetches and builds, and what faults cost."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from tests.support import ray_cluster, sweeps
from tests.support.ray_cluster import Cluster

NODES = 4


class Fact(NamedTuple):
    """``wanted``: what ``seen`` has to be; '' for a figure that nothing hangs on."""

    what: str
    seen: str
    wanted: str = ""

    @property
    def held(self) -> bool:
        return self.wanted in ("", self.seen)


class Sweep(NamedTuple):
    """A sweep's spec and its --out, driven from here."""

    spec: Path
    place: Path
    runs: int

    def start(self, cluster: Cluster) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "live_code", "sweep", "run", self.spec, "--out", self.place]
        environ = {**os.environ, "LIVE_CODE_STORE": str(self.place.with_name("store-driver"))}
        with self.said.open("a") as out:
            argv = [str(word) for word in (*argv, "--address", cluster.address)]
            return subprocess.Popen(argv, env=environ, stdout=out, stderr=subprocess.STDOUT, text=True)

    @property
    def said(self) -> Path:
        return self.place.with_suffix(".log")

    def records(self) -> dict[str, Record]:
        found = [reading.read(path) for path in reading.find(self.place)] if self.place.exists() else []
        return {one.out.parent.name: one for one in found}

    def done(self) -> dict[str, str]:
        """Run to its record's id."""
        return {run: one.id for run, one in self.records().items() if one.state == "done"}

    def until(self, driver: subprocess.Popen[str], there: Callable[[], bool]) -> None:
        while not there():
            if driver.poll() is not None:
                sys.exit(f"the sweep has ended too early:\n{self.said.read_text()[-2000:]}")
            time.sleep(0.2)

    def end(self, driver: subprocess.Popen[str]) -> str:
        """Its last line."""
        driver.wait()
        return self.said.read_text().splitlines()[-1]


def story(spec: Path, root: Path, python: Path, runs: int) -> list[Fact]:
    """``spec``: of ``runs`` runs, whose git server is of this process."""
    with sweeps.counted_fetches() as fetches, ray_cluster.running(root / "nodes", NODES, python) as cluster:
        return [
            *calm(Sweep(spec, root / "calm", runs), cluster, fetches),
            *stormy(Sweep(spec, root / "stormy", runs), cluster),
        ]


def calm(sweep: Sweep, cluster: Cluster, fetches: list[int]) -> list[Fact]:
    began = time.perf_counter()
    end = sweep.end(sweep.start(cluster))
    took = time.perf_counter() - began
    records = list(sweep.records().values())
    nodes = Counter(node_of(one) for one in records)
    built = Counter(node_of(one) for one in records if not one.get("environment", "cached"))
    commits = len({one.commit for one in records})
    return [
        Fact("the sweep's end", end, f"{sweep.runs} runs: {sweep.runs} done"),
        Fact("records", str(len(records)), str(sweep.runs)),
        Fact("runs on each node", told(nodes)),
        Fact("fetches by the nodes, and by the driver", fetched(fetches), fetched([commits] * NODES + [2])),
        Fact("environments built on each node", told(built), told(dict.fromkeys(nodes, 1))),
        Fact("all of it", f"{took:.0f} s"),
        Fact("a job, median", f"{sorted(one.seconds for one in records)[len(records) // 2]:.1f} s"),
    ]


def stormy(sweep: Sweep, cluster: Cluster) -> list[Fact]:
    """A fifth node is lost with a run on it, then the driver is killed; the same command goes on."""
    lost = cluster.add()
    name = lost.store.parent.name
    driver = sweep.start(cluster)

    def on_it() -> set[str]:
        return {run for run, one in sweep.records().items() if one.state == "running" and node_of(one) == name}

    sweep.until(driver, lambda: len(sweep.done()) >= sweep.runs // 5 and bool(on_it()))
    cut = on_it()
    cluster.kill(lost)
    cut -= sweep.done().keys()
    sweep.until(driver, lambda: len(sweep.done()) >= sweep.runs // 2 and "is started again: " in sweep.said.read_text())
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = sweep.done()
    end = sweep.end(sweep.start(cluster))
    now, records = sweep.done(), sweep.records()
    elsewhere = sum(run in now and node_of(records[run]) != name for run in cut)
    return [
        Fact("runs on the node when it was lost", str(len(cut))),
        Fact("of them done elsewhere", str(elsewhere), str(len(cut))),
        Fact("done when the driver was killed", str(len(kept))),
        Fact("of them run again", str(sum(now.get(run) != record for run, record in kept.items())), "0"),
        Fact("the end of the same command", end, f"{sweep.runs} runs: {sweep.runs} done"),
    ]


def node_of(record: Record) -> str:
    """The folder of the node whose store the run's environment is in."""
    return Path(str(record.get("environment", "root")).partition("/store/")[0]).name


def fetched(wanted: list[int]) -> str:
    return told(Counter(f"of {count} commits at once" for count in wanted))


def told(counts: Mapping[object, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items(), key=str))
