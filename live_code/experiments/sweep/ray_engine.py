"""Runs on a Ray cluster: one Ray task for each. The only module that imports Ray, and only when it is asked for.

The task does on its node what the local engine does here, and tells as a stream: first where it is, then, where the
nodes don't see the driver's folder, what the run has written. Ray itself tries nothing again: the driver knows better
what is worth it. Ray gives the GPUs; a node that is lost is told as a lost run.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as NodeAffinity

from live_code.errors import ConfigError
from live_code.experiments.sweep import node, process, task_folder, transfer
from live_code.experiments.sweep.engine import Exit
from live_code.experiments.sweep.row import RUNS
from live_code.experiments.sweep.spec import COPIED, PULLED, Resources, Spec
from live_code.experiments.sweep.task_folder import COMMIT_KEY, Base, Job
from live_code.tools import settings as variables
from live_code.tools import store
from live_code.tools.machine import container
from live_code.tools.settings import Inherited, StoreSettings
from live_code.tools.terminal import log
from live_code.values import NamedTuple

# Between two looks of a node at a run of its own.
POLL_S = 0.1
# Between two looks at what it has written, and at whether it is to stop.
SYNC_S = 1.0
DATA = "sweep-data"
_REACHED_S = 10.0


class Order(NamedTuple):
    """What all runs of a sweep have in common, for the nodes. ``place``: the driver's folder, '' when they don't see
    it. ``packed``: the task's data in pieces, none when they see that where it is."""

    git_url: str
    commits: tuple[str, ...]
    fingerprint: str
    place: str
    packed: tuple[Any, ...]


class Started(NamedTuple):
    node: str


class Board:
    """Lives in the cluster: the driver writes there which runs are to stop, the nodes look."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()

    def stop(self, run_id: str) -> None:
        self._stopped.add(run_id)

    def pop_stop(self, run_id: str) -> bool:
        """Whether the run is to stop; it may be started again later."""
        stopping = run_id in self._stopped
        self._stopped.discard(run_id)
        return stopping


def connect(address: str) -> None:
    """``address``: 'local' for a cluster of this machine alone, 'auto' or host:port for one that is there.

    Raises ConfigError.
    """
    try:
        if ":" in address and "://" not in address:  # Ray itself looks for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED_S).close()
        own = {"include_dashboard": False} if address == "local" else {}
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **own)
    except (OSError, RayError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"there is no Ray cluster at {address!r}: {str(error).splitlines()[0].rstrip('.')}.",
            hint="Start one (ray start --head), or name another. One that wants a token: RAY_AUTH_MODE=token.",
        ) from error


class RayEngine:
    """An Engine of Ray tasks. ``most`` 0: as many as the cluster has room for."""

    def __init__(self, spec: Spec, base: Base, place: Path, commits: Sequence[str]) -> None:
        self._resources = spec.resources
        self._most = spec.max_parallel
        self._pulled = spec.results == PULLED
        self._runs = place / RUNS
        self._streams: dict[Any, str] = {}
        self._nodes: dict[str, str] = {}
        self._board = _board()
        packed = _packed(base.in_dir) if spec.data == COPIED else ()
        seen = "" if self._pulled else str(place)
        self._order = ray.put(Order(base.git_url, tuple(commits), base.fingerprint, seen, packed))
        self._work = _task(spec.resources)
        if not _slots(_alive(), spec.resources):
            log.warning("no node of the cluster has room for a run now; they wait for one (resources in the spec)")

    def room(self) -> int:
        """One more than there is place for on each node waits, so that none waits for us."""
        nodes = _alive()
        wanted = _slots(nodes, self._resources) + len(nodes)
        return min(wanted, self._most or wanted) - len(self._streams)

    def start(self, job: Job) -> None:
        if self._pulled:
            task_folder.write(self._runs / job.id, job)
        self._streams[self._work.remote(job, self._order, self._board)] = job.id

    def exits(self, wait_s: float) -> Iterator[Exit]:
        """Takes in what has come on the way."""
        if not self._streams:
            return
        ready, _ = ray.wait(list(self._streams), num_returns=len(self._streams), timeout=0)
        if not ready:
            ready, _ = ray.wait(list(self._streams), num_returns=1, timeout=wait_s)
        for stream in ready:
            run_id = self._streams[stream]
            over, lost = self._take(stream, run_id)
            if over:
                del self._streams[stream]
                yield Exit(run_id, self._nodes.pop(run_id, ""), lost)

    def node(self, run_id: str) -> str:
        return self._nodes.get(run_id, "")

    def stop(self, run_id: str) -> None:
        """One that waits for a place has nothing to stop: it never comes to it."""
        stream = next((stream for stream, name in self._streams.items() if name == run_id), None)
        if stream is None:
            return
        if run_id in self._nodes:
            self._board.stop.remote(run_id)
        else:
            with suppress(RayError):
                ray.cancel(stream)
            del self._streams[stream]

    def close(self) -> None:
        ray.shutdown()

    def _take(self, stream: Any, run_id: str) -> tuple[bool, str]:
        """One message of a run's stream: whether that was its end, and why it was lost, if it was."""
        try:
            message = ray.get(next(stream))
        except StopIteration:
            return True, ""
        except RayError as error:
            return True, f"{type(error).__name__} on {self._nodes.get(run_id) or 'the way there'}"
        if isinstance(message, Started):
            self._nodes[run_id] = message.node
        elif isinstance(message, transfer.Piece):
            transfer.put(self._runs / run_id, message)
        return False, ""


