"""Reports the task's state to the platform: our own lines in ``monitor.txt``, before and after the job."""

from __future__ import annotations

import time
from pathlib import Path

from live_code.errors import LiveCodeError, OutputError
from live_code.job.ymir_exc import protocol
from live_code.stages.request.task_config import TaskConfig
from live_code.tools.machine import container
from live_code.values import NamedTuple

# So much of a message fits into the one block that the file has on any disk, in letters of four bytes at most.
_IN_PLACE = 800


class Status(NamedTuple):
    """The monitor file through which the task's state is reported."""

    monitor_file: Path
    task_id: str = ""

    def begin(self) -> None:
        """The task starts, whatever an earlier one left in the file. Raises OutputError when it can't be written."""
        self._write(0.0, protocol.STATE_RUNNING, protocol.CODE_OK, "starting")

    def running(self, message: str) -> None:
        """The task is on its way, as far as it had come. Raises OutputError."""
        self._write(self._percent(), protocol.STATE_RUNNING, protocol.CODE_OK, message)

    def done(self) -> None:
        self._write(1.0, protocol.STATE_DONE, protocol.CODE_OK, "")

    def failed(self, error: LiveCodeError) -> None:
        """The task has failed; progress stays where the job had brought it."""
        stack = tuple(line for line in error.details.splitlines() if line.strip())
        try:
            self._write(self._percent(), protocol.STATE_ERROR, error.return_code, str(error), stack)
        except OutputError:
            if not self._written_over(error):
                raise

    def _written_over(self, error: LiveCodeError) -> bool:
        """Puts the state, without its stack, where the old one stands: a full disk has that room and no other."""
        monitor = protocol.Monitor(
            self.task_id, time.time(), self._percent(), protocol.STATE_ERROR, error.return_code, str(error)[:_IN_PLACE]
        )
        text = protocol.format_monitor(monitor).encode()
        try:
            with self.monitor_file.open("r+b", buffering=0) as file:
                file.write(text)
                file.truncate(len(text))
        except OSError:
            return False
        return True

    def current(self) -> protocol.Monitor | None:
        """What stands in the file now; None when there is nothing that the platform could read."""
        try:
            return protocol.parse_monitor(self.monitor_file.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):
            return None

    def _percent(self) -> float:
        current = self.current()
        return min(max(current.percent, 0.0), 1.0) if current else 0.0

    def _write(self, percent: float, state: int, code: int, message: str, stack: tuple[str, ...] = ()) -> None:
        monitor = protocol.Monitor(self.task_id, time.time(), percent, state, code, message, stack)
        try:
            self.monitor_file.parent.mkdir(parents=True, exist_ok=True)
            protocol.write_atomic(self.monitor_file, protocol.format_monitor(monitor))
        except OSError as error:
            raise container.refused(self.monitor_file, error) from error


def of(task: TaskConfig) -> Status:
    return Status(Path(task.output["monitor_file"]), task.task_id)
