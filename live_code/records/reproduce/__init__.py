"""Runs a recorded run again: same commit, same lock, same config; and reports whether the same came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import RecordError
from live_code.records.reproduce import conditions, docker, folder, verify
from live_code.run import finish, story
from live_code.stages.record import reading
from live_code.stages.record.reading import Record
from live_code.stages.request import hyperparameters, task_config
from live_code.tools import settings
from live_code.tools.processes import guard
from live_code.tools.terminal import log
from live_code.values import NamedTuple

__all__ = ["Wanted", "reproduce"]


class Wanted(NamedTuple):
    """How a record is to be run again. ``in_dir``: the data, where it is not where the record says.

    ``given``: values for hyper-parameters that the record hides. ``tolerance``: how far a metric may be off.
    """

    in_dir: Path | None = None
    out_dir: Path | None = None
    verify: bool = False
    tolerance: float = 1e-6
    given: Mapping[str, str] = {}


def reproduce(recorded: Record, wanted: Wanted, environ: Mapping[str, str]) -> int:
    """The exit code of the run; with ``verify`` 1 when it ended well but is not the same. Raises RecordError."""
    verify.check_record(recorded)
    in_dir = (wanted.in_dir or folder.recorded_input(recorded)).absolute()
    out_dir = (wanted.out_dir or Path(f"reproduced-{recorded.id}")).absolute()
    if os.path.realpath(out_dir) == os.path.realpath(recorded.out):
        raise RecordError(
            f"{out_dir} is the folder of the run itself: its record would be replaced.", hint="Name another --out."
        )
    plan = folder.plan(recorded, in_dir, out_dir, wanted.given)
    for line in conditions.differences(recorded, settings.read(environ)):
        log.warning(f"can't be the same here: {line}")
    log.info(f"in a container: {docker.line(recorded, in_dir, out_dir, verify=wanted.verify)}")
    folder.write(plan)
    code = _run(plan, environ)
    if code or not wanted.verify:
        return code
    return _verify(recorded, out_dir, wanted.tolerance)


def _run(plan: folder.Plan, environ: Mapping[str, str]) -> int:
    folders = task_config.Folders(plan.in_dir, plan.out_dir, plan.env_file)
    name = guard.new_name()

    def pinned(request: hyperparameters.Request) -> hyperparameters.Request:
        return request._replace(revision=plan.commit, lock=os.fspath(plan.lock_file), git_patch=plan.patch)

    return guard.run(
        lambda: story.run(folders, environ, change=pinned, name=name),
        lambda number: finish.lost(folders, environ, name, number),
        lambda code: finish.failed(folders, environ, name, code),
    )


def _verify(recorded: Record, out_dir: Path, tolerance: float) -> int:
    again = reading.read(out_dir)
    drift = verify.drift(recorded, again, tolerance)
    for line in verify.other_bytes(recorded, again):
        log.info(line)
    for line in drift:
        log.error(f"not the same: {line}")
    if not drift:
        log.info(f"the same as {recorded.id}: {verify.summary(again)}")
    return 1 if drift else 0
