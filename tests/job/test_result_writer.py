"""Results: every published signature, and what the platform could not read is refused."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
from ymir_exc import result_writer as rw

from tests.support.platform_reader import read_coco, read_detections, read_old_result, read_scores, read_stages

from .conftest import Task

TEXT = "weights"


def save(task: Task, *names: str) -> None:
    for name in names:
        path = task.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXT)


def stage(task: Task, name: str = "epoch1") -> dict[str, Any]:
    found = read_stages(task.models)["model_stages"][name]
    assert isinstance(found, dict)
    return found


# --- stages: signatures -----------------------------------------------------------------------------------------------

ATTACHMENTS = {"configs": ["c.json"]}
EVALUATE = {"iou_thr": 0.5}
SIGNATURES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("epoch1", ["a.pt"], 0.5), {}),
    (("epoch1", ["a.pt"], 0.5, 1663840020), {}),
    (("epoch1", ["a.pt"], 0.5, 1663840020, ATTACHMENTS), {}),
    (("epoch1", ["a.pt"], 0.5, False, 1663840020), {}),
    (("epoch1", ["a.pt"], {"mAP": 0.5}), {}),
    (("epoch1", ["a.pt"], {"mAP": 0.5}, 1663840020, ATTACHMENTS, EVALUATE), {}),
    (("epoch1", ["a.pt"], {"mAP": 0.5}, None, 1663840020, ATTACHMENTS, EVALUATE), {}),
    (("epoch1", ["a.pt"], {"mAP": 0.5}, 0.4, 1663840020, None, EVALUATE), {}),
    (("epoch1", ["a.pt"]), {"mAP": 0.5, "timestamp": 1663840020}),
    (("epoch1",), {"files": ["a.pt"], "mAP": 0.5, "attachments": ATTACHMENTS}),
    ((), {"stage_name": "epoch1", "model_files": ["a.pt"], "mAP": 0.5, "as_best": True}),
    ((), {"stage_name": "epoch1", "files": ["a.pt"], "evaluation_result": {"mAP": 0.5}, "evaluate_config": EVALUATE}),
]


@pytest.mark.parametrize(("arguments", "keywords"), SIGNATURES)
def test_write_model_stage_takes_every_published_signature(
    task: Task, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    save(task, "a.pt", "c.json")
    rw.write_model_stage(*arguments, **keywords)
    result = read_stages(task.models)
    written = result["model_stages"]["epoch1"]
    given = [*arguments, *keywords.values()]
    assert (written["files"], written["mAP"]) == (["a.pt"], 0.5)
    assert (written["timestamp"] == 1663840020) == (1663840020 in given)
    assert result.get("attachments") == (ATTACHMENTS if ATTACHMENTS in given else None)
    assert result.get("evaluate_config") == (EVALUATE if EVALUATE in given else None)


def test_write_training_result_of_the_first_generation_makes_a_stage(task: Task) -> None:
    save(task, "a.pt")
    rw.write_training_result(model_names=["a.pt"], mAP=0.5, classAPs={"cat": 0.5}, author="me")
    result = read_stages(task.models)
    assert result["best_stage_name"] == "default_best_stage"
    assert (result["class_aps"], result["author"]) == ({"cat": 0.5}, "me")


def test_write_training_result_of_the_second_generation_makes_a_stage(task: Task) -> None:
    save(task, "a.pt")
    rw.write_training_result("epoch1", ["a.pt"], {"mIoU": 0.25, "mAcc": 0.5}, timestamp=7)
    assert stage(task) == {"stage_name": "epoch1", "files": ["a.pt"], "timestamp": 7, "mIoU": 0.25, "mAcc": 0.5}


def test_an_argument_that_no_sdk_had_is_a_type_error(task: Task) -> None:
    save(task, "a.pt")
    with pytest.raises(TypeError, match="map50"):
        rw.write_model_stage("epoch1", ["a.pt"], map50=0.5)
    with pytest.raises(TypeError, match="two values for mAP"):
        rw.write_model_stage("epoch1", ["a.pt"], 0.5, mAP=0.4)


# --- stages: protocol versions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol_version", "ymir_version", "supported"),
    [("1.0.0", "", True), ("1.3.0", "", True), ("0.0.1", "", False), ("", "1.1.0", False), ("", "1.2.0", True),
     ("0.0.1", "2.0.0", True), (None, "", False), ("", "latest", False)],
)  # fmt: skip
def test_stages_are_supported_since_protocol_1_or_ymir_1_2(
    task: Task, monkeypatch: pytest.MonkeyPatch, protocol_version: str | None, ymir_version: str, supported: bool
) -> None:
    task.describe(protocol_version=protocol_version)
    monkeypatch.setenv("YMIR_VERSION", ymir_version)
    assert rw.multiple_model_stages_supportable() is supported


def test_the_old_protocol_gets_all_files_and_the_best_metric(task: Task) -> None:
    task.describe(protocol_version="0.0.1")
    save(task, "a.pt", "b.pt", "c.pt")
    rw.write_model_stage("epoch1", ["a.pt"], 0.25, 10)
    rw.write_model_stage("epoch2", ["b.pt"], 0.75, 20)
    rw.write_training_result(["c.pt"], 0.5, {"cat": 0.5})
    result = read_old_result(task.models)
    assert result["model"] == ["a.pt", "b.pt", "c.pt"]
    assert (result["map"], result["stage_name"], result["class_aps"]) == (0.75, "epoch2", {"cat": 0.5})


# --- stages: names and number -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "written"), [("epoch-5", "epoch_5"), ("5", "stage_5"), (5, "stage_5"), ("épo", "épo"), (" last ", "last")]
)
def test_a_stage_name_becomes_an_identifier(task: Task, given: Any, written: str) -> None:
    save(task, "a.pt")
    rw.write_model_stage(given, ["a.pt"], 0.5)
    assert list(read_stages(task.models)["model_stages"]) == [written]


@pytest.mark.parametrize("name", ["", "  ", "5 epochs", "a/b", "5.0", "x" * 300, "é" * 200])
def test_another_stage_name_is_refused(task: Task, name: str) -> None:
    save(task, "a.pt")
    with pytest.raises(ValueError, match="stage"):
        rw.write_model_stage(name, ["a.pt"], 0.5)
    assert not (task.models / "result.yaml").exists()


def test_the_eleven_newest_stages_stay_and_the_best(task: Task) -> None:
    save(task, "a.pt")
    for number in range(15):
        rw.write_model_stage(f"epoch{number}", ["a.pt"], 0.9 if number == 1 else 0.1, timestamp=number)
    result = read_stages(task.models)
    assert result["best_stage_name"] == "epoch1"
    assert list(result["model_stages"]) == ["epoch1", *(f"epoch{number}" for number in range(5, 15))]


def test_a_stage_written_again_is_renewed(task: Task) -> None:
    save(task, "a.pt", "b.pt")
    rw.write_model_stage("epoch1", ["a.pt"], 0.9)
    rw.write_model_stage("epoch1", ["b.pt"], 0.1)
    assert (stage(task)["files"], read_stages(task.models)["mAP"]) == (["b.pt"], 0.1)


def test_mask_ap_goes_before_miou_before_map(task: Task) -> None:
    save(task, "a.pt")
    rw.write_model_stage("epoch1", ["a.pt"], {"mAP": 0.9, "mIoU": 0.1, "maskAP": 0.2})
    rw.write_model_stage("epoch2", ["a.pt"], {"mAP": 0.1, "mIoU": 0.9, "maskAP": 0.1})
    result = read_stages(task.models)
    assert (result["best_stage_name"], result["maskAP"]) == ("epoch1", 0.2)


# --- stages: metrics --------------------------------------------------------------------------------------------------


class MxnetScalar:
    """An array of one element as mxnet's older versions had it."""

    def asscalar(self) -> float:
        return 0.5