def _board() -> Any:
    """Where the driver is: what else is lost, the driver's word gets through."""
    node_id = ray.get_runtime_context().get_node_id()
    return ray.remote(Board).options(num_cpus=0, scheduling_strategy=NodeAffinity(node_id, soft=False)).remote()


def _task(wanted: Resources) -> Any:
    return ray.remote(work).options(
        num_cpus=wanted.cpus,
        num_gpus=wanted.gpus,
        memory=wanted.memory or None,
        max_retries=0,
        num_returns="streaming",
        scheduling_strategy="SPREAD",
        name="live-code run",
    )


def work(job: Job, order: Order, board: Any) -> Iterator[Started | transfer.Piece]:
    """On a node: the run, from start to end."""
    yield Started(_this_node())
    environ = container.settled(os.environ)
    wrong = variables.problems(environ)  # the run itself reports them, as the end that it comes to
    settings = variables.read({name: value for name, value in environ.items() if name not in wrong})
    if not wrong:
        node.prepare(order.git_url, order.commits, settings, str(job.config[COMMIT_KEY]))
    job = job._replace(data=_data(order, settings.store) if order.packed else job.data)
    with tempfile.TemporaryDirectory(prefix="live-code-sweep-") as own:
        folder = Path(order.place, RUNS, job.id) if order.place else Path(own, job.id)
        changes = None if order.place else transfer.Changes(folder, ("out", process.LOG))
        child = process.start(folder, job, settings._replace(inherited=Inherited(environ)))
        try:
            synced = time.monotonic()
            while child.poll() is None:
                time.sleep(POLL_S)
                if time.monotonic() - synced >= SYNC_S:
                    synced = time.monotonic()
                    if ray.get(board.pop_stop.remote(job.id)):
                        child.terminate()
                    if changes:
                        yield from changes.pieces(all_of_it=False)
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
        if changes:
            yield from changes.pieces(all_of_it=True)


def _this_node() -> str:
    context = ray.get_runtime_context()
    return f"{os.uname().nodename}/{context.get_node_id()[:6]}"


def _alive() -> list[Mapping[str, float]]:
    """The resources of each node."""
    return [entry["Resources"] for entry in ray.nodes() if entry["Alive"]]


def _slots(nodes: Sequence[Mapping[str, float]], wanted: Resources) -> int:
    """How many runs have room on all nodes together."""
    needs = {"CPU": wanted.cpus, "GPU": wanted.gpus, "memory": wanted.memory}
    return sum(
        min((int(capacity.get(name, 0) / need) for name, need in needs.items() if need), default=1)
        for capacity in nodes
    )


def _packed(folder: Path) -> tuple[Any, ...]:
    """The data in Ray's object store, in pieces: a node takes each once."""
    with tempfile.TemporaryFile() as packed:
        transfer.pack(folder, (task_folder.ENV, task_folder.CONFIG), packed)
        packed.seek(0)
        log.info(f"sending {folder} to the nodes")
        return tuple(ray.put(piece) for piece in iter(lambda: packed.read(transfer.PIECE), b""))


def _data(order: Order, settings: StoreSettings) -> Path:
    """The task's data on this node, brought once for all its runs."""

    def fill(folder: Path, _: int) -> None:
        with tempfile.TemporaryFile() as packed:
            for piece in order.packed:
                packed.write(ray.get(piece))
            packed.seek(0)
            transfer.unpack(packed, folder / "in")

    def check(folder: Path) -> str | None:
        return None if (folder / "in").is_dir() else "it is not whole"

    cache = store.find(settings)
    return cache.folder(DATA, order.fingerprint, fill, check, "the data of a sweep is being brought").path / "in"
