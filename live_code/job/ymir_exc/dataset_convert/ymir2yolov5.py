"""The folder layout that YOLO code reads, from any detection or segmentation export."""

from __future__ import annotations

import os

from .. import _datasets, protocol
from ._ranks import by_one_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Optional

_INDEXES = {"train": "training_index_file", "val": "val_index_file", "test": "candidate_index_file"}


def convert_ymir_to_yolov5(cfg: Any, out_dir: Optional[str] = None) -> str:
    """Writes ``images`` (links), ``labels``, ``{train,val,test}-index.txt`` and ``data.yaml``; returns its path.

    ``out_dir`` defaults to the output folder. Classes have the order of ``class_names``; boxes are cut to the image.
    Raises OSError or ValueError when the dataset can't be read.
    """
    folder = out_dir or cfg.ymir.output.root_dir
    data_yaml = os.path.join(folder, "data.yaml")

    def convert() -> None:
        for split, key in _INDEXES.items():
            index = getattr(cfg.ymir.input, key)
            images = _convert_split(split, index, folder, cfg) if index and os.path.exists(index) else []
            protocol.write_atomic(os.path.join(folder, f"{split}-index.txt"), "".join(f"{path}\n" for path in images))
        _write_data_yaml(data_yaml, folder, cfg)

    by_one_rank(convert, [data_yaml])
    return data_yaml


def img2label_paths(img_paths: Iterable[str]) -> List[str]:
    """Where YOLO code looks for the labels: the last ``/images/`` becomes ``/labels/``, the ending ``.txt``."""
    return [os.path.splitext("/labels/".join(path.rsplit("/images/", 1)))[0] + ".txt" for path in img_paths]


def _convert_split(split: str, index: str, folder: str, cfg: Any) -> List[str]:
    if split == "test":
        return [_linked(line.image, folder, cfg.ymir.input.assets_dir) for line in protocol.read_index(index)]
    images = []
    for picture in _datasets.pictures(index, cfg):
        image = _linked(picture.path, folder, cfg.ymir.input.assets_dir)
        _write_labels(img2label_paths([image])[0], picture)
        images.append(image)
    return images


def _linked(image: str, folder: str, assets_dir: str) -> str:
    """A link to the image below ``images``, in the folders that it has below the assets."""
    below = os.path.relpath(image, assets_dir)
    name = os.path.basename(image) if below.startswith(os.pardir + os.sep) else below
    link = os.path.join(os.path.abspath(folder), "images", name)
    images = os.path.join(os.path.abspath(folder), "images")
    if os.path.islink(images):  # an older conversion linked the folder
        os.unlink(images)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(os.path.abspath(image), link)
    return link


def _write_labels(path: str, picture: _datasets.Picture) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lines = [line for line in (_label(thing, picture.width, picture.height) for thing in picture.objects) if line]
    with open(path, "w", encoding="ascii") as file:
        file.writelines(lines)


def _label(thing: _datasets.Object, width: int, height: int) -> str:
    """Class, centre and size as fractions of the image; nothing for what lies beyond it."""
    left, right = (min(max(x / width, 0.0), 1.0) for x in (thing.left, thing.left + thing.width))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (thing.top, thing.top + thing.height))
    if right <= left or bottom <= top:
        return ""
    return f"{thing.class_id} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n"


def _write_data_yaml(path: str, folder: str, cfg: Any) -> None:
    import yaml

    names = [str(name) for name in cfg.param.get("class_names") or []]
    splits = {split: f"{split}-index.txt" for split in _INDEXES}
    text = yaml.safe_dump({"path": os.path.abspath(folder), **splits, "nc": len(names), "names": names})
    protocol.write_atomic(path, text)
