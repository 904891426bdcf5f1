"""Shows a run: a bar with the platform's view of the progress on a terminal, the run's own lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from live_code.job.ymir_exc import protocol

Say = Callable[[str], None]

_POLL_SECONDS = 0.2
_LONGEST_LINE = 60


@contextmanager
def shown(name: str, monitor: Path) -> Iterator[Say]:
    """Yields what takes the run's lines, one at a time."""
    if sys.stdout.isatty():
        with _bar(name, monitor) as say:
            yield say
    else:
        print(f"== {name}", flush=True)
        yield lambda line: print(f"   {line}", flush=True)


@contextmanager
def _bar(name: str, monitor: Path) -> Iterator[Say]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    last = TextColumn("{task.fields[line]}", style="dim", markup=False)
    columns = (TextColumn("{task.description:13}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), last)
    with Progress(*columns) as progress:
        task = progress.add_task(name, total=1.0, line="")
        with _polled(monitor, lambda percent: progress.update(task, completed=percent)):
            yield lambda line: progress.update(task, line=line[:_LONGEST_LINE])
        progress.update(task, line="")


@contextmanager
def _polled(monitor: Path, report: Callable[[float], None]) -> Iterator[None]:
    """Calls ``report`` with the percent that the platform sees, a few times a second and at the end."""
    finished = Event()

    def poll() -> None:
        while not finished.wait(_POLL_SECONDS):
            report(percent_of(monitor))

    thread = Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        report(percent_of(monitor))


def percent_of(monitor: Path) -> float:
    try:
        return protocol.parse_monitor(monitor.read_text(encoding="utf-8")).percent
    except (OSError, ValueError):
        return 0.0
