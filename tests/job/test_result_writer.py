"""Results: every published signature, and what the platform could not read is refused."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
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


@pytest.mark.parametrize("version", [None, "", "0.0.1"])
def test_the_old_protocol_finds_what_was_saved_in_the_stages_folder(task: Task, version: str | None) -> None:
    task.describe(protocol_version=version)
    for number, score in ((1, 0.25), (2, 0.75), (3, 0.5)):
        save(task, f"epoch{number}/best.pt")
        (task.models / f"epoch{number}" / "best.pt").write_text(f"weights {number}")
        rw.write_model_stage(f"epoch{number}", ["best.pt"], score)
    assert read_old_result(task.models)["model"] == ["best.pt"]
    assert (task.models / "best.pt").read_text() == "weights 2"


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
    [({"mAP": "high"}, "mAP must be one number"), ({"mAR": 0.5}, "no main metric"), ({}, "neither"),
     ({"mAP": 0.5, "per_class": {"cat": object()}}, r"per_class\.cat must be one number")],
)  # fmt: skip
def test_a_call_without_a_number_to_rank_by_is_refused(task: Task, metrics: dict[str, Any], message: str) -> None:
    save(task, "a.pt")
    with pytest.raises(ValueError, match=message):
        rw.write_model_stage("epoch1", ["a.pt"], metrics)
    assert not (task.models / "result.yaml").exists()


@pytest.mark.parametrize(
    ("metrics", "message"),
    [({"mAP": math.nan}, "mAP is nan"), ({"mAP": 65}, r"mAP is 65\.0"), ({"mAP": -0.1}, "mAP is -0.1"),
     ({"mAP": 0.5, "tp": -1}, "tp is -1")],
)  # fmt: skip
def test_a_metric_that_the_platform_will_refuse_is_a_warning_and_the_training_goes_on(
    task: Task, metrics: dict[str, Any], message: str
) -> None:
    save(task, "a.pt")
    with pytest.warns(UserWarning, match=message):
        rw.write_model_stage("epoch1", ["a.pt"], metrics)
    with pytest.raises(ValueError, match=next(reversed(metrics))):
        read_stages(task.models)


@pytest.mark.parametrize(("metric", "left"), [("mAR", math.nan), ("boxAP", math.inf), ("fp", math.nan)])
def test_another_metric_that_is_not_finite_is_left_out_with_a_warning(task: Task, metric: str, left: float) -> None:
    save(task, "a.pt")
    with pytest.warns(UserWarning, match=f"{metric} is {left}: left out"):
        rw.write_model_stage("epoch1", ["a.pt"], {"mAP": 0.5, metric: left})
    assert set(stage(task)) == {"stage_name", "files", "timestamp", "mAP"}


def test_a_repositorys_own_number_may_be_anything(task: Task) -> None:
    save(task, "a.pt")
    rw.write_model_stage("epoch1", ["a.pt"], {"mAP": 0.5, "loss": math.inf, "fp": 2.0, "per_class": {"cat": math.nan}})
    assert (stage(task)["loss"], stage(task)["fp"]) == (math.inf, 2)


def test_one_epoch_of_nan_costs_its_own_stage_and_no_other(task: Task) -> None:
    save(task, "a.pt")
    with pytest.warns(UserWarning, match="mAP is nan"):
        rw.write_model_stage("epoch1", ["a.pt"], math.nan)
    rw.write_model_stage("epoch2", ["a.pt"], 0.5)
    with pytest.warns(UserWarning, match="stage epoch3 is left out"):
        rw.write_model_stage("epoch3", ["a.pt"], math.nan)
    assert list(read_stages(task.models)["model_stages"]) == ["epoch2"]


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


@pytest.mark.parametrize("call", [
    lambda: rw.write_model_stage("epoch1", ["later.pt"], 0.5),
    lambda: rw.write_training_result(model_names=["later.pt"], mAP=0.5),
    lambda: rw.write_training_result("epoch1", ["later.pt"], {"mAP": 0.5}),
])  # fmt: skip
def test_a_name_may_come_before_its_file(task: Task, call: Callable[[], None]) -> None:
    with pytest.warns(UserWarning, match=r"later\.pt is not in .*models yet; it has to be there when the run ends"):
        call()
    with pytest.raises(ValueError, match=r"no file later\.pt"):
        read_stages(task.models)
    save(task, "later.pt")
    read_stages(task.models)


@pytest.mark.parametrize(
    ("name", "written"),
    [("MODELS/later.pt", "later.pt"), ("MODELS/epoch1/later.pt", "later.pt"), ("epoch1/later.pt", "later.pt"),
     ("sub/later.pt", "sub/later.pt"), ("/elsewhere/later.pt", "later.pt"), ("../later.pt", "later.pt"),
     ("dangling.pt", "dangling.pt"), ("folder", "folder")],
)  # fmt: skip
def test_what_is_not_there_yet_is_named_so_that_the_platform_finds_it_later(
    task: Task, name: str, written: str
) -> None:
    (task.models / "folder").mkdir()
    (task.models / "dangling.pt").symlink_to(task.models / "nothing")
    with pytest.warns(UserWarning, match="it has to be there when the run ends"):
        rw.write_model_stage("epoch1", [name.replace("MODELS", str(task.models))], 0.5)
    assert yaml.safe_load((task.models / "result.yaml").read_text())["model_stages"]["epoch1"]["files"] == [written]


@pytest.mark.parametrize("name", ["folder/a.pt", "../a.pt", "ELSEWHERE/a.pt"])
def test_a_file_that_lies_elsewhere_is_copied_to_where_the_platform_looks(
    task: Task, tmp_path: Path, name: str
) -> None:
    save(task, "folder/a.pt", "../a.pt")
    (tmp_path / "a.pt").write_text(TEXT)
    with pytest.warns(UserWarning, match=r"a\.pt is copied into"):
        rw.write_model_stage("epoch1", [name.replace("ELSEWHERE", str(tmp_path))], 0.5)
    assert (stage(task)["files"], (task.models / "a.pt").read_text()) == (["a.pt"], TEXT)


def test_two_files_of_one_name_are_a_warning(task: Task) -> None:
    save(task, "a.pt", "epoch1/a.pt")
    with pytest.warns(UserWarning, match=r"two saved files are named a\.pt"):
        rw.write_model_stage("epoch1", ["epoch1/a.pt", str(task.models / "a.pt")], 0.5)
    assert stage(task)["files"] == ["a.pt"]


def test_no_files_are_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="empty stage_name or files"):
        rw.write_model_stage("epoch1", [], 0.5)


def test_attachments_are_brought_to_their_section(task: Task) -> None:
    save(task, "a.pt", "attachments/images/1.jpg", "pre.json")
    rw.write_model_stage("epoch1", ["a.pt"], 0.5, attachments={"images": ["1.jpg"], "configs": ["pre.json"]})
    assert read_stages(task.models)["attachments"] == {"images": ["1.jpg"], "configs": ["pre.json"]}
    with pytest.warns(UserWarning, match=r"later\.jpg is not in .*attachments/images yet"):
        rw.write_model_stage("epoch1", ["a.pt"], 0.5, attachments={"images": ["later.jpg"]})
    with pytest.raises(ValueError, match=r"later\.jpg"):
        read_stages(task.models)


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
    [([("/a", "x")], "the score of /a must be"),
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


@pytest.mark.parametrize(
    ("scores", "message", "written"),
    [([("/a", math.nan), ("/b", -5)], "the score of /a is nan", ["/b", "/a"]),
     ([("/a", 1), ("/b", math.inf)], "the score of /b is inf", ["/b", "/a"]),
     ([("/a", 0.2), ("/b", 0.5), ("/a", 1.0)], "two scores for /a", ["/a", "/b"])],
)  # fmt: skip
def test_an_odd_score_is_a_warning_and_the_result_can_be_read(
    task: Task, scores: list[tuple[str, Any]], message: str, written: list[str]
) -> None:
    with pytest.warns(UserWarning, match=message):
        rw.write_mining_result(scores)
    assert [image for image, _ in read_scores(task.out / "result.tsv")] == written


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
    changed.box.x = math.nan
    with pytest.raises(ValueError, match=r"1\.jpg: Box\.x is nan"):
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


def test_of_two_images_of_one_name_the_last_result_counts_with_a_warning(task: Task) -> None:
    with pytest.warns(UserWarning, match=r'two results for images named "1\.jpg"'):
        rw.write_infer_result({"/a/1.jpg": [], "/a/2.jpg": [], "/b/1.jpg": [box()]})
    assert read_detections(task.out / "infer-result.json") == {"1.jpg": [PLAIN], "2.jpg": []}


@pytest.mark.parametrize("form", [dict, list, tuple])
def test_both_images_of_one_name_are_named(task: Task, form: Callable[[Any], Any]) -> None:
    pairs = [("x/img.png", []), ("x/other.png", []), ("y/img.png", [box()])]
    with pytest.warns(UserWarning, match=r"\(x/img\.png and y/img\.png\)"):
        rw.write_infer_result(form(pairs))


def test_images_of_one_name_from_an_iterator_are_named_by_it(task: Task) -> None:
    with pytest.warns(UserWarning, match=r'images named "img\.png": the platform'):
        rw.write_infer_result(pair for pair in [("x/img.png", []), ("y/img.png", [])])


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_box_whose_score_is_not_finite_is_left_out_with_a_warning(task: Task, score: float) -> None:
    with pytest.warns(UserWarning, match=r"/in/1\.jpg: a box whose score is"):
        rw.write_infer_result({"/in/1.jpg": [box(), box(score=score)]})
    assert read_detections(task.out / "infer-result.json") == {"1.jpg": [PLAIN]}


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
    [({"annotations": None}, "annotations: missing or no list"), ({"images": [{}]}, r"images\[0\] has no id"),
     ({"categories": [{"id": 2}]}, r"annotations\[0\]\.category_id is 1"),
     ({"annotations": ["x"]}, r"annotations\[0\] is no mapping"),
     ({"images": [{"id": 1}, {"id": 1}]}, "two images have id 1")],
)  # fmt: skip
def test_what_the_platform_passes_over_in_a_segmentation_is_a_warning(
    task: Task, change: dict[str, Any], message: str
) -> None:
    with pytest.warns(UserWarning, match=message):
        rw.write_infer_result({**COCO, **change}, algorithm="segmentation")
    assert json.loads((task.out / "infer-result.json").read_text())["images"] == {**COCO, **change}["images"]


def test_any_mapping_is_written_as_a_segmentation(task: Task) -> None:
    with pytest.warns(UserWarning, match="missing or no list"):
        rw.write_infer_result({"result": "of its own"}, algorithm="segmentation")
    assert json.loads((task.out / "infer-result.json").read_text()) == {"result": "of its own"}


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