@pytest.mark.parametrize("make", [float, "numpy.float32", "numpy.float64", "numpy.array", MxnetScalar])
def test_a_metric_of_any_array_library_becomes_a_plain_float(task: Task, make: Any) -> None:
    save(task, "a.pt")
    if isinstance(make, str):
        make = getattr(pytest.importorskip("numpy"), make.partition(".")[2])
    rw.write_model_stage("epoch1", ["a.pt"], make() if make is MxnetScalar else make(0.5))
    assert stage(task)["mAP"] == 0.5


def test_counts_become_whole_numbers_and_other_metrics_are_kept(task: Task) -> None:
    numpy = pytest.importorskip("numpy")
    save(task, "a.pt")
    rw.write_model_stage(
        "epoch1",
        ["a.pt"],
        {"mAP": numpy.float32(0.5), "tp": numpy.int64(3), "fn": 2.0, "per_class": {"cat": numpy.array([0.5, 1.5])}},
    )
    written = stage(task)
    assert (written["tp"], written["fn"], written["per_class"]) == (3, 2, {"cat": [0.5, 1.5]})


@pytest.mark.parametrize(
    ("metrics", "message"),
    [({"mAP": math.nan}, "mAP is nan"), ({"mAP": 0.5, "loss": math.inf}, "loss is inf"), ({"mAP": 65}, "mAP is 65.0"),
     ({"mAP": -0.1}, "mAP"), ({"mAP": 0.5, "tp": -1}, "tp is -1"), ({"mAP": 0.5, "fp": 0.5}, "fp is 0.5"),
     ({"mAP": "high"}, "mAP must be one number"), ({"mAR": 0.5}, "no main metric"), ({}, "neither"),
     ({"mAP": 0.5, "per_class": {"cat": math.nan}}, r"per_class\.cat is nan")],
)  # fmt: skip
def test_a_metric_that_the_platform_can_not_read_is_refused_by_name(
    task: Task, metrics: dict[str, Any], message: str
) -> None:
    save(task, "a.pt")
    with pytest.raises(ValueError, match=message):
        rw.write_model_stage("epoch1", ["a.pt"], metrics)
    assert not (task.models / "result.yaml").exists()


