"""The images of the task and their annotations, read from the index files one line at a time."""

from __future__ import annotations

import warnings

from . import env, protocol
from .env import DatasetType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, List, Tuple

_SPLITS = {
    "train": DatasetType.TRAINING,
    "training": DatasetType.TRAINING,
    "val": DatasetType.VALIDATION,
    "validation": DatasetType.VALIDATION,
    "candidate": DatasetType.CANDIDATE,
    "test": DatasetType.CANDIDATE,
    "infer": DatasetType.CANDIDATE,
}


def item_paths(dataset_type: DatasetType) -> Iterator[Tuple[str, str]]:
    """(image, annotation) of each line; the annotation is empty where the index names the image alone.

    Raises ValueError when the task has no such index, OSError when it can't be read.
    """
    index = _index_file(env._current_env(), dataset_type)
    return ((line.image, line.annotation or "") for line in protocol.read_index(index))


def items_count(dataset_type: DatasetType) -> int:
    return _count(_index_file(env._current_env(), dataset_type))


def images_count(cfg: Any, split: str) -> int:
    """How many images a split has: train/training, val/validation, or test/infer/candidate."""
    return _count(_index_file(cfg.ymir, _dataset_type(split)))


def bboxes_count(cfg: Any, split: str) -> int:
    """How many boxes the annotations of a split hold: train/training or val/validation."""
    from . import _datasets

    dataset_type = _dataset_type(split)
    if dataset_type is DatasetType.CANDIDATE:
        raise ValueError(f"candidates have no annotations: split {split!r}")
    return _datasets.count_boxes(_index_file(cfg.ymir, dataset_type), cfg)


def filter_broken_images(image_files: Iterable[str]) -> List[str]:
    """The images that can be decoded; each other one is named in a warning. Raises ImportError without Pillow."""
    from PIL import Image

    readable = []
    for path in image_files:
        try:
            with Image.open(path) as image:
                image.verify()
            readable.append(path)
        except (OSError, SyntaxError, ValueError) as error:  # Pillow raises these three for broken files
            warnings.warn(f"broken image {path}: {error}", UserWarning, stacklevel=2)
    return readable


def _dataset_type(split: str) -> DatasetType:
    if split not in _SPLITS:
        raise ValueError(f"unknown split {split!r}, not in {sorted(_SPLITS)}")
    return _SPLITS[split]


def _index_file(task: Any, dataset_type: DatasetType) -> str:
    paths = {
        DatasetType.TRAINING: task.input.training_index_file,
        DatasetType.VALIDATION: task.input.val_index_file,
        DatasetType.CANDIDATE: task.input.candidate_index_file,
    }
    path = paths.get(dataset_type)
    if not path:
        raise ValueError(f"index file not set for dataset: {dataset_type!r}")
    return str(path)


def _count(path: str) -> int:
    with open(path, "rb") as lines:
        return sum(1 for line in lines if line.strip())
