"""One run in two processes: a worker, which does all of it, and a guard, which outlives it and stays small."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from live_code.errors import ConfigError
from live_code.tools.processes import guard
from live_code.values import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from live_code.stages.request.task_config import Folders


class Options(NamedTuple):
    """The options of ``live-code run``. ``debug``: where the job waits for a debugger, '' for none."""

    in_dir: Path | None = None
    out_dir: Path | None = None
    env_file: Path | None = None
    log_format: str = "text"
    plain: bool = False
    bundle: Path | None = None
    shell: bool = False
    debug: str = ""


def run(
    options: Options,
    environ: Mapping[str, str],
    bounded: Callable[[Callable[[], int]], int] = lambda work: work(),
) -> int:
    """Runs one task folder and returns the exit code. What the run itself needs is imported by the worker alone.

    ``bounded``: does the worker's work, and makes an exit code of what that raises.
    """
    name = guard.new_name()
    panel = not options.plain and options.log_format == "text" and _is_watched(environ)

    def work() -> int:
        gc.disable()  # until the job has been started: there is no garbage, and looking for it takes 3 ms
        from live_code.run import story
        from live_code.tools.terminal import log

        if options.log_format == "json":
            log.use_json()
        if panel:
            from live_code.tools.terminal import footer

            log.use_terminal(footer.Terminal())
        if options.shell:
            return story.shell(_folders(options), environ, options.bundle)
        return story.run(_folders(options), environ, name=name, debug=options.debug, bundle=options.bundle)

    def lost(number: int) -> int:
        from live_code.run import finish

        if panel:
            from live_code.tools.terminal import footer

            footer.Terminal().write(footer.RESTORED)
        return finish.lost(_folders(options), environ, name, number)

    def failed(code: int) -> int:
        from live_code.run import finish

        return finish.failed(_folders(options), environ, name, code)

    if options.shell:  # it needs the terminal itself
        return work()
    with _alone(options):
        return guard.run(lambda: bounded(work), lost, failed)


@contextmanager
def _alone(options: Options) -> Iterator[None]:
    """Holds the output folder for this run, by a lock that goes with the last of our processes. Raises ConfigError
    when another run has it: nothing of that one is touched."""
    from live_code.stages.request import task_config

    out = task_config.out_dir(_folders(options))
    place = out / "live-code"  # our own folder: the job's SDK locks the other one
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it can't be used: the run itself tells
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(f"another run is writing to {out}.", hint="Wait for it, or name another --out.") from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def _folders(options: Options) -> Folders:
    from live_code.stages.request.task_config import Folders

    return Folders(options.in_dir, options.out_dir, options.env_file)


def _is_watched(environ: Mapping[str, str]) -> bool:
    """Whether a person sees the messages, on a terminal that a panel can be drawn on."""
    if not sys.stderr.isatty():
        return False
    from live_code.tools.terminal import footer

    return footer.wanted(environ)
