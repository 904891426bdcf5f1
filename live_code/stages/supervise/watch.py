"""Stays with a job that has been started to its end: its output, its limits, its last words."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live_code.stages.supervise import exceptions, screen, timeouts
from live_code.stages.supervise.contract import FALLEN, HANGING_RANKS, MAX_DURATION, STALL, Exit, Places, Report, Rules
from live_code.stages.supervise.group import Group
from live_code.stages.supervise.joblog import JobLog
from live_code.stages.supervise.output import Output, Stream
from live_code.tools import files
from live_code.tools.telemetry import cgroup, gpu, space
from live_code.tools.telemetry.sampler import Sampler
from live_code.tools.terminal import log

if TYPE_CHECKING:
    from live_code.stages.supervise.panel import Panel

TICK_S = 1.0
# While the job is being ended we look more often.
FINISHING_TICK_S = 0.02
SPACE_EVERY_S = 15.0
# What a chatty job prints in this time is read at once: waking up for each line would cost more than the lines.
GATHER_S = 0.005
PIECE = 1 << 20
WHY = {
    MAX_DURATION: "max_duration_s is over",
    STALL: "nothing has happened for stall_timeout_s",
    HANGING_RANKS: "a rank has died and the others hang",
    FALLEN: "its main thread has died of an exception and the others go on",
}
# A GPU that idles for this share of the time is worth a line at the end.
WORTH_SAYING = 0.3


def to_the_end(job: Group, places: Places, rules: Rules, title: str) -> Exit:
    """Everything that there is to know of the job's end. Its output goes to ours line by line, and to the log.

    ``title``: what a person calls this job.
    """
    if blind := rules.gpu_wanted and not gpu.devices():
        log.warning("gpu_id is set, but this container has no NVIDIA GPU")
    killed_before = cgroup.oom_kills()
    counted = cgroup.find().oom_kills is not None
    with JobLog(places.log_file, rules.log_quota) as copy:
        output = Output(copy, log.as_json)
        with (
            Sampler(places.tensorboard, _every(rules), places.log_file.parent) as sampler,
            screen.panel(title, places.monitor_file) as panel,
        ):
            _stay(job, output, _Watch(places, rules, job, output, sampler), panel)
    _report_idle(sampler.summary())
    if job.left:
        more = f" and {len(job.left) - 3} more" if len(job.left) > 3 else ""
        log.warning(f"still running when the job had ended, and ended with it: {'; '.join(job.left[:3])}{more}")
    exceptions.clear_cut_off(places.reports)
    reports = exceptions.read(places.reports)
    return Exit(
        code=max(job.code, 0),
        signal=max(-job.code, 0),
        stopped_by=job.stopped_by,
        seconds=time.monotonic() - job.started,
        tail=output.tail,
        ended_by=job.ended_by,
        reports=tuple(report._replace(later=output.since(report.time)) for report in reports),
        oom_kills=cgroup.oom_kills() - killed_before,
        full=tuple(str(place) for place in places.disks if space.full(place)),
        no_gpu=blind,
        output=str(places.output or ""),
        usage=sampler.summary(),
        pid=job.job.pid,
        ended=time.time(),
        left=job.left,
        memory_counted=counted,
    )


def _report_idle(usage: Mapping[str, Any] | None) -> None:
    share = usage.get("gpu_idle_share", 0.0) if usage else 0.0
    if share >= WORTH_SAYING:
        log.info(f"the GPU waited {share:.0%} of the time: more data loader workers may help")


def _every(rules: Rules) -> float:
    """Seconds between samples; whoever looks for a stall has to look more often than that."""
    return min(rules.telemetry_every, rules.stall_timeout / 4) if rules.stall_timeout else rules.telemetry_every


def _stay(job: Group, output: Output, watch: _Watch, panel: Panel | None) -> None:
    """Passes both streams on until all that belongs to the job has ended."""
    with selectors.DefaultSelector() as selector, _woken_by_signals() as wake:
        selector.register(wake, selectors.EVENT_READ)
        for pipe, target, name in zip(job.streams, (sys.stdout, sys.stderr), ("stdout", "stderr"), strict=True):
            shown = screen.shown(panel, name, target.fileno(), job.poll)
            selector.register(pipe, selectors.EVENT_READ, Stream(name, output, shown))
        gone = False
        while not gone:
            ready = selector.select(FINISHING_TICK_S if job.ending else TICK_S)
            if ready:
                time.sleep(GATHER_S)
            for key, _ in ready:
                _read(selector, key)
            gone = job.poll()
            watch.check()
            if panel:
                panel.refresh(watch.sampler.newest, output.tail)
        while len(selector.get_map()) > 1 and (
            ready := selector.select(0)
        ):  # what its dead processes left in the pipes
            for key, _ in ready:
                _read(selector, key)


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    piece = os.read(key.fd, PIECE)
    if key.data and not key.data.feed(piece):
        selector.unregister(key.fileobj)


class _Watch:
    """Holds what happens against the rules, once a second at most."""

    def __init__(self, places: Places, rules: Rules, job: Group, output: Output, sampler: Sampler) -> None:
        self.places, self.rules, self.job, self.output, self.sampler = places, rules, job, output, sampler
        self.started = job.started
        self.progress = self.next_space = time.monotonic()
        self.next_look = self.progress + TICK_S
        self.modified = 0
        self.rank_died: float | None = None
        self.fallen: float | None = None
        self.reports_seen: tuple[int, ...] = ()
        self.warned: set[Path] = set()

    def check(self) -> None:
        now = time.monotonic()
        if now < self.next_look or self.job.ending:
            return
        self.next_look = now + TICK_S
        self._see_progress(now)
        self._see_reports(now)
        seen = timeouts.Seen(
            now, self.started, self.output.last, self.progress, self.sampler.busy_at, self.rank_died, self.fallen
        )
        if why := timeouts.broken(self.rules, seen):
            log.warning(f"the job is being ended: {WHY[why]}")
            self.job.end(why)
        if now >= self.next_space:
            self.next_space = now + SPACE_EVERY_S
            self._see_space()

    def _see_progress(self, now: float) -> None:
        try:
            modified = self.places.monitor_file.stat().st_mtime_ns
        except OSError:
            return
        if modified != self.modified:
            self.modified, self.progress = modified, now

    def _see_reports(self, now: float) -> None:
        stamp = files.stamp(self.places.reports)
        if stamp == self.reports_seen:
            return
        self.reports_seen = stamp
        reports = exceptions.read(self.places.reports)
        if self.rank_died is None and any(_of_a_rank(report) for report in reports):
            self.rank_died = now
        top = next((report for report in reports if report.pid == self.job.job.pid and report.over), None)
        if self.fallen is None and top:
            self.fallen = now
            log.warning(_of_the_fallen(top))

    def _see_space(self) -> None:
        for place in self.places.disks:
            if place not in self.warned and (free := space.low(place)) is not None:
                self.warned.add(place)
                log.warning(f"{place} is nearly full: {free >> 20} MiB are free")


def _of_the_fallen(report: Report) -> str:
    names = f"{', '.join(report.threads[:5])} of its threads" if report.threads else "something"
    text = " ".join(report.text.split())[:300]
    return (
        f"the job's main thread has died of {text}, but {names} keeps the process alive:"
        f" it is ended in {timeouts.FALLEN_GRACE_S:g} s"
    )


def _of_a_rank(report: Report) -> bool:
    return report.rank not in ("", "-1")


@contextmanager
def _woken_by_signals() -> Iterator[int]:
    """A handle that can be read when a signal has come, SIGCHLD among them: the end of the job is seen at once."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    woken_before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    try:
        yield read_end
    finally:
        signal.set_wakeup_fd(woken_before)
        signal.signal(signal.SIGCHLD, before)
        os.close(read_end)
        os.close(write_end)
