"""A COCO result in plain types, before it is written; what the platform would not find in it is a warning."""

from __future__ import annotations

from ._odd import warn
from ._training import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Set

    Item = Dict[str, Any]

SECTIONS = ("images", "annotations", "categories")


def plain_coco(coco: Any) -> Item:
    """The same result in plain types; the bytes that mask libraries give for ``counts`` become text.

    Raises ValueError naming the entry that can't be written.
    """
    if not isinstance(coco, dict):
        raise ValueError(f"a segmentation result is a COCO mapping, not {type(coco).__name__}")
    if missing := [name for name in SECTIONS if not isinstance(coco.get(name), (list, tuple))]:
        warn(f"COCO result: {', '.join(missing)}: missing or no list; the platform reads all of {', '.join(SECTIONS)}")
        return {str(name): plain(value, str(name)) for name, value in coco.items()}
    known = {"image_id": _ids(coco["images"], "images"), "category_id": _ids(coco["categories"], "categories")}
    annotations = [_annotation(item, f"annotations[{place}]", known) for place, item in enumerate(coco["annotations"])]
    others = {str(name): plain(value, str(name)) for name, value in coco.items() if name != "annotations"}
    return {**others, "annotations": annotations}


def _ids(items: Any, section: str) -> Set[Any]:
    ids: Set[Any] = set()
    for place, item in enumerate(items):
        if not isinstance(item, dict) or "id" not in item:
            warn(f"COCO result: {section}[{place}] has no id")
            continue
        if item["id"] in ids:
            warn(f"COCO result: two {section} have id {item['id']}: the platform passes over both")
        ids.add(item["id"])
    return ids


def _annotation(item: Any, where: str, known: Dict[str, Set[Any]]) -> Any:
    if not isinstance(item, dict):
        warn(f"COCO result: {where} is no mapping")
        return plain(item, where)
    for key, ids in known.items():
        if item.get(key) not in ids:
            warn(f"COCO result: {where}.{key} is {item.get(key)!r}, which is not listed: the platform passes over it")
    return {str(name): _value(str(name), value, f"{where}.{name}") for name, value in item.items()}


def _value(name: str, value: Any, where: str) -> Any:
    if name == "segmentation" and isinstance(value, dict):
        return {str(key): _text(part, f"{where}.{key}") for key, part in value.items()}
    return plain(value, where)


def _text(value: Any, where: str) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else plain(value, where)
