"""What the SDK writes is read by the platform of every generation that speaks its protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ymir_exc import monitor, util
from ymir_exc import result_writer as rw

from tests.support import platform

from .conftest import Task

# The protocol that env.yaml names, and a release of the platform that names it so.
GENERATIONS = [(None, "1.0"), ("", "1.0"), ("0.0.1", "1.0"), ("1.0.0", "2.0"), ("1.1.0", "2.0"), ("1.1.0", "2.1"),
               ("1.1.0", "2.4")]  # fmt: skip
every_generation = pytest.mark.parametrize(("version", "release"), GENERATIONS)
TRAININGS: dict[str, Callable[[Any], None]] = {
    "one model": lambda cfg: rw.write_training_result(model_names=["a.pt"], mAP=0.5),
    "a stage": lambda cfg: rw.write_model_stage("epoch1", ["a.pt"], 0.5, attachments={"plots": ["a.pt"]}),
    "its evaluation": lambda cfg: rw.write_training_result(
        "epoch1", ["a.pt"], {"mAP": 0.5, "tp": 3}, evaluate_config={"iou_thr": 0.5}
    ),
    "the first helper": lambda cfg: util.write_ymir_training_result(cfg, 0.5, ["a.pt"], "epoch1"),
    "the second helper": lambda cfg: util.write_ymir_training_result(cfg, [], "last", evaluation_result={"mAP": 0.5}),
    "a stage's folder": lambda cfg: rw.write_model_stage("epoch1", ["b.pt"], 0.5),
}


@every_generation
@pytest.mark.parametrize("write", TRAININGS.values(), ids=TRAININGS)
def test_a_training(task: Task, version: str | None, release: str, write: Callable[[Any], None]) -> None:
    task.describe(protocol_version=version)
    (task.models / "a.pt").write_text("weights")
    (task.models / "epoch1").mkdir()
    (task.models / "epoch1" / "b.pt").write_text("weights")
    write(util.get_merged_config())
    assert all(platform.take_training(task.models, release).values())


@every_generation
def test_twelve_stages_and_the_last_of_them_once_more(task: Task, version: str | None, release: str) -> None:
    task.describe(protocol_version=version)
    for number in (*range(12), 11):
        (task.models / f"{number}.pt").write_text("weights")
        rw.write_model_stage(str(number), [f"{number}.pt"], number / 20)
    taken = platform.take_training(task.models, release)
    assert len(taken) == (1 if release == "1.0" else 11)
    assert "11.pt" in [file for files in taken.values() for file in files]


@every_generation
def test_mining_infer_and_progress(task: Task, version: str | None, release: str) -> None:
    task.describe(protocol_version=version, run_training=False, run_mining=True, run_infer=True, task_id="")
    rw.write_mining_result([("/in/a.jpg", 0.1), ("/in/b.jpg", 0.9)])
    assert platform.take_mining(task.out / "result.tsv", 1) == {"b"}
    box = rw.Annotation(class_name="cat", score=0.5, box=rw.Box(x=1, y=2, w=3, h=4))
    rw.write_infer_result({"/in/a.jpg": [box], "/in/b.jpg": []})
    assert platform.take_infer(task.out / "infer-result.json") == {"a.jpg": 1, "b.jpg": 0}
    monitor.write_monitor_logger_for_multiple_tasks(util.get_merged_config(), "mining", 0.5)
    assert platform.poll(task.out / "monitor.txt")[1:] == (0.25, 2, 0)


@pytest.mark.parametrize("release", ["2.1", "2.4"])
@pytest.mark.parametrize("metrics", [{"mIoU": 0.5, "mAcc": 0.5}, {"maskAP": 0.5, "boxAP": 0.25, "fn": 1}])
def test_a_segmentation(task: Task, release: str, metrics: dict[str, float]) -> None:
    (task.models / "a.pt").write_text("weights")
    rw.write_model_stage("epoch1", ["a.pt"], metrics)
    assert platform.take_training(task.models, release) == {"epoch1": ["a.pt"]}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4}
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{**annotation, "segmentation": {"size": [4, 4], "counts": b"05"}}],
    }
    rw.write_infer_result(coco, algorithm="segmentation")
    assert platform.take_infer(task.out / "infer-result.json", 3) == {"a.jpg": 1}
