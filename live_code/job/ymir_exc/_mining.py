"""Writes mining scores, best first. Sorted in runs on disk, so that millions of them need little memory."""

from __future__ import annotations

import heapq
import math
import os
import sys
from operator import itemgetter

from . import protocol
from ._numbers import any_float
from ._odd import warn
from ._repeats import Suspects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, Type, Union

    Scores = Union[Dict[str, Any], Iterable[Tuple[str, Any]]]
    Row = Tuple[float, str]  # the score's negative, so that the best comes first, and the image

RUN_LENGTH = 1 << 15
MAX_RUNS = 64  # files open at once
_negated = itemgetter(0)


def write_scores(path: str, scores: Scores) -> None:
    """Writes ``image<TAB>score`` lines by descending score; equal scores keep their order.

    An image that comes twice is written once, with its best score; NaN counts as the lowest of all. Both are warnings.
    Raises ValueError naming the image whose score is no number; nothing is replaced then.
    """
    pairs = scores.items() if isinstance(scores, dict) else scores
    suspects = Suspects()
    with _Runs(protocol.aside_of(path)) as runs, protocol.AtomicFile(path) as file:
        for image, score in pairs:
            if type(image) is not str or not image.isprintable() or image.isspace() or not image:
                image = _image(image)
            if type(score) is not float or score - score != 0.0:  # infinity and NaN differ from themselves
                score = _score(score, image)
            suspects.add(image)
            runs.add(-score, image)
        rows = runs.merged()
        if suspects:
            rows = suspects.first_ones(rows, itemgetter(1), _warn_of_repeat)
        file.writelines(f"{image}\t{0.0 - negated!r}\n" for negated, image in rows)


def _image(image: Any) -> str:
    text = os.fspath(image)
    if not isinstance(text, str) or "\t" in text or text.splitlines() != [text] or not text.strip():
        raise ValueError(f"not the path of an image: {image!r}")
    return text


def _score(value: Any, image: str) -> float:
    score = any_float(value, f"the score of {image}")
    if score - score == 0.0:
        return score
    bounded = math.copysign(sys.float_info.max, score if score == score else -1.0)
    warn(f"the score of {image} is {score}: {bounded:g} is written")
    return bounded


def _warn_of_repeat(row: Row) -> None:
    warn(f"two scores for {row[1]}: the best one counts")


class _Runs:
    """Rows, sorted: up to a run's length in memory, more of them in files beside the result."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._rows: List[Row] = []
        self._files: List[str] = []
        self._count = 0

    def __enter__(self) -> _Runs:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for number in range(1, self._count + 1):
            protocol.remove(f"{self._prefix}.{number}")

    def add(self, negated: float, image: str) -> None:
        self._rows.append((negated, image))
        if len(self._rows) == RUN_LENGTH:
            self._spill()

    def merged(self) -> Iterator[Row]:
        self._rows.sort(key=_negated)
        return heapq.merge(*map(_rows_of, self._files), self._rows, key=_negated)

    def _spill(self) -> None:
        if len(self._files) == MAX_RUNS:
            files = self._files
            self._files = [self._written(heapq.merge(*map(_rows_of, files), key=_negated))]
            for name in files:
                protocol.remove(name)
        self._rows.sort(key=_negated)
        self._files.append(self._written(self._rows))
        self._rows.clear()

    def _written(self, rows: Iterable[Row]) -> str:
        self._count += 1
        name = f"{self._prefix}.{self._count}"
        with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{negated!r}\t{image}\n" for negated, image in rows)
        return name


def _rows_of(path: str) -> Iterator[Row]:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for line in lines:
            negated, _, image = line.partition("\t")
            yield float(negated), image[:-1]
