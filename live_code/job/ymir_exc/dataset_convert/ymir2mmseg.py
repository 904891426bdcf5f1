"""Label images for semantic segmentation: each pixel holds its class, 255 where there is none."""

from __future__ import annotations

import os
import warnings

from .. import _datasets, _masks, protocol
from .._config import get_bool
from ._ranks import by_one_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    Palette = Dict[Tuple[int, int, int], int]

UNLABELLED = 255


def convert_ymir_to_mmseg(ymir_cfg: Any) -> Dict[str, str]:
    """Writes a label image for each image of the training and validation index, and indexes that name them.

    Returns the index files: ``{"train", "val", "test"}``. Pixels hold the class's place in ``class_names``. From boxes
    (ark, voc) the labels are filled rectangles. Raises ImportError without Pillow, OSError or ValueError when the
    dataset can't be read.
    """
    given = {"train": ymir_cfg.ymir.input.training_index_file, "val": ymir_cfg.ymir.input.val_index_file}
    in_dir, out_dir = ymir_cfg.ymir.input.root_dir, ymir_cfg.ymir.output.root_dir
    made = {split: os.path.join(out_dir, _below(path, in_dir)) for split, path in given.items() if path}

    def convert() -> None:
        for split, index in made.items():
            _convert_index(given[split], index, ymir_cfg)

    by_one_rank(convert, list(made.values()))
    return {**made, "test": ymir_cfg.ymir.input.candidate_index_file}


def _below(path: str, folder: str) -> str:
    below = os.path.relpath(path, folder)
    return os.path.basename(path) if below.startswith(os.pardir + os.sep) else below


def _convert_index(source: str, target: str, cfg: Any) -> None:
    labels = os.path.join(cfg.ymir.output.root_dir, "annotations")
    kind = _datasets.export_format(cfg.param, protocol.is_before_1_0(cfg.ymir.protocol_version))
    convert = _convert_colours if kind == _datasets.MASK else _convert_objects
    os.makedirs(os.path.dirname(target) or os.curdir, exist_ok=True)
    with protocol.AtomicFile(target) as index:
        for image, label_image in convert(source, cfg):
            name = os.path.splitext(_below(image, cfg.ymir.input.assets_dir))[0] + ".png"
            path = os.path.join(labels, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            label_image.save(path)
            index.write(f"{image}\t{path}\n")


def _convert_objects(source: str, cfg: Any) -> Any:
    for picture in _datasets.pictures(source, cfg):
        yield picture.path, _label_image(picture)


def _label_image(picture: _datasets.Picture) -> Any:
    """Larger things first, so that the smaller ones in front of them stay visible."""
    from PIL import Image

    labels = Image.new("L", (picture.width, picture.height), UNLABELLED)
    for thing in sorted(picture.objects, key=lambda thing: -thing.width * thing.height):
        if thing.mask:
            labels.paste(thing.class_id, mask=_masks.mask_image(thing.mask, picture.width, picture.height))
        else:
            left, top = round(thing.left), round(thing.top)
            labels.paste(thing.class_id, (left, top, left + round(thing.width), top + round(thing.height)))
    return labels


def _convert_colours(source: str, cfg: Any) -> Any:
    from PIL import Image

    palette = _palette(os.path.join(cfg.ymir.input.annotations_dir, "labelmap.txt"), cfg.param.get("class_names") or [])
    for line in protocol.read_index(source):
        try:
            with Image.open(line.annotation or "") as colours:
                yield line.image, _class_ids(colours, palette)
        except (OSError, SyntaxError, AttributeError) as error:
            warnings.warn(f"image left out: {line.image}: {error}", UserWarning, stacklevel=2)


def _palette(path: str, class_names: Any) -> Palette:
    """Colours of the classes, from ``name:r,g,b::`` lines; other classes are left unlabelled."""
    palette: Palette = {}
    names = [str(name) for name in class_names]
    with open(path, encoding="utf-8-sig") as lines:
        for line in lines:
            label, _, rest = line.strip().partition(":")
            if label in names:
                red, green, blue = (int(part) for part in rest.split(":")[0].split(","))
                palette[red, green, blue] = names.index(label)
    return palette


def _class_ids(colours: Any, palette: Palette) -> Any:
    from PIL import Image

    rgb = colours.convert("RGB").tobytes()
    known = {bytes(colour): number for colour, number in palette.items()}
    pixels = bytes(known.get(rgb[place : place + 3], UNLABELLED) for place in range(0, len(rgb), 3))
    return Image.frombytes("L", colours.size, pixels)


def convert_rgb_to_label_id(rgb_img: Any, palette_dict: Palette, dtype: Any = None) -> Any:
    """Class numbers for colours, 255 for others: an array from an array, a Pillow image from an image or its path."""
    from PIL import Image

    if isinstance(rgb_img, (str, os.PathLike)):
        with Image.open(rgb_img) as image:
            return _class_ids(image, palette_dict)
    if isinstance(rgb_img, Image.Image):
        return _class_ids(rgb_img, palette_dict)
    import numpy

    return numpy.asarray(_class_ids(Image.fromarray(rgb_img), palette_dict), dtype=dtype or numpy.uint8)


def find_blank_area_in_dataset(ymir_cfg: Any, max_sample_num: int = 100) -> bool:
    """Whether any of the first training images has a pixel without a label."""
    sample = _datasets.pictures(ymir_cfg.ymir.input.training_index_file, ymir_cfg)
    for number, picture in enumerate(sample):
        if number == max_sample_num:
            break
        if _label_image(picture).histogram()[UNLABELLED]:
            return True
    return False


def train_with_black_area_or_not(ymir_cfg: Any, max_sample_num: int = 100) -> bool:
    """Whether unlabelled pixels make a class: ``ignore_blank_area``, else ``WITH_BLANK_AREA``, else what the data has.

    The answer is kept in ``WITH_BLANK_AREA`` so that the processes this one starts find the same.
    """
    if get_bool(ymir_cfg, "ignore_blank_area", False):
        return False
    known = os.environ.get("WITH_BLANK_AREA", "").lower()
    if known not in ("", "true", "false"):
        raise ValueError(f"WITH_BLANK_AREA must be true or false, not {known!r}")
    has_blank = known == "true" if known else find_blank_area_in_dataset(ymir_cfg, max_sample_num)
    os.environ["WITH_BLANK_AREA"] = "TRUE" if has_blank else "FALSE"
    return has_blank
