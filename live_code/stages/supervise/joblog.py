"""``job.log`` within its quota: of a job that prints too much the beginning and the end are kept."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from live_code.tools.terminal import log


class JobLog:
    """Half of the quota is the head; the rest of it holds the end, in two files that take turns until the close.

    A disk that is full costs the log, never the job: one warning, and the job goes on.
    """

    def __init__(self, path: Path, quota: int) -> None:
        self.path = path
        self.quota = quota
        self.left_out = 0
        self._size = path.stat().st_size if path.exists() else 0
        self._file: BinaryIO | None = None
        self._turns = (path.with_suffix(".tail-old"), path.with_suffix(".tail"))
        self._in_tail = False
        self._room = quota // 2 - self._size

    def __enter__(self) -> JobLog:
        self._file = self.path.open("ab", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
        try:
            self._join()
        except OSError as failure:
            log.warning(f"the end of {self.path} stays in {self._turns[1].name}: {failure.strerror}")

    def write(self, text: bytes) -> None:
        if self._file is None:
            return
        try:
            if len(text) > self._room:
                self._turn()
            self._file.write(text)
            self._room -= len(text)
        except OSError as error:
            log.warning(f"{self.path} can't be written any more: {error.strerror}; the job goes on")
            self._file.close()
            self._file = None

    def _turn(self) -> None:
        """Goes on in an empty file; what stood in the one before the last is given up."""
        old, new = self._turns
        if self._file:
            self._file.close()
        if self._in_tail:
            self.left_out += old.stat().st_size if old.exists() else 0
            new.replace(old)
        self._in_tail = True
        self._file = new.open("wb", buffering=0)
        self._room = self.quota // 4

    def _join(self) -> None:
        if not self._in_tail:
            return
        with self.path.open("ab") as whole:
            if self.left_out:
                whole.write(f"\n[live-code] {self.left_out} bytes are left out here: the log's quota\n".encode())
            for part in self._turns:
                if part.exists():
                    with part.open("rb") as file:
                        while piece := file.read(1 << 20):
                            whole.write(piece)
                    part.unlink()
