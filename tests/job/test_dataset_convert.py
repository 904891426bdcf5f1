"""Datasets as training code reads them, from every export format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from ymir_exc import _masks, dataset_reader, util
from ymir_exc.dataset_convert import (
    convert_rgb_to_label_id,
    convert_ymir_to_coco,
    convert_ymir_to_mmseg,
    convert_ymir_to_yolov5,
    find_blank_area_in_dataset,
)

from .conftest import Task

SIZE = (20, 10)
# A cat of 4 x 6 pixels at (2, 1) and a dog of 5 x 5 at (10, 3), however the format says it.
CAT, DOG = (2, 1, 4, 6), (10, 3, 5, 5)


def ark(task: Task, image: Path) -> Path:
    lines = [f"{number}, {x}, {y}, {x + w}, {y + h}, 0.5, 0.1" for number, (x, y, w, h) in ((0, CAT), (1, DOG))]
    path = task.root / "in" / "annotations" / f"{image.stem}.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def voc(task: Task, image: Path) -> Path:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax>"
        f"<ymax>{y + h}</ymax></bndbox></object>"
        for name, (x, y, w, h) in (("cat", CAT), ("dog", DOG))
    )
    path = task.root / "in" / "annotations" / f"{image.stem}.xml"
    path.write_text(f"<annotation>{objects}</annotation>")
    return path


def rectangle(box: tuple[int, int, int, int]) -> list[int]:
    """Run lengths of a filled rectangle, down the columns."""
    x, y, w, h = box
    width, height = SIZE
    runs = [x * height + y]
    for _ in range(w - 1):
        runs += [h, height - h]
    return [*runs, h, (width - x - w) * height + height - y - h]


def seg_coco(task: Task, image: Path) -> Path:
    """One file for all images; categories in another order than class_names; one mask is text, one is numbers."""
    path = task.root / "in" / "annotations" / "coco-annotations.json"
    coco: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    if path.exists():
        coco = json.loads(path.read_text())
    coco["categories"] = [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}]
    image_id = len(coco["images"]) + 1
    coco["images"].append({"id": image_id, "file_name": image.name, "width": SIZE[0], "height": SIZE[1]})
    size = [SIZE[1], SIZE[0]]
    for category, counts in ((9, _masks.compressed(rectangle(CAT))), (7, rectangle(DOG))):
        annotation = {"id": len(coco["annotations"]) + 1, "image_id": image_id, "category_id": category, "iscrowd": 0}
        coco["annotations"].append({**annotation, "segmentation": {"size": size, "counts": counts}})
    path.write_text(json.dumps(coco))
    return path


FORMATS = {"det-ark:raw": ark, "voc:raw": voc, "seg-coco:raw": seg_coco}


def make(task: Task, export_format: str) -> Any:
    """Two training images and one for validation, in the format."""
    indexes: dict[str, list[str]] = {"train": [], "val": []}
    for split, name in (("train", "a/one.png"), ("train", "a/two.jpg"), ("val", "b/three.bmp")):
        image = task.root / "in" / "assets" / name
        image.parent.mkdir(exist_ok=True)
        Image.new("RGB", SIZE).save(image)
        indexes[split].append(f"{image}\t{FORMATS[export_format](task, image)}\n")
    for split, lines in indexes.items():
        (task.root / "in" / f"{split}-index.tsv").write_text("".join(lines))
    task.configure(class_names=["cat", "dog"], export_format=export_format)
    return util.get_merged_config()


@pytest.fixture(params=sorted(FORMATS))
def cfg(task: Task, request: pytest.FixtureRequest) -> Any:
    return make(task, request.param)


def test_coco_has_every_image_and_box_with_classes_in_their_order(task: Task, cfg: Any) -> None:
    written = convert_ymir_to_coco(cat_id_from_zero=True)
    assert set(written) == {"train", "val"}
    coco = json.loads(Path(written["train"]["ann_file"]).read_text())
    assert [Path(image["file_name"]).name for image in coco["images"]] == ["one.png", "two.jpg"]
    assert {(image["width"], image["height"]) for image in coco["images"]} == {SIZE}
    assert [(c["id"], c["name"]) for c in coco["categories"]] == [(0, "cat"), (1, "dog")]
    found = [(a["image_id"], a["category_id"], tuple(a["bbox"]), a["area"]) for a in coco["annotations"]]
    assert found == [(i, c, box, box[2] * box[3]) for i in (0, 1) for c, box in ((0, CAT), (1, DOG))]
    assert len(json.loads(Path(written["val"]["ann_file"]).read_text())["images"]) == 1


def test_coco_takes_a_config_and_counts_categories_from_one(task: Task, cfg: Any) -> None:
    coco = json.loads(Path(util.convert_ymir_to_coco(cfg)["train"]["ann_file"]).read_text())
    assert [category["id"] for category in coco["categories"]] == [1, 2]
    assert {annotation["category_id"] for annotation in coco["annotations"]} == {1, 2}
    assert min(annotation["id"] for annotation in coco["annotations"]) == 1


def test_yolo_labels_stand_where_yolo_looks_for_them(task: Task, cfg: Any) -> None:
    data = yaml.safe_load(Path(convert_ymir_to_yolov5(cfg)).read_text())
    assert (data["nc"], data["names"]) == (2, ["cat", "dog"])
    root = Path(data["path"])
    images = (root / data["train"]).read_text().split()
    assert images == [str(task.out / "images/a/one.png"), str(task.out / "images/a/two.jpg")]
    assert Image.open(images[0]).size == SIZE
    labels = [line.split() for line in (task.out / "labels/a/one.txt").read_text().splitlines()]
    assert labels == [
        ["0", "0.200000", "0.400000", "0.200000", "0.600000"],
        ["1", "0.625000", "0.550000", "0.250000", "0.500000"],
    ]


def test_mmseg_labels_hold_the_class_of_each_pixel(task: Task, cfg: Any) -> None:
    written = convert_ymir_to_mmseg(cfg)
    image, label = Path(written["train"]).read_text().splitlines()[0].split("\t")
    assert Path(image).name == "one.png"
    labels = Image.open(label)
    assert labels.size == SIZE
    assert [labels.getpixel(at) for at in ((2, 1), (5, 6), (6, 1), (10, 3), (14, 7), (0, 0))] == [0, 0, 255, 1, 1, 255]
    assert sorted(labels.histogram()[:2]) == [24, 25]


def test_boxes_are_counted(cfg: Any) -> None:
    assert dataset_reader.bboxes_count(cfg, "train") == 4
    assert dataset_reader.bboxes_count(cfg, "validation") == 2


def test_unlabelled_pixels_are_found(cfg: Any) -> None:
    assert find_blank_area_in_dataset(cfg)


def test_a_broken_image_is_named_and_left_out(task: Task) -> None:
    cfg = make(task, "det-ark:raw")
    (task.root / "in/assets/a/two.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.warns(UserWarning, match=r"two\.jpg is a broken image"):
        written = convert_ymir_to_coco(cfg)
    assert len(json.loads(Path(written["train"]["ann_file"]).read_text())["images"]) == 1


def test_an_unknown_class_is_named_and_left_out(task: Task) -> None:
    make(task, "voc:raw")
    task.configure(class_names=["dog"], export_format="voc:raw")
    with pytest.warns(UserWarning, match=r"not in class_names: \['cat'\]"):
        written = convert_ymir_to_coco()
    coco = json.loads(Path(written["train"]["ann_file"]).read_text())
    assert {annotation["category_id"] for annotation in coco["annotations"]} == {1}


def test_an_annotation_that_is_none_is_named(task: Task) -> None:
    cfg = make(task, "det-ark:raw")
    (task.root / "in/annotations/one.txt").write_text("0, 1, 2, 3\n")
    with pytest.raises(ValueError, match=r"one\.txt:1: not a box"):
        convert_ymir_to_coco(cfg)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0, 30, 10, 10, 20", "ends before it begins"),
        ("0, nan, 10, 10, 20", "is nan"),
        ("0, 1, 1, inf, 3", "is inf"),
        ("0, 1, 2, 3", "not a box"),
        ("zero, 1, 2, 3, 4", "not a box"),
    ],
)
def test_a_box_that_is_none_is_left_out_and_named(task: Task, line: str, says: str) -> None:
    cfg = make(task, "det-ark:raw")
    (task.root / "in/annotations/one.txt").write_text(f"1, 1, 1, 5, 5\n{line}\n")
    with pytest.warns(UserWarning, match=rf"labels left out: .*one\.txt:2: .*{says}"):
        files = convert_ymir_to_coco(cfg)
    annotations = json.loads(Path(files["train"]["ann_file"]).read_text())["annotations"]
    assert all(size >= 0 for annotation in annotations for size in annotation["bbox"])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("<object><name>cat</name></object>", "an object cat has no bndbox"),
        ("<object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object>", "its bndbox has no ymin"),
        ("<object><name>cat</name><bndbox><xmin>30</xmin><ymin>1</ymin><xmax>10</xmax><ymax>3</ymax></bndbox></object>",
         "its box ends before it begins"),
    ],
)  # fmt: skip
def test_an_object_of_voc_without_a_box_is_left_out_and_named(task: Task, broken: str, says: str) -> None:
    cfg = make(task, "voc:raw")
    path = task.root / "in/annotations/one.xml"
    whole = path.read_text()
    path.write_text(whole.replace("</annotation>", f"\n{broken}</annotation>"))
    with pytest.warns(UserWarning, match=rf"labels left out: .*one\.xml:2: {says}"):
        files = convert_ymir_to_coco(cfg)
    assert len(json.loads(Path(files["train"]["ann_file"]).read_text())["annotations"]) >= 2


def test_colours_become_classes(task: Task) -> None:
    cfg = make(task, "seg-coco:raw")
    task.configure(class_names=["cat", "dog"], export_format="seg-mask:raw")
    cfg = util.get_merged_config()
    (task.root / "in/annotations/labelmap.txt").write_text("dog:0,0,9::\nbird:1,1,1::\ncat:9,0,0::\n")
    colours = Image.new("RGB", SIZE, (9, 0, 0))
    colours.paste((0, 0, 9), (0, 0, 3, 3))
    mask = task.root / "in/annotations/mask.png"
    colours.save(mask)
    image = task.root / "in/assets/a/one.png"
    for split in ("train", "val"):
        (task.root / "in" / f"{split}-index.tsv").write_text(f"{image}\t{mask}\n")
    label = Image.open(Path(convert_ymir_to_mmseg(cfg)["train"]).read_text().split("\t")[1].strip())
    assert (label.getpixel((0, 0)), label.getpixel((5, 5))) == (1, 0)


def test_an_array_of_colours_becomes_an_array_of_classes() -> None:
    numpy = pytest.importorskip("numpy")
    colours = numpy.zeros((2, 3, 3), dtype=numpy.uint8)
    colours[1] = (1, 2, 3)
    found = convert_rgb_to_label_id(colours, {(1, 2, 3): 4})
    assert found.tolist() == [[255, 255, 255], [4, 4, 4]]


@pytest.mark.parametrize("lengths", [[0], [5, 3, 2], [0, 40, 1, 1, 1, 1], [1000, 3, 997, 3, 997, 3], [10**7, 1]])
def test_compressed_masks_are_read_as_they_were(lengths: list[int]) -> None:
    assert _masks.run_lengths(_masks.compressed(lengths)) == lengths


def test_a_mask_that_goes_round_a_column_has_the_full_height() -> None:
    # 4 rows: the run fills the foot of column 0 and the head of column 1.
    assert _masks.box_of({"size": [4, 3], "counts": [3, 2, 7]}) == (0, 0, 2, 4)


def test_the_other_ranks_wait_for_what_rank_zero_writes(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = make(task, "det-ark:raw")
    first = convert_ymir_to_coco(cfg)
    stamp = Path(first["train"]["ann_file"]).stat().st_mtime_ns
    monkeypatch.setenv("RANK", "1")
    assert convert_ymir_to_coco(cfg) == first
    assert Path(first["train"]["ann_file"]).stat().st_mtime_ns == stamp
