"""Checks a COCO result before it is written: what the platform could not read is named."""

from __future__ import annotations

from ._training import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Set

    Item = Dict[str, Any]


def checked_coco(coco: Any) -> Item:
    """The same result in plain types; the bytes that mask libraries give for ``counts`` become text.

    Raises ValueError naming the entry that is wrong.
    """
    if not isinstance(coco, dict):
        raise ValueError(f"a segmentation result is a COCO mapping, not {type(coco).__name__}")
    for section in ("images", "annotations", "categories"):
        if not isinstance(coco.get(section), (list, tuple)):
            raise ValueError(f"COCO result: {section!r} is missing or no list")
    images, categories = _ids(coco["images"], "images"), _ids(coco["categories"], "categories")
    annotations = [_annotation(item, place, images, categories) for place, item in enumerate(coco["annotations"])]
    others = {name: plain(value, name) for name, value in coco.items() if name != "annotations"}
    return {**others, "annotations": annotations}


def _ids(items: Any, section: str) -> Set[Any]:
    ids: Set[Any] = set()
    for place, item in enumerate(items):
        if not isinstance(item, dict) or "id" not in item:
            raise ValueError(f"COCO result: {section}[{place}] has no id")
        if item["id"] in ids:
            raise ValueError(f"COCO result: two {section} have id {item['id']}")
        ids.add(item["id"])
    return ids


def _annotation(item: Any, place: int, images: Set[Any], categories: Set[Any]) -> Item:
    where = f"annotations[{place}]"
    if not isinstance(item, dict):
        raise ValueError(f"COCO result: {where} is no mapping")
    for key, known in (("image_id", images), ("category_id", categories)):
        if item.get(key) not in known:
            raise ValueError(f"COCO result: {where}.{key} is {item.get(key)!r}, which is not listed")
    annotation = {name: plain(value, f"{where}.{name}") for name, value in item.items() if name != "segmentation"}
    if "segmentation" in item:
        annotation["segmentation"] = _segmentation(item["segmentation"], where)
    return annotation


def _segmentation(mask: Any, where: str) -> Any:
    if isinstance(mask, (list, tuple)):
        return plain(mask, f"{where}.segmentation")
    if not isinstance(mask, dict) or set(mask) != {"size", "counts"} or len(mask["size"]) != 2:
        raise ValueError(f"COCO result: {where}.segmentation is neither polygons nor a mask of size and counts")
    counts = mask["counts"]
    text = counts.decode("ascii") if isinstance(counts, bytes) else plain(counts, f"{where}.counts")
    return {"size": plain(mask["size"], f"{where}.size"), "counts": text}
