"""Reads the annotations of any export format into one shape, with classes numbered as ``class_names`` has them."""

from __future__ import annotations

import os
import warnings
from collections import namedtuple

from . import protocol
from ._image_size import image_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

ARK, VOC, COCO, MASK = "ark", "voc", "seg-coco", "seg-mask"
_FORMATS = {
    "ark:raw": ARK,
    "det-ark:raw": ARK,
    "voc:raw": VOC,
    "det-voc:raw": VOC,
    "seg-coco:raw": COCO,
    "seg-mask:raw": MASK,
}


class Object(
    namedtuple(
        "Object",
        ("class_id", "left", "top", "width", "height", "quality", "angle", "mask", "is_crowd"),
        defaults=(1.0, 0.0, None, 0),
    )
):
    """One labelled thing: its box in pixels, and its mask, polygons or RLE, where the format has them."""

    __slots__ = ()
    class_id: int
    left: float
    top: float
    width: float
    height: float
    quality: float
    angle: float
    mask: Any
    is_crowd: int


class Picture(namedtuple("Picture", ("path", "width", "height", "objects"))):
    __slots__ = ()
    path: str
    width: int
    height: int
    objects: List[Object]


def export_format(param: Any, is_old_protocol: bool = False) -> str:
    """``ark``, ``voc``, ``seg-coco`` or ``seg-mask``. Raises ValueError for another."""
    name = param.get("export_format") or ("det-ark:raw" if is_old_protocol else "det-voc:raw")
    if name not in _FORMATS:
        raise ValueError(f"unsupported export_format {name!r}, not in {sorted(_FORMATS)}")
    return _FORMATS[name]


def pictures(index_file: str, cfg: Any) -> Iterator[Picture]:
    """The images of an index with what is labelled on them. Broken images and unknown classes are named in a warning.

    Raises OSError or ValueError when the index or an annotation file can't be read.
    """
    reader = _reader(index_file, cfg)
    for line in protocol.read_index(index_file):
        try:
            width, height = image_size(line.image)
        except (OSError, ValueError) as error:
            warnings.warn(f"image left out: {error}", UserWarning, stacklevel=2)
            continue
        yield Picture(line.image, width, height, reader.objects(line.image, line.annotation))
    reader.classes.report()
    reader.unsound.report()


def count_boxes(index_file: str, cfg: Any) -> int:
    reader = _reader(index_file, cfg)
    return sum(len(reader.objects(line.image, line.annotation)) for line in protocol.read_index(index_file))


def _reader(index_file: str, cfg: Any) -> _Reader:
    kind = export_format(cfg.param, protocol.is_before_1_0(cfg.ymir.protocol_version))
    if kind == MASK:
        raise ValueError("export_format seg-mask:raw holds colours, not objects: only ymir2mmseg reads it")
    return _READERS[kind](_Classes(cfg.param.get("class_names") or []), index_file)


class _Classes:
    """Numbers of classes, in the order of ``class_names``; those that are not in it are gathered for one warning."""

    def __init__(self, names: Sequence[Any]) -> None:
        self.names = [str(name) for name in names]
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._unknown: Set[str] = set()

    def number(self, name: str) -> Optional[int]:
        number = self._numbers.get(name)
        if number is None:
            self._unknown.add(name)
        return number

    def checked(self, number: int) -> Optional[int]:
        if 0 <= number < len(self.names) or not self.names:
            return number
        self._unknown.add(str(number))
        return None

    def report(self) -> None:
        if self._unknown:
            unknown = sorted(self._unknown)
            warnings.warn(f"labels left out, their class is not in class_names: {unknown}", UserWarning, stacklevel=3)


class _Unsound:
    """Objects whose box is none, gathered for one warning: the rest of their file is fine."""

    NAMED = 5

    def __init__(self) -> None:
        self._named: List[str] = []
        self._count = 0

    def add(self, place: str, reason: object) -> None:
        self._count += 1
        if len(self._named) < self.NAMED:
            self._named.append(f"{place}: {reason}")

    def report(self) -> None:
        if self._count:
            more = f" (and {self._count - len(self._named)} more)" if self._count > len(self._named) else ""
            warnings.warn(f"labels left out: {'; '.join(self._named)}{more}", UserWarning, stacklevel=3)


class _BoxError(ValueError):
    """A box that can be read and is none; says what is wrong with it."""


def _checked(thing: Object) -> Object:
    """The object. Raises _BoxError when its box has no place or no size: every trainer falls over it, or learns it."""
    for name, value in (("left", thing.left), ("top", thing.top), ("width", thing.width), ("height", thing.height)):
        if value - value != 0:  # infinity and NaN differ from themselves
            raise _BoxError(f"its {name} is {value}")
    if thing.width < 0 or thing.height < 0:
        raise _BoxError(f"its box ends before it begins: {thing.width:g} x {thing.height:g} pixels")
    return thing


class _Reader:
    def __init__(self, classes: _Classes, index_file: str) -> None:
        self.classes = classes
        self.unsound = _Unsound()

    def objects(self, image: str, annotation: Optional[str]) -> List[Object]:
        raise NotImplementedError


