"""COCO files from any detection or segmentation export."""

from __future__ import annotations

import json
import os

from .. import _datasets, _masks, protocol
from .._config import get_merged_config
from ._ranks import by_one_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Union

    Item = Dict[str, Any]


def convert_ymir_to_coco(cfg: Any = None, cat_id_from_zero: bool = False) -> Dict[str, Dict[str, str]]:
    """Writes ``ymir_train.json`` and ``ymir_val.json`` in ``ymir_dataset`` of the output folder.

    Returns ``{"train": {"img_dir", "ann_file"}, "val": …}``; images are named by their absolute path. Also called
    with ``cat_id_from_zero`` alone. Categories have the order of ``class_names``, from 1 unless told otherwise.
    Raises OSError or ValueError when the dataset can't be read.
    """
    if cfg is None or isinstance(cfg, bool):
        cfg, cat_id_from_zero = get_merged_config(), bool(cfg) or cat_id_from_zero
    folder = os.path.join(cfg.ymir.output.root_dir, "ymir_dataset")
    indexes = {"train": cfg.ymir.input.training_index_file, "val": cfg.ymir.input.val_index_file}
    files = {split: os.path.join(folder, f"ymir_{split}.json") for split in indexes}

    def convert() -> None:
        os.makedirs(folder, exist_ok=True)
        for split, index in indexes.items():
            _write(files[split], _datasets.pictures(index, cfg) if index else iter(()), cfg, not cat_id_from_zero)

    by_one_rank(convert, list(files.values()))
    return {split: {"img_dir": cfg.ymir.input.assets_dir, "ann_file": path} for split, path in files.items()}


def _write(path: str, pictures: Iterator[_datasets.Picture], cfg: Any, first_category: Union[int, bool]) -> None:
    images: List[Item] = []
    annotations: List[Item] = []
    for image_id, picture in enumerate(pictures):
        images.append({"file_name": picture.path, "height": picture.height, "width": picture.width, "id": image_id})
        for thing in picture.objects:
            # Evaluators take an annotation of id 0 for one that was never matched.
            annotations.append(_annotation(thing, len(annotations) + 1, image_id, int(first_category), picture))
    names = cfg.param.get("class_names") or []
    categories = [
        {"id": number, "name": str(name), "supercategory": "none"}
        for number, name in enumerate(names, int(first_category))
    ]
    coco = {"images": images, "annotations": annotations, "categories": categories, "licenses": []}
    with protocol.AtomicFile(path) as file:
        json.dump(coco, file)


def _annotation(
    thing: _datasets.Object, number: int, image_id: int, first_category: int, picture: _datasets.Picture
) -> Item:
    left, top, right, bottom = thing.left, thing.top, thing.left + thing.width, thing.top + thing.height
    has_mask = bool(thing.mask)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": thing.class_id + first_category,
        "bbox": [left, top, thing.width, thing.height],
        "area": _masks.area(thing.mask, picture.width, picture.height) if has_mask else thing.width * thing.height,
        "segmentation": thing.mask if has_mask else [[left, top, left, bottom, right, bottom, right, top]],
        "iscrowd": thing.is_crowd,
        "score": 1.0,
        "bbox_quality": thing.quality,
    }
