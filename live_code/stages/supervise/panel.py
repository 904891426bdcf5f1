"""What a person at a terminal sees below the job's output: how far it has come and how busy the machine is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from live_code.job.ymir_exc import protocol
from live_code.stages.supervise.lines import Readable
from live_code.tools.terminal.footer import MOVES, Line, Terminal
from live_code.values import NamedTuple

REFRESH_S = 1.0
GIB = 1 << 30
COLOURS = ColorSystem.STANDARD
LAST_LINES = 3
_COLOURS = re.compile(rb"\x1b\[[0-?]*[ -/]*m?|\x1b")


class Progress(NamedTuple):
    """``left`` is in seconds; None: nobody knows yet."""

    percent: float
    left: float | None
    message: str


class Seen(NamedTuple):
    """One look at a job. ``usage`` is telemetry's newest sample; ``bars`` are lines that the job is still rewriting."""

    title: str
    seconds: float
    cores: float
    progress: Progress | None = None
    usage: Mapping[str, float] = {}
    bars: Sequence[bytes] = ()
    last_lines: Sequence[str] = ()


class Panel:
    """The job's output goes up, the panel stands below it. ``cores``: how many there are."""

    def __init__(self, terminal: Terminal, title: str, monitor_file: Path, cores: float) -> None:
        self.terminal = terminal
        self._monitor = Monitor(monitor_file, time.monotonic())
        self._seen = Seen(title, 0.0, cores)
        self._started = time.monotonic()
        self._next = self._started
        self._streams: dict[str, Readable] = {}

    def stream(self, name: str) -> Callable[[bytes], None]:
        """For what the job prints to one of its streams, nothing at its end. What it rewrites stays one line."""
        readable = self._streams.setdefault(name, Readable(every=float("inf")))

        def write(text: bytes) -> None:
            if lines := readable.feed(text, 0.0):
                self.terminal.say(lines if lines.endswith(b"\n") else lines + b"\n")

        return write

    def refresh(self, usage: Mapping[str, float], last_lines: Sequence[str]) -> None:
        """Called again and again: draws the panel anew when it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + REFRESH_S
        self._seen = self._seen._replace(
            seconds=now - self._started,
            progress=self._monitor.progress(now),
            usage=usage,
            bars=tuple(filter(None, (stream.state for stream in self._streams.values()))),
            last_lines=() if "stdout" in self._streams else last_lines[-LAST_LINES:],
        )
        self.terminal.show(drawn(self._seen, self.terminal.size.columns - 1))


class _Step(NamedTuple):
    """How far the job had come at a moment, in seconds."""

    moment: float
    percent: float


class Monitor:
    """Reads the job's progress when it has changed. ``started``: the moment from which on it makes some."""

    def __init__(self, path: Path, started: float) -> None:
        self._path = path
        self._started = started
        self._modified = 0
        self._steps: list[_Step] = []
        self._message = ""

    def progress(self, now: float) -> Progress | None:
        try:
            modified = self._path.stat().st_mtime_ns
            if modified != self._modified:
                monitor = protocol.parse_monitor(self._path.read_text(encoding="utf-8", errors="replace"))
                self._modified, self._message = modified, monitor.message
                self._add(_Step(now if self._steps else self._started, monitor.percent))
        except (OSError, ValueError):
            return None
        if not self._steps:
            return None
        return Progress(self._steps[-1].percent, self._left(now), self._message)

    def _add(self, step: _Step) -> None:
        """Kept are the start, the first step and the last."""
        if not self._steps or step.percent > self._steps[-1].percent:
            self._steps[2:] = []
            self._steps.append(step)

    def _left(self, now: float) -> float | None:
        """By the speed since the first step, as what comes before it is loading too; by that of the first, if alone."""
        if len(self._steps) < 2:
            return None
        before, last = self._steps[-2:]
        left = (last.moment - before.moment) * (1 - last.percent) / (last.percent - before.percent)
        return max(left - (now - last.moment), 0.0)


def drawn(seen: Seen, width: int) -> tuple[Line, ...]:
    """The panel, so many cells wide."""
    console = Console(width=width, force_terminal=True, color_system="standard", legacy_windows=False)
    lines = console.render_lines(Group(*_parts(seen, width)), pad=False)
    return tuple(Line(_ansi(segments), Segment.get_line_length(segments)) for segments in lines)


def _parts(seen: Seen, width: int) -> Iterator[RenderableType]:
    for bar in seen.bars:
        yield _one_line(_COLOURS.sub(b"", MOVES.sub(b"", bar)).decode(errors="replace"))
    yield Rule(_one_line(f"{seen.title} {_clock(seen.seconds)}"), align="left", style="dim")
    for line in seen.last_lines:
        yield _one_line(line)
    if seen.progress and seen.progress.message:
        yield _one_line(seen.progress.message)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(width=max(6, min(30, width // 4)))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for label, share, text in _rows(seen):
        table.add_row(label, "" if share is None else _bar(min(share, 1.0)), text)
    yield table


def _rows(seen: Seen) -> Iterator[tuple[str, float | None, str]]:
    usage = seen.usage
    if seen.progress:
        left = f", {_clock(seen.progress.left)} left" if seen.progress.left is not None else ""
        yield "progress", seen.progress.percent, f"{seen.progress.percent:.1%}{left}"
    if (used := usage.get("cpu/job_cores")) is not None:
        yield "cpu", used / seen.cores, f"{used:.1f} of {seen.cores:g} cores"
    yield from _memory("memory", usage, "memory/used_bytes", "memory/limit_bytes")
    number = 0
    while any(name.startswith(f"gpu{number}/") for name in usage):
        yield from _gpu(number, usage)
        number += 1


def _memory(label: str, usage: Mapping[str, float], used: str, limit: str) -> Iterator[tuple[str, float | None, str]]:
    if used in usage:
        most = usage.get(limit) or 0.0
        of = f" of {most / GIB:.1f}" if most else ""
        yield label, usage[used] / most if most else None, f"{usage[used] / GIB:.1f}{of} GiB"


def _gpu(number: int, usage: Mapping[str, float]) -> Iterator[tuple[str, float | None, str]]:
    """Two bars: how busy it is, and how full. A slice of a GPU does not report all."""
    prefix = f"gpu{number}"
    formats = {"utilisation": "{:.0%}", "power_w": "{:.0f} W", "temperature_c": "{:.0f} °C"}
    words = [form.format(usage[f"{prefix}/{name}"]) for name, form in formats.items() if f"{prefix}/{name}" in usage]
    yield f"gpu {number}", usage.get(f"{prefix}/utilisation"), ", ".join(words)
    yield from _memory("", usage, f"{prefix}/memory_bytes", f"{prefix}/memory_limit_bytes")


def _bar(share: float) -> ProgressBar:
    return ProgressBar(1.0, share, style="bright_black", complete_style="cyan", finished_style="cyan")


def _one_line(text: str) -> Text:
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return Text(clean, no_wrap=True, overflow="ellipsis")


def _ansi(segments: list[Segment]) -> str:
    return "".join(style.render(text, color_system=COLOURS) if style else text for text, style, _ in segments)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
