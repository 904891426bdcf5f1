"""Semantic and instance segmentation, from the platform's dataset to the results that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ymir_exc import _masks, dataset_reader, env, util
from ymir_exc import result_writer as rw
from ymir_exc.dataset_convert import convert_ymir_to_coco, convert_ymir_to_mmseg

from tests.support.platform_reader import read_coco, read_stages

from .conftest import Task

WIDTH, HEIGHT = 6, 4
# The left half is road, the right half sky; a car of 2 x 2 pixels stands before both.
MASKS = {"road": [0, 12, 12], "sky": [12, 12], "car": [9, 2, 2, 2, 9]}
CLASSES = ["car", "road", "sky"]


@pytest.fixture
def cfg(task: Task) -> Any:
    image = task.root / "in/assets/ab/1.png"
    image.parent.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(image)
    annotations = [
        {"id": n, "image_id": 5, "category_id": 10 + n, "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}
        for n, counts in enumerate(MASKS.values())
    ]
    coco = {
        "images": [{"id": 5, "file_name": "1.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 10 + n, "name": name} for n, name in enumerate(MASKS)],
        "annotations": annotations,
    }
    labels = task.root / "in/annotations/coco-annotations.json"
    labels.write_text(json.dumps(coco))
    for split in ("train", "val"):
        (task.root / f"in/{split}-index.tsv").write_text(f"{image}\t{labels}\n")
    (task.root / "in/candidate-index.tsv").write_text(f"{image}\n")
    task.configure(class_names=CLASSES, export_format="seg-coco:raw")
    return util.get_merged_config()


def test_a_semantic_model_is_trained_and_saved(task: Task, cfg: Any) -> None:
    _, label = Path(convert_ymir_to_mmseg(cfg)["train"]).read_text().split("\t")
    pixels = Image.open(label.strip())
    assert [pixels.getpixel(at) for at in ((0, 0), (5, 0), (2, 1), (3, 2))] == [1, 2, 0, 0]
    (task.models / "a.pth").write_text("")
    util.write_ymir_training_result(
        cfg, files=["a.pth"], id="iter_500", evaluation_result={"mIoU": 0.5, "mAcc": 0.75, "tp": 9, "fp": 1, "fn": 0}
    )
    assert read_stages(task.models)["mIoU"] == 0.5


def test_an_instance_model_is_trained_and_saved(task: Task, cfg: Any) -> None:
    coco = json.loads(Path(convert_ymir_to_coco(cfg, cat_id_from_zero=True)["train"]["ann_file"]).read_text())
    found = {CLASSES[item["category_id"]]: (item["bbox"], item["area"]) for item in coco["annotations"]}
    assert found == {"road": ([0, 0, 3, 4], 12), "sky": ([3, 0, 3, 4], 12), "car": ([2, 1, 2, 2], 4)}
    assert {CLASSES[item["category_id"]]: item["segmentation"]["counts"] for item in coco["annotations"]} == MASKS
    (task.models / "a.pth").write_text("")
    rw.write_model_stage("epoch-12", ["a.pth"], {"maskAP": 0.25, "boxAP": 0.5})
    assert read_stages(task.models)["maskAP"] == 0.25


def test_masks_that_were_inferred_are_written(task: Task, cfg: Any) -> None:
    candidates = [image for image, _ in dataset_reader.item_paths(env.DatasetType.CANDIDATE)]
    mask = {"size": [HEIGHT, WIDTH], "counts": _masks.compressed(MASKS["car"]).encode()}
    result = {
        "images": [{"id": n, "file_name": Path(path).name} for n, path in enumerate(candidates)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 0, "score": 0.5, "bbox": [2, 1, 2, 2], "segmentation": mask}
        ],
    }
    rw.write_infer_result(result, algorithm="segmentation")
    written = read_coco(task.out / "infer-result.json")["annotations"][0]["segmentation"]
    assert _masks.run_lengths(written["counts"]) == MASKS["car"]