# --- stages: files ----------------------------------------------------------------------------------------------------


def test_files_are_found_in_the_stage_folder_and_by_absolute_path(task: Task) -> None:
    save(task, "epoch1/a.pt", "b.pt", "epoch1/c.pt")
    rw.write_model_stage("epoch-1", [Path("b.pt")], 0.5)
    rw.write_model_stage("epoch1", ["a.pt", str(task.models / "b.pt"), "epoch1/c.pt"], 0.5)
    assert stage(task)["files"] == ["a.pt", "b.pt", "c.pt"]


def test_a_link_is_replaced_by_its_file(task: Task, tmp_path: Path) -> None:
    (tmp_path / "epoch3.pt").write_text(TEXT)
    (task.models / "best.pt").symlink_to(tmp_path / "epoch3.pt")
    rw.write_model_stage("epoch1", ["best.pt"], 0.5)
    assert not (task.models / "best.pt").is_symlink()
    assert (task.models / "best.pt").read_text() == TEXT


@pytest.mark.parametrize(
    ("name", "error"),
    [("gone.pt", FileNotFoundError), ("dangling.pt", FileNotFoundError), ("folder", ValueError),
     ("../a.pt", ValueError), ("/etc/passwd", ValueError), ("folder/a.pt", ValueError)],
)  # fmt: skip
def test_a_file_that_the_platform_could_not_collect_is_refused_by_name(
    task: Task, name: str, error: type[Exception]
) -> None:
    save(task, "folder/a.pt")
    (task.models / "dangling.pt").symlink_to(task.models / "nothing")
    with pytest.raises(error, match=name.split("/")[-1]):
        rw.write_model_stage("epoch1", [name], 0.5)
    assert not (task.models / "result.yaml").exists()


def test_two_files_of_one_name_are_refused(task: Task) -> None:
    save(task, "a.pt", "epoch1/a.pt")
    with pytest.raises(ValueError, match=r"two saved files are named a\.pt"):
        rw.write_model_stage("epoch1", ["epoch1/a.pt", str(task.models / "a.pt")], 0.5)


