"""Takes samples while a job runs, in a thread: a GPU driver that hangs must not hold up the job's output."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading

# Below it a processor, or a GPU, is called idle.
IDLE_CORES = 0.05
IDLE_GPU = 0.05
# A sample takes this share of a core at most, whatever the machine: on slow ones there are fewer samples.
LARGEST_SHARE = 0.004
RUN = "live_code"


class Sampler:
    """Samples below this process every ``every`` seconds (0: none).

    ``tensorboard``: the folder that the platform shows; ours is a run of its own in it, made with the first sample.
    """

    def __init__(self, tensorboard: Path | None, every: float, disk: Path) -> None:
        self.tensorboard = tensorboard
        self.every = every
        self.disk = disk
        self.busy_at = time.monotonic()
        self.newest: dict[str, float] = {}
        self._started = self.busy_at
        self._samples = 0
        self._gpu_idle = 0
        self._sums: dict[str, float] = {}
        self._peaks: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._stop: threading.Event | None = None

    def __enter__(self) -> Sampler:
        if self.every:
            import threading

            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stop,), name="telemetry", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop and self._thread:
            self._stop.set()
            self._thread.join(timeout=1.0)

    def summary(self) -> dict[str, Any] | None:
        """Mean and peak of each value, and the share of the time in which no GPU did anything; None without samples."""
        if not self._samples:
            return None
        values: dict[str, Any] = {
            name: {"mean": total / self._samples, "peak": self._peaks[name]} for name, total in self._sums.items()
        }
        if any(name.startswith("gpu") for name in self._sums):
            values["gpu_idle_share"] = self._gpu_idle / self._samples
        return {"samples": self._samples, **values}

    def _run(self, stop: threading.Event) -> None:
        if stop.wait(self.every):
            return  # a short job pays for no imports
        from live_code.tools.telemetry.gpu import Gpus
        from live_code.tools.telemetry.usage import Machine

        machine, gpus, events = Machine(os.getpid(), self.disk), Gpus(), _Events(self.tensorboard)
        pause = self.every
        while not stop.wait(pause):
            used = time.thread_time()
            values = {**machine.sample(), **gpus.sample()}
            self._count(values)
            events.write(round(time.monotonic() - self._started), values)
            pause = max(self.every, (time.thread_time() - used) / LARGEST_SHARE)

    def _count(self, values: dict[str, float]) -> None:
        self._samples += 1
        self.newest = values
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._peaks[name] = max(self._peaks.get(name, value), value)
        gpu_busy = any(name.endswith("/utilisation") and value > IDLE_GPU for name, value in values.items())
        self._gpu_idle += not gpu_busy
        if gpu_busy or values["cpu/job_cores"] > IDLE_CORES:
            self.busy_at = time.monotonic()


class _Events:
    """The event file, as long as it can be written: telemetry never disturbs a job whose disk is full."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: Any = None

    def write(self, step: int, values: dict[str, float]) -> None:
        if self._folder is None:
            return
        try:
            if self._file is None:
                from live_code.tools.telemetry.eventfile import EventFile

                self._file = EventFile(self._folder / RUN)
            self._file.scalars(step, values)
        except OSError:
            self._folder = None