class _ArkReader(_Reader):
    """``class_id, xmin, ymin, xmax, ymax[, ann_quality[, bbox_angle]]`` a line."""

    def objects(self, image: str, annotation: Optional[str]) -> List[Object]:
        objects, read = [], 0
        broken: List[str] = []
        for number, line in _lines(annotation):
            try:
                thing = self._object([field.strip() for field in line.split(",")])
            except _BoxError as error:
                self.unsound.add(f"{annotation}:{number}", error)
            except ValueError:
                broken.append(f"{annotation}:{number}: not a box: {line!r}")
                continue
            else:
                objects.append(thing)
            read += 1
        if broken and not read:  # a file of another format
            raise ValueError(broken[0])
        for text in broken:
            place, _, line = text.partition(": not a box: ")
            self.unsound.add(place, f"not a box: {line}")
        return [thing for thing in objects if thing is not None]

    def _object(self, fields: List[str]) -> Optional[Object]:
        class_id = self.classes.checked(int(fields[0]))
        left, top, right, bottom = (float(field) for field in fields[1:5])
        quality, angle = (float(field) if field else None for field in [*fields[5:7], "", ""][:2])
        if class_id is None:
            return None
        return _checked(
            Object(class_id, left, top, right - left, bottom - top, 1.0 if quality is None else quality, angle or 0.0)
        )


def _lines(path: Optional[str]) -> List[Tuple[int, str]]:
    """Lines with their numbers; none where there is no file: an image without labels often has none."""
    if not path or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8-sig") as file:
        return [(number, line.strip()) for number, line in enumerate(file, 1) if line.strip()]


class _VocReader(_Reader):
    """Pascal VOC, one XML file an image."""

    def objects(self, image: str, annotation: Optional[str]) -> List[Object]:
        from xml.etree import ElementTree

        if not annotation or not os.path.exists(annotation):
            return []
        try:
            root = ElementTree.parse(annotation).getroot()  # noqa: S314 (the platform writes these)
        except (ElementTree.ParseError, ValueError) as error:
            raise ValueError(f"{annotation}: not a Pascal VOC annotation: {error}") from error
        objects = []
        for number, element in enumerate(root.iter("object")):
            try:
                objects.append(self._object(element))
            except ValueError as error:
                self.unsound.add(f"{annotation}:{_line_of_object(annotation, number)}", error)
        return [thing for thing in objects if thing is not None]

    def _object(self, element: Any) -> Optional[Object]:
        class_id = self.classes.number((element.findtext("name") or "").strip())
        if class_id is None:
            return None
        box = element.find("bndbox")
        if box is None:
            raise _BoxError(f"an object {element.findtext('name')} has no bndbox")
        left, top, right, bottom = (_number(box, side) for side in ("xmin", "ymin", "xmax", "ymax"))
        quality = float(element.findtext("box_quality") or element.findtext("cks/box_quality") or 1.0)
        angle = float(box.findtext("rotate_angle") or 0.0)
        return _checked(Object(class_id, left, top, right - left, bottom - top, quality, angle))


def _number(box: Any, side: str) -> float:
    text = box.findtext(side)
    if text is None or not text.strip():
        raise _BoxError(f"its bndbox has no {side}")
    return float(text)


def _line_of_object(path: str, number: int) -> int:
    """The line where an object begins, the first of them being number 0; the parser does not tell."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    place = -1
    for _ in range(number + 1):
        place = text.find("<object", place + 1)
    return text.count("\n", 0, max(place, 0)) + 1


class _CocoReader(_Reader):
    """One COCO file for all images: the one that the index names first, else ``coco-annotations.json``."""

    def __init__(self, classes: _Classes, index_file: str) -> None:
        super().__init__(classes, index_file)
        self._by_image: Dict[str, Dict[str, List[Object]]] = {}

    def objects(self, image: str, annotation: Optional[str]) -> List[Object]:
        if not annotation:
            return []
        if annotation not in self._by_image:
            self._by_image[annotation] = self._read(annotation)
        return self._by_image[annotation].get(os.path.basename(image), [])

    def _read(self, path: str) -> Dict[str, List[Object]]:
        import json

        try:
            with open(path, encoding="utf-8") as file:
                coco = json.load(file)
            names = {item["id"]: os.path.basename(item["file_name"]) for item in coco["images"]}
            numbers = {item["id"]: self.classes.number(item["name"]) for item in coco["categories"]}
            objects: Dict[str, List[Object]] = {name: [] for name in names.values()}
            for item in coco["annotations"]:
                class_id = numbers[item["category_id"]]
                if class_id is not None:
                    try:
                        objects[names[item["image_id"]]].append(_checked(_coco_object(class_id, item)))
                    except _BoxError as error:
                        self.unsound.add(f"{path}: annotation {item.get('id')}", error)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a COCO annotation file: {type(error).__name__} {error}") from error
        return objects


def _coco_object(class_id: int, item: Dict[str, Any]) -> Object:
    from . import _masks

    mask = item.get("segmentation")
    left, top, width, height = item.get("bbox") or _masks.box_of(mask)
    quality = float(item.get("bbox_quality") or item.get("box_quality") or 1.0)
    return Object(class_id, left, top, width, height, quality, 0.0, mask, int(item.get("iscrowd") or 0))


_READERS = {ARK: _ArkReader, VOC: _VocReader, COCO: _CocoReader}