def test_no_files_are_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="empty stage_name or files"):
        rw.write_model_stage("epoch1", [], 0.5)


def test_attachments_are_brought_to_their_section(task: Task) -> None:
    save(task, "a.pt", "attachments/images/1.jpg", "pre.json")
    rw.write_model_stage("epoch1", ["a.pt"], 0.5, attachments={"images": ["1.jpg"], "configs": ["pre.json"]})
    assert read_stages(task.models)["attachments"] == {"images": ["1.jpg"], "configs": ["pre.json"]}
    with pytest.raises(FileNotFoundError, match="gone"):
        rw.write_model_stage("epoch1", ["a.pt"], 0.5, attachments={"images": ["gone.jpg"]})


def test_a_result_that_something_else_broke_is_not_overwritten(task: Task) -> None:
    save(task, "a.pt")
    (task.models / "result.yaml").write_text("model_stages: {")
    with pytest.raises(ValueError, match="not valid YAML"):
        rw.write_model_stage("epoch1", ["a.pt"], 0.5)
    assert (task.models / "result.yaml").read_text() == "model_stages: {"


# --- mining -----------------------------------------------------------------------------------------------------------


def test_scores_are_written_best_first_and_equal_ones_in_their_order(task: Task) -> None:
    rw.write_mining_result([("/a", 0.1), ("/b", 0.9), ("/c", 0.1), ("/d", -10), ("/e", 0)])
    assert read_scores(task.out / "result.tsv") == [("/b", 0.9), ("/a", 0.1), ("/c", 0.1), ("/e", 0.0), ("/d", -10.0)]


def test_more_scores_than_a_run_holds_are_merged(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ymir_exc._mining.RUN_LENGTH", 7)
    monkeypatch.setattr("ymir_exc._mining.MAX_RUNS", 4)
    scores = [(f"/{number}.jpg", float(number * 37 % 50)) for number in range(100)]
    rw.write_mining_result(iter(scores))
    assert read_scores(task.out / "result.tsv") == sorted(scores, key=lambda row: -row[1])
    assert [path.name for path in task.out.iterdir() if path.is_file()] == ["result.tsv"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [([("/a", math.nan)], "the score of /a is nan"), ([("/a", math.inf)], "the score of /a is inf"),
     ([("/a", 1.0), ("/b", 0.5), ("/a", 0.2)], "two scores for /a"), ([("/a", "x")], "the score of /a must be"),
     ([("/a\tb", 1.0)], "not the path of an image"), ([("", 1.0)], "not the path of an image")],
)  # fmt: skip
def test_a_score_that_the_platform_can_not_read_is_refused_by_name(
    task: Task, scores: list[tuple[str, Any]], message: str
) -> None:
    (task.out / "result.tsv").write_text("/old\t1.0\n")
    with pytest.raises(ValueError, match=message):
        rw.write_mining_result(scores)
    assert (task.out / "result.tsv").read_text() == "/old\t1.0\n"
    assert [path.name for path in task.out.iterdir() if path.is_file()] == ["result.tsv"]


# --- infer ------------------------------------------------------------------------------------------------------------


def box(**changes: Any) -> rw.Annotation:
    return rw.Annotation(**{"class_name": "cat", "score": 0.5, "box": rw.Box(x=1, y=2, w=3, h=4), **changes})


PLAIN = {"class_name": "cat", "score": 0.5, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}


@pytest.mark.parametrize("as_iterator", [False, True])
def test_detections_are_written_under_the_images_names(task: Task, as_iterator: bool) -> None:
    results = {"/in/assets/ab/1.jpg": [box(), PLAIN], "/in/assets/cd/2.jpg": []}
    rw.write_infer_result(iter(results.items()) if as_iterator else results)
    assert read_detections(task.out / "infer-result.json") == {"1.jpg": [PLAIN, PLAIN], "2.jpg": []}


def test_the_old_protocol_says_annotations(task: Task) -> None:
    task.describe(protocol_version="0.0.1")
    rw.write_infer_result({"1.jpg": [box()]})
    assert read_detections(task.out / "infer-result.json", "annotations") == {"1.jpg": [PLAIN]}


def test_values_assigned_after_making_are_checked_too(task: Task) -> None:
    numpy = pytest.importorskip("numpy")
    changed = box()
    changed.score, changed.box.w = numpy.float32(0.25), numpy.int64(7)
    rw.write_infer_result({"1.jpg": [changed]})
    assert read_detections(task.out / "infer-result.json")["1.jpg"][0]["box"]["w"] == 7
    changed.score = math.nan
    with pytest.raises(ValueError, match=r"1\.jpg: Annotation\.score is nan"):
        rw.write_infer_result({"1.jpg": [changed]})


def test_a_failure_in_the_iterator_leaves_the_old_result(task: Task) -> None:
    rw.write_infer_result({"1.jpg": []})

    def broken() -> Any:
        yield "2.jpg", []
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        rw.write_infer_result(broken())
    assert read_detections(task.out / "infer-result.json") == {"1.jpg": []}
    assert [path.name for path in task.out.iterdir() if path.is_file()] == ["infer-result.json"]


def test_a_file_that_the_iterator_could_not_read_is_what_the_error_names(task: Task) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg'$"):
        rw.write_infer_result((name, [Path(name).read_bytes()]) for name in ["gone.jpg"])


def test_an_image_without_a_name_is_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="not the path of an image: '/in/'"):
        rw.write_infer_result({"/in/": []})


