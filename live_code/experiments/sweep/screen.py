"""Shows a sweep on its way: a live table on a terminal, elsewhere a line for whatever a run has come to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from live_code.experiments.sweep import outcome, summary
from live_code.experiments.sweep.row import Row
from live_code.records import listing

if TYPE_CHECKING:
    from rich.table import Table

Seen = Callable[[Mapping[str, Row]], None]
# As many of the last that ended stand below those that run.
_ENDED_SHOWN = 8


@contextmanager
def shown(size: int, hidden: Collection[str] = (), *, lines: bool = True) -> Iterator[Seen]:
    """Yields what is to be given the rows again and again. ``size``: of the whole sweep, 0 when nobody knows yet.
    ``hidden``: hyper-parameters that all runs have alike. ``lines``: whether each run is printed if there is no table.
    """
    if sys.stdout.isatty():
        try:
            import rich.live  # noqa: F401
        except ImportError:
            pass
        else:
            with _live(size) as seen:
                yield seen
            return
    yield _lines(size, hidden) if lines else lambda rows: None


def _lines(size: int, hidden: Collection[str]) -> Seen:
    printed: dict[str, tuple[str, int]] = {}

    def seen(rows: Mapping[str, Row]) -> None:
        for run_id, row in rows.items():
            state = (row.outcome.state, row.tries + row.lost)
            if row.outcome.state != outcome.WAITING and printed.get(run_id) != state:
                printed[run_id] = state
                finished = sum(other.outcome.state not in (outcome.WAITING, outcome.RUNNING) for other in rows.values())
                of = f"/{size}" if size else ""
                print(f"[{finished}{of}] {summary.short(row, hidden)}{_kind(row)}", flush=True)  # noqa: T201

    return seen


def _kind(row: Row) -> str:
    """The whole reason of each that failed is printed at the end."""
    return f"  {row.outcome.kind}" if row.outcome.state == outcome.FAILED else ""


@contextmanager
def _live(size: int) -> Iterator[Seen]:
    from rich.live import Live

    with Live(refresh_per_second=4) as live:
        yield lambda rows: live.update(_table(rows, size))


def _table(rows: Mapping[str, Row], size: int) -> Table:
    from rich.table import Table

    keys = summary.varied([row.run.params for row in rows.values()])
    table = Table(title=summary.counts(rows.values(), size), title_justify="left", box=None)
    where = ["where"] if any(row.where for row in rows.values()) else []
    for name in ("run", "commit", "what", *keys, "state", "", *where):
        table.add_column(name, no_wrap=True)
    running = [row for row in rows.values() if row.outcome.state == outcome.RUNNING]
    finished = [row for row in rows.values() if row.outcome.state not in (outcome.RUNNING, outcome.WAITING)]
    for row in (*finished[-_ENDED_SHOWN:], *running):
        cells = (row.run.id, *summary.commit(row.run.commit), *summary.cells(row.run, keys))
        table.add_row(*cells, row.outcome.state, _progress(row), *([row.where] if where else []))
    return table


def _progress(row: Row) -> str:
    stands = row.outcome
    if stands.state == outcome.RUNNING:
        return f"{stands.percent:.0%} {listing.duration(stands.seconds)}"
    return summary.metrics(stands.metrics) or stands.kind
