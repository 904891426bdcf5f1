"""Writes tensorboard event files without tensorboard: TFRecord frames around a few protobuf messages.

Formats: the TFRecord framing (length, masked CRC-32C of it, data, masked CRC-32C of it), and the messages Event,
Summary, TensorProto and the HPARAMS view's HParamsPluginData as tensorboard's own .proto files number their fields.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DT_FLOAT, DT_STRING = 1, 7
# What the HPARAMS view calls the end of a run.
SUCCESS, FAILURE = 1, 2
CRC_POLYNOMIAL = 0x82F63B78
CRC_MASK_DELTA = 0xA282EAD8


class EventFile:
    """An event file in ``folder``, which is made when it is missing. Raises OSError, as every method does.

    A second one that this process opens in the same second goes on with the first one's file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.{time.time():.0f}.live-code.{os.getpid()}.0"
        self._file = self.path.open("ab", buffering=0)
        self._write(time.time(), 0, _field(3, b"brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One value for each tag."""
        summary = b"".join(
            _field(1, _text(1, tag) + _key(2, FIXED32) + struct.pack("<f", value)) for tag, value in values.items()
        )
        self._write(time.time(), step, _field(5, summary))

    def text(self, step: int, tag: str, text: str) -> None:
        """A text for the text view, which shows markdown."""
        tensor = _number(1, DT_STRING) + _field(2, b"") + _field(8, text.encode(errors="replace"))
        self._tensor(step, tag, tensor, _field(1, b"text"))

    def session_start(self, name: str, wall_time: float, parameters: Mapping[str, bool | float | str]) -> None:
        """What the HPARAMS view shows of a run: when it began (Unix seconds), and with which hyper-parameters."""
        encoded = b"".join(_field(1, _text(1, key) + _field(2, _value(value))) for key, value in parameters.items())
        self._session("session_start_info", _field(3, encoded + _text(4, name) + _double(5, wall_time)))

    def session_end(self, status: int, wall_time: float) -> None:
        """``status``: SUCCESS or FAILURE."""
        self._session("session_end_info", _field(4, _number(1, status) + _double(2, wall_time)))

    def close(self) -> None:
        self._file.close()

    def _session(self, tag: str, content: bytes) -> None:
        nothing = _number(1, DT_FLOAT) + _field(2, _field(2, b""))  # no values: what is told stands in the metadata
        self._tensor(0, f"_hparams_/{tag}", nothing, _field(1, b"hparams") + _field(2, content))

    def _tensor(self, step: int, tag: str, tensor: bytes, plugin: bytes) -> None:
        value = _text(1, tag) + _field(8, tensor) + _field(9, _field(1, plugin))
        self._write(time.time(), step, _field(5, _field(1, value)))

    def _write(self, wall_time: float, step: int, payload: bytes) -> None:
        event = _double(1, wall_time) + _number(2, step) + payload
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _field(number: int, data: bytes) -> bytes:
    return _key(number, BYTES) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode(errors="replace"))


def _number(number: int, value: int) -> bytes:
    return _key(number, VARINT) + _varint(value)


def _double(number: int, value: float) -> bytes:
    return _key(number, FIXED64) + struct.pack("<d", value)


def _value(value: bool | float | str) -> bytes:
    """A google.protobuf.Value."""
    if isinstance(value, bool):
        return _number(4, value)
    return _text(3, value) if isinstance(value, str) else _double(2, value)


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