def test_two_images_of_one_name_are_refused(task: Task) -> None:
    with pytest.raises(ValueError, match=r'two results for images named "1\.jpg"'):
        rw.write_infer_result({"/a/1.jpg": [], "/b/1.jpg": []})


def test_a_class_that_is_not_in_class_names_is_a_warning(task: Task) -> None:
    with pytest.warns(UserWarning, match=r"not in class_names: \['bird'\]"):
        rw.write_infer_result({"1.jpg": [box(class_name="bird")]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rw.write_infer_result({"1.jpg": [box()]})


def test_an_unknown_algorithm_is_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="classification"):
        rw.write_infer_result({}, algorithm="classification")


COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 4, "height": 3}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "score": 0.5, "segmentation": {"size": [3, 4], "counts": b"05"}}
    ],
}


def test_a_segmentation_is_written_as_it_is_with_masks_as_text(task: Task) -> None:
    rw.write_infer_result(COCO, algorithm="segmentation")
    written = read_coco(task.out / "infer-result.json")
    assert written["annotations"][0]["segmentation"] == {"size": [3, 4], "counts": "05"}
    assert (written["images"], written["categories"]) == (COCO["images"], COCO["categories"])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"annotations": None}, "'annotations' is missing"), ({"images": [{}]}, r"images\[0\] has no id"),
     ({"categories": [{"id": 2}]}, r"annotations\[0\]\.category_id is 1"),
     ({"images": [{"id": 1}, {"id": 1}]}, "two images have id 1"),
     ({"annotations": [{**COCO["annotations"][0], "score": math.nan}]}, "score is nan"),
     ({"annotations": [{**COCO["annotations"][0], "segmentation": {"size": [3]}}]}, "neither polygons nor a mask")],
)  # fmt: skip
def test_a_segmentation_that_the_platform_can_not_read_is_refused(
    task: Task, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rw.write_infer_result({**COCO, **change}, algorithm="segmentation")


# --- all writers ------------------------------------------------------------------------------------------------------


def test_other_ranks_write_nothing(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    save(task, "a.pt")
    rw.write_model_stage("epoch1", ["a.pt"], 0.5)
    rw.write_mining_result([("/a", 1.0)])
    rw.write_infer_result({"1.jpg": []})
    assert [path.name for path in task.root.rglob("*result*")] == []


def test_a_missing_output_folder_is_made(task: Task) -> None:
    task.describe(output={"infer_result_file": str(task.out / "new" / "infer.json")})
    rw.write_infer_result({"1.jpg": []})
    assert json.loads((task.out / "new" / "infer.json").read_text()) == {"detection": {"1.jpg": {"boxes": []}}}
