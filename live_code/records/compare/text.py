"""A comparison for a terminal, and as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence

from live_code.records.compare.differences import SECTIONS, Difference, unreached, unrecorded
from live_code.records.compare.history import FileChange, History
from live_code.stages.record.reading import Record
from live_code.tools.terminal import table

_NARROW = 100
_LISTED = 20
# So much is shown before the place where long values differ.
_BEFORE = 8


def show(
    records: Sequence[Record],
    differences: Sequence[Difference],
    scores: Sequence[Difference],
    histories: Sequence[History],
) -> Iterator[str]:
    """Letters stand for the runs, each with its end; sections come in the order of likely causes."""
    letters = [letter(number) for number in range(len(records))]
    for name, record in zip(letters, records, strict=True):
        yield f"{name}  {record.id}  {'+'.join(record.tasks)}  {record.commit[:12]}  {record.state}  {record.path}"
        if message := record.get("error", "message"):
            yield f"   {record.get('error', 'phase')}: {message}"
    endings = ends(records)
    room = max(12, (shutil.get_terminal_size((_NARROW, 24)).columns - 36) // len(records))
    for section in SECTIONS:
        rows = [[row.name, *cells(row.values, room)] for row in differences if row.section == section]
        if rows:
            yield from ("", *table.lines((section, *letters), rows))
        if section in endings:
            yield from (*([] if rows else [""]), endings[section])
        if section == "code":
            yield from (line for history in histories for line in history_lines(history))
    if not differences:
        yield from ("", "nothing that was recorded differs but what came of it")
    yield from ("", f"not looked at: {'; '.join(unrecorded(records))}")
    yield from ("", *_scores(scores, letters))


def ends(records: Sequence[Record]) -> dict[str, str]:
    """Section → which runs ended before there was anything to compare in it."""
    return {
        section: f"{', '.join(map(letter, places))} ended before {'its' if len(places) == 1 else 'their'} "
        f"{section} {'were' if section == 'packages' else 'was'} known"
        for section, places in unreached(records).items()
    }


def history_lines(history: History) -> Iterator[str]:
    """The commits and files between two runs."""
    yield from ("", f"{history.old[:12]} → {history.new[:12]}")
    for entry in history.log[:_LISTED]:
        sign = "-" if entry.lost else "+"
        yield f"  {sign} {entry.commit[:12]} {entry.date} {entry.subject} ({entry.author})"
    if len(history.log) > _LISTED:
        yield f"  … and {len(history.log) - _LISTED} more commits"
    yield from (f"  {line}" for line in _changes(history.files))
    if history.missing:
        yield f"  not told: {history.missing}"


def as_json(
    records: Sequence[Record],
    differences: Sequence[Difference],
    scores: Sequence[Difference],
    histories: Sequence[History],
) -> str:
    document = {
        "runs": [
            {
                "id": record.id,
                "path": str(record.path),
                "commit": record.commit,
                "state": record.state,
                "error": record.get("error", "message") or "",
            }
            for record in records
        ],
        "differences": [difference._asdict() for difference in differences],
        "unreached": {
            section: [records[place].id for place in places] for section, places in unreached(records).items()
        },
        "unrecorded": list(unrecorded(records)),
        "metrics": [{"name": score.name, "values": [_number(value) for value in score.values]} for score in scores],
        "history": [
            {
                **history._asdict(),
                "log": [entry._asdict() for entry in history.log],
                "files": [file._asdict() for file in history.files],
            }
            for history in histories
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def letter(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    rest, place = divmod(number, 26)
    return (letter(rest - 1) if rest else "") + chr(ord("A") + place)


def change(values: Sequence[str | None]) -> str:
    """How far the last is from the first, signed."""
    first, last = _number(values[0]), _number(values[-1])
    return f"{last - first:+.4g}" if first is not None and last is not None and first != last else ""


def _scores(scores: Sequence[Difference], letters: Sequence[str]) -> Iterator[str]:
    rows = [[score.name, *(value or "-" for value in score.values), change(score.values)] for score in scores]
    yield from table.lines(("metrics", *letters, f"{letters[0]}→{letters[-1]}"), rows, right=frozenset(letters))


def _changes(files: Sequence[FileChange]) -> Iterator[str]:
    rows = [[file.path, _signed("+", file.added), _signed("-", file.removed)] for file in files[:_LISTED]]
    if rows:
        yield from table.lines(("files", "", " "), rows, right=frozenset({"", " "}))
    if len(files) > _LISTED:
        yield f"… and {len(files) - _LISTED} more files"


def _signed(sign: str, count: int) -> str:
    return f"{sign}{count}" if count >= 0 else "binary"


def cells(values: Sequence[str | None], room: int) -> list[str]:
    """Each in so much room; of long ones the part where they differ."""
    texts = [" ".join(("-" if value is None else value or "none").split()) for value in values]
    letters = zip(*texts, strict=False)
    same = next((place for place, row in enumerate(letters) if len(set(row)) > 1), min(map(len, texts)))
    start = max(same - _BEFORE, 0) if any(len(text) > room for text in texts) and same > room - _BEFORE else 0
    return [_cut(text, start, room) for text in texts]


def _cut(text: str, start: int, room: int) -> str:
    shown = f"…{text[start:]}" if start else text
    return shown if len(shown) <= room else f"{shown[: room - 1]}…"


def _number(value: str | None) -> float | None:
    return None if value is None else float(value)
