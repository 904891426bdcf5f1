"""COCO masks: run lengths, plain or as the compressed text, and polygons."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple, Union


def run_lengths(counts: Union[str, bytes, List[int]]) -> List[int]:
    """Lengths of alternating runs, zeros first. Compressed text holds six bits a character, deltas from the third on.

    Raises ValueError when the text ends within a number.
    """
    if not isinstance(counts, (str, bytes)):
        return [int(count) for count in counts]
    codes = counts.encode("ascii") if isinstance(counts, str) else counts
    lengths: List[int] = []
    value = shift = 0
    for code in codes:
        bits = code - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("a compressed mask ends within a number")
    return lengths


def compressed(lengths: List[int]) -> str:
    """The text for run lengths, as mask libraries write it."""
    text = []
    for place, length in enumerate(lengths):
        value = length - lengths[place - 2] if place > 2 else length
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != -1 if bits & 16 else value != 0
            text.append(chr((bits | 32 if more else bits) + 48))
    return "".join(text)


def mask_image(mask: Any, width: int, height: int) -> Any:
    """A Pillow image, 255 where the mask is. Raises ValueError when it doesn't fit the image."""
    from PIL import Image, ImageDraw

    if isinstance(mask, dict):
        rows, columns = (int(side) for side in mask["size"])
        lengths = run_lengths(mask["counts"])
        if (rows, columns) != (height, width) or sum(lengths) != rows * columns or min(lengths, default=0) < 0:
            raise ValueError(f"a mask of {columns} x {rows} pixels on an image of {width} x {height}")
        data = b"".join((b"\xff" if place % 2 else b"\x00") * length for place, length in enumerate(lengths))
        # Run lengths go down the columns: read as rows they are the transposed image.
        return Image.frombytes("L", (rows, columns), data).transpose(getattr(Image, "Transpose", Image).TRANSPOSE)
    image = Image.new("L", (width, height), 0)
    for polygon in mask or ():
        ImageDraw.Draw(image).polygon([float(number) for number in polygon], fill=255)
    return image


def area(mask: Any, width: int, height: int) -> int:
    if isinstance(mask, dict):
        return sum(run_lengths(mask["counts"])[1::2])
    return int(mask_image(mask, width, height).histogram()[255])


def box_of(mask: Any) -> Tuple[float, float, float, float]:
    """Left, top, width, height around a mask; nothing around none."""
    if isinstance(mask, dict):
        return _box_of_runs(run_lengths(mask["counts"]), int(mask["size"][0]))
    xs = [number for polygon in mask or () for number in polygon[0::2]]
    ys = [number for polygon in mask or () for number in polygon[1::2]]
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)) if xs else (0.0, 0.0, 0.0, 0.0)


def _box_of_runs(lengths: List[int], rows: int) -> Tuple[float, float, float, float]:
    left = top = right = bottom = -1
    position = 0
    for place, length in enumerate(lengths):
        if place % 2 and length:
            first, last = position, position + length - 1
            spans = last // rows > first // rows  # then it holds the foot of one column and the head of the next
            left = first // rows if left < 0 else left
            right = max(right, last // rows)
            head, foot = (0, rows - 1) if spans else (first % rows, last % rows)
            top = head if top < 0 else min(top, head)
            bottom = max(bottom, foot)
        position += length
    return (left, top, right - left + 1, bottom - top + 1) if left >= 0 else (0.0, 0.0, 0.0, 0.0)
