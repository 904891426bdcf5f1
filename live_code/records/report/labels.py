"""What the page calls runs: a letter, and whatever sets them apart from each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from live_code.records import listing
from live_code.records.compare import text
from live_code.stages.record.reading import Record

# More runs than the alphabet has letters are called by their ids.
LETTERS = 26
# A label with more in it than this is read by nobody.
_PARTS = 3
_ROOM = 16


def names(records: Sequence[Record]) -> list[str]:
    """A label for each, no two the same; what all runs share is in none of them."""
    if len(records) > LETTERS:
        return letters(records)
    pairs = zip(letters(records), _apart(records), strict=True)
    return [f"{letter} {', '.join(parts)}".strip() for letter, parts in pairs]


def letters(records: Sequence[Record]) -> list[str]:
    """The shortest that a table beside that of all runs can call them."""
    if len(records) > LETTERS:
        return [record.id for record in records]
    return [text.letter(number) for number in range(len(records))]


def varied(records: Sequence[Record]) -> list[str]:
    """Hyper-parameters that are not the same in all runs."""
    keys = dict.fromkeys(key for record in records for key in record.parameters)
    return [key for key in keys if len({shown(record.config.get(key)) for record in records}) > 1]


def shown(value: object) -> str:
    return "" if value is None else str(value)


def _apart(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """The commit where that differs, then as few other facts as tell each run from all others."""
    labels: list[tuple[str, ...]] = [()] * len(records)
    for texts in _facts(records):
        longer = [(*label, part) for label, part in zip(labels, texts, strict=True)]
        if len(set(longer)) > len(set(labels)) and len(longer[0]) <= _PARTS:
            labels = longer
    if len(set(labels)) == len(labels) > 1:
        return labels
    started = [listing.moment(record.started) for record in records]
    if len(set(started)) > 1:
        return [(*label, moment) for label, moment in zip(labels, started, strict=True)]
    return [label or (record.commit[:7],) for label, record in zip(labels, records, strict=True)]


def _facts(records: Sequence[Record]) -> Iterator[list[str]]:
    yield [record.commit[:7] or "no commit" for record in records]
    yield ["+".join(record.tasks) for record in records]
    for key in varied(records):
        values = text.cells([shown(record.config.get(key)) for record in records], _ROOM)
        yield [f"{key} {value}" for value in values]
    yield [record.ref.rpartition("/")[2] for record in records]
