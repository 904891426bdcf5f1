"""What a sweep asks of the git server, the index and the stores: once by formula, once by simulating every run."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy

Steps = Generator[simpy.Event, Any, Any]


class Sweep(NamedTuple):
    """``nodes`` that each run ``slots`` jobs at a time; every commit with every setting; ``locks``: different
    sets of requirements among the commits (neighbours share one); ``run_s``: a job's mean length."""

    nodes: int = 1000
    slots: int = 1
    commits: int = 100
    settings: int = 1000
    locks: int = 5
    racks: int = 25
    run_s: float = 600.0

    @property
    def runs(self) -> int:
        return self.commits * self.settings

    def lock_of(self, commit: int) -> int:
        return commit * self.locks // self.commits


class Costs(NamedTuple):
    """Seconds of one server process, megabytes over the network, seconds on the node."""

    fetch_s: float = 0.05
    fetch_mb: float = 0.4
    clone_s: float = 0.4
    clone_mb: float = 14.0
    wheels_mb: float = 250.0
    build_s: float = 2.0
    naive_build_s: float = 60.0


class Site(NamedTuple):
    """How many fetches the git server works on at once; the index's megabytes a second and connections."""

    git_workers: int = 8
    index_mb_s: float = 1250.0
    index_streams: int = 64


class Way(NamedTuple):
    """How a sweep is run: ``store`` is where things are kept ("none", "node", "rack"); ``keep``: a node stays with
    its commit while that has runs left."""

    name: str
    store: str
    keep: bool = False


WAYS = (
    Way("naive: clone and install in every run", "none"),
    Way("a store on each node, any order", "node"),
    Way("a store on each node, commits kept to nodes", "node", keep=True),
    Way("a store for each rack, any order", "rack"),
)


class Load(NamedTuple):
    """``fetches`` the git server saw and how long one waited for it at most; ``installs`` from the index, the
    gigabytes it sent, the longest wait; ``hours`` for all runs, ``ideal`` if starting cost nothing."""

    fetches: int
    git_wait_s: float
    installs: int
    index_gb: float
    index_wait_s: float
    hours: float
    ideal: float


def expected(sweep: Sweep, way: Way) -> tuple[float, float]:
    """Fetches and installs by formula: how many different commits and locks a store meets in its share of the runs."""
    if way.store == "none":
        return sweep.runs, sweep.runs
    if way.keep:  # each node is given one commit; more only where there are fewer nodes than commits
        return max(sweep.nodes, sweep.commits), max(sweep.nodes, sweep.locks)
    stores = sweep.nodes if way.store == "node" else sweep.racks
    share = sweep.runs / stores
    return stores * _different(sweep.commits, share), stores * _different(sweep.locks, share)


def _different(kinds: int, draws: float) -> float:
    """The expected number of different ones among draws from so many kinds."""
    return kinds * (1 - (1 - 1 / kinds) ** draws)


def simulate(sweep: Sweep, way: Way, costs: Costs, site: Site, seed: int = 7) -> Load:
    """Plays every run of the sweep; the same for the same seed."""
    return _Play(sweep, way, costs, site, random.Random(seed)).load()


class _Play:
    def __init__(self, sweep: Sweep, way: Way, costs: Costs, site: Site, chance: random.Random) -> None:
        self.sweep, self.way, self.costs, self.chance = sweep, way, costs, chance
        self.clock = simpy.Environment()
        self.git = simpy.Resource(self.clock, site.git_workers)
        self.index = simpy.Resource(self.clock, site.index_streams)
        self.stream_mb_s = site.index_mb_s / site.index_streams
        self.entries: dict[tuple[int, str, int], simpy.Event] = {}
        self.count: Counter[str] = Counter()
        self.waits = {"fetch": 0.0, "install": 0.0}
        self.next_run = _kept(sweep) if way.keep else _shuffled(sweep, chance)

    def load(self) -> Load:
        for node in range(self.sweep.nodes):
            for _ in range(self.sweep.slots):
                self.clock.process(self.work(node))
        self.clock.run()
        ideal = self.sweep.runs * self.sweep.run_s / (self.sweep.nodes * self.sweep.slots) / 3600
        index_gb = self.count["install"] * self.costs.wheels_mb / 1000
        fetches, installs = self.count["fetch"], self.count["install"]
        hours = self.clock.now / 3600
        return Load(fetches, self.waits["fetch"], installs, index_gb, self.waits["install"], hours, ideal)

    def work(self, node: int) -> Steps:
        """One slot of a node: takes run after run until none is left."""
        while (commit := self.next_run(node)) is not None:
            place = node if self.way.store == "node" else node % self.sweep.racks
            yield from self.start(place, commit)
            yield self.clock.timeout(self.sweep.run_s * self.chance.uniform(0.8, 1.2))

    def start(self, place: int, commit: int) -> Steps:
        lock = self.sweep.lock_of(commit)
        if self.way.store == "none":
            yield from self.fetch(self.costs.clone_s)
            yield from self.install(self.costs.naive_build_s)
        else:
            yield from self.once((place, "commit", commit), lambda: self.fetch(self.costs.fetch_s))
            yield from self.once((place, "lock", lock), lambda: self.install(self.costs.build_s))

    def once(self, entry: tuple[int, str, int], build: Callable[[], Steps]) -> Steps:
        """An entry of a store: the first one builds it, the others wait for that one, later ones find it."""
        if entry in self.entries:
            yield self.entries[entry]
            return
        self.entries[entry] = self.clock.event()
        yield from build()
        self.entries[entry].succeed()

    def fetch(self, seconds: float) -> Steps:
        yield from self.ask("fetch", self.git, seconds)

    def install(self, build_s: float) -> Steps:
        yield from self.ask("install", self.index, self.costs.wheels_mb / self.stream_mb_s)
        yield self.clock.timeout(build_s)

    def ask(self, kind: str, server: simpy.Resource, seconds: float) -> Steps:
        self.count[kind] += 1
        asked = self.clock.now
        with server.request() as turn:
            yield turn
            self.waits[kind] = max(self.waits[kind], self.clock.now - asked)
            yield self.clock.timeout(seconds)


NextRun = Callable[[int], "int | None"]


def _shuffled(sweep: Sweep, chance: random.Random) -> NextRun:
    """Any order: what a scheduler that knows nothing of commits makes of a sweep."""
    left = deque(commit for commit in range(sweep.commits) for _ in range(sweep.settings))
    chance.shuffle(left)
    return lambda node: left.popleft() if left else None


def _kept(sweep: Sweep) -> NextRun:
    """A node stays with its commit; when that is done it helps where most runs are left for each node there."""
    left = [sweep.settings] * sweep.commits
    at = {node: node % sweep.commits for node in range(sweep.nodes)}
    there = Counter(at.values())

    def take(node: int) -> int | None:
        if not left[at[node]]:
            there[at[node]] -= 1
            at[node] = max(range(sweep.commits), key=lambda commit: left[commit] / (1 + there[commit]))
            there[at[node]] += 1
        if not left[at[node]]:
            return None
        left[at[node]] -= 1
        return at[node]

    return take
