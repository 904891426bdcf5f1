"""Width and height of an image from its first bytes; other kinds than the common three need Pillow."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Tuple

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset(range(0xD0, 0xDA)) | {0x01}


def image_size(path: str) -> Tuple[int, int]:
    """(width, height) in pixels as stored. Raises OSError, or ValueError when the file is not an image."""
    with open(path, "rb") as file:
        head = file.read(26)
        try:
            size = _size(head, file)
        except (struct.error, IndexError) as error:
            raise ValueError(f"{path} is a broken image: it ends in its header") from error
    size = size or _pillow_size(path)
    if min(size) <= 0:
        raise ValueError(f"{path} is a broken image: its size is {size[0]} x {size[1]}")
    return size


def _size(head: bytes, file: IO[bytes]) -> Tuple[int, int]:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
        return width, abs(height)
    if head.startswith(b"\xff\xd8"):
        file.seek(2)
        return _jpeg_size(file)
    return ()  # type: ignore[return-value]


def _jpeg_size(file: IO[bytes]) -> Tuple[int, int]:
    while True:
        if file.read(1)[0] != 0xFF:
            raise IndexError
        marker = 0xFF
        while marker == 0xFF:
            marker = file.read(1)[0]
        if marker in _JPEG_BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)


def _pillow_size(path: str) -> Tuple[int, int]:
    try:
        from PIL import Image
    except ImportError:
        raise ValueError(f"{path} is no PNG, JPEG or BMP; other images need Pillow") from None
    try:
        with Image.open(path) as image:
            return image.width, image.height
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path} is no image: {error}") from error
