"""Writes tensorboard event files without tensorboard: TFRecord frames around a few protobuf messages.

Formats: the TFRecord framing (length, masked CRC-32C of it, data, masked CRC-32C of it), and the messages Event,
Summary and TensorProto as tensorboard's own .proto files number their fields.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DT_STRING = 7
CRC_POLYNOMIAL = 0x82F63B78
CRC_MASK_DELTA = 0xA282EAD8


class EventFile:
    """A new event file in ``folder``, which is made when it is missing. Raises OSError, as every method does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.{time.time():.0f}.live-code.{os.getpid()}.0"
        self._file = self.path.open("wb", buffering=0)
        self._write(time.time(), 0, _field(3, b"brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One value for each tag."""
        summary = b"".join(
            _field(1, _field(1, tag.encode()) + _key(2, FIXED32) + struct.pack("<f", value))
            for tag, value in values.items()
        )
        self._write(time.time(), step, _field(5, summary))

    def text(self, step: int, tag: str, text: str) -> None:
        """A text for the text view, which shows markdown."""
        metadata = _field(1, _field(1, b"text"))
        tensor = _key(1, VARINT) + _varint(DT_STRING) + _field(2, b"") + _field(8, text.encode(errors="replace"))
        value = _field(1, tag.encode()) + _field(8, tensor) + _field(9, metadata)
        self._write(time.time(), step, _field(5, _field(1, value)))

    def close(self) -> None:
        self._file.close()

    def _write(self, at: float, step: int, what: bytes) -> None:
        event = _key(1, FIXED64) + struct.pack("<d", at) + _key(2, VARINT) + _varint(step) + what
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _field(number: int, data: bytes) -> bytes:
    return _key(number, BYTES) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (CRC_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def _masked_crc(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + CRC_MASK_DELTA) & 0xFFFFFFFF)
