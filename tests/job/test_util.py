"""What live repos are built with."""

from __future__ import annotations

import socket
import warnings
from pathlib import Path
from typing import Any

import pytest
from ymir_exc import dataset_reader, env, protocol, util

from tests.support.platform_reader import read_old_result, read_progress, read_stages

from .conftest import Task


@pytest.mark.parametrize(
    ("given", "truth"),
    [("True", True), ("t", True), ("1", True), (1, True), (True, True), ("False", False), ("f", False), ("0", False),
     (0, False), (False, False), (" true ", True)],
)  # fmt: skip
def test_a_truth_value_may_come_as_a_word(task: Task, given: Any, truth: bool) -> None:
    task.configure(switch=given)
    assert util.get_bool(util.get_merged_config(), "switch") is truth


@pytest.mark.parametrize("given", ["maybe", 2, "", None])
def test_another_word_is_refused_by_name(task: Task, given: Any) -> None:
    task.configure(switch=given)
    with pytest.raises(ValueError, match="switch must be true or false"):
        util.get_bool(util.get_merged_config(), "switch")


def test_a_missing_truth_value_takes_the_default(task: Task) -> None:
    assert util.get_bool(util.get_merged_config(), "switch", default_value=False) is False


@pytest.mark.parametrize(
    ("training", "key", "suffix", "found"),
    [(True, "pretrained_model_params", (".pt", ".pth"), ["a.pt"]), (False, "model_params_path", ".json", ["b.json"]),
     (True, "model_params_path", ".pt", [])],
)  # fmt: skip
def test_weight_files_are_those_given_that_are_there(
    task: Task, training: bool, key: str, suffix: Any, found: list[str]
) -> None:
    for name in ("a.pt", "b.json"):
        (task.root / "in/models" / name).write_text("")
    task.describe(run_training=training)
    task.configure(**{key: ["a.pt", "b.json", "gone.pt"]})
    expected = [str(task.root / "in/models" / name) for name in found]
    assert util.get_weight_files(util.get_merged_config(), suffix) == expected


@pytest.mark.parametrize("given", [["gone.pt"], "gone.pt", ["b.json"], ["gone.pt", "b.json"]])
def test_models_that_are_named_and_can_not_be_used_are_a_warning(task: Task, given: Any) -> None:
    (task.root / "in/models/b.json").write_text("")
    task.configure(pretrained_model_params=given)
    with pytest.warns(UserWarning, match=r"pretrained_model_params names no \.pt or \.pth file that is there, but "):
        assert util.get_weight_files(util.get_merged_config()) == []


@pytest.mark.parametrize("given", [None, "", [], " "])
def test_a_training_that_is_given_no_model_has_none_in_silence(task: Task, given: Any) -> None:
    task.configure(pretrained_model_params=given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert util.get_weight_files(util.get_merged_config()) == []


def test_a_free_port_can_be_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", util.find_free_port()))


# --- progress ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "p", "weights", "progress"),
    [("preprocess", 1, [0.1, 0.8, 0.1], 0.1), ("task", 0.5, [0.1, 0.8, 0.1], 0.5), (3, 0.5, [0.1, 0.8, 0.1], 0.95),
     (util.YmirStage.TASK, 1, None, 0.99999), ("postprocess", 1, None, 1.0)],
)  # fmt: skip
def test_stages_share_the_bar_by_weight(
    task: Task, stage: Any, p: float, weights: list[float] | None, progress: float
) -> None:
    util.write_ymir_monitor_process(util.get_merged_config(), "training", p, stage, weights)
    written = read_progress(task.out / "monitor.txt")
    assert written is not None
    assert written.percent == pytest.approx(progress, abs=1e-6)


def test_weights_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PREPROCESS_WEIGHT", "0.2"), ("TASK_WEIGHT", "0.7"), ("POSTPROCESS_WEIGHT", "0.1")):
        monkeypatch.setenv(name, value)
    assert util.YmirStageWeight().weights == [0.2, 0.7, 0.1]


@pytest.mark.parametrize("weights", [None, [0.1, 0.8, 0.1], [1 / 3, 1 / 3, 1 / 3], [0.3, 0.6, 0.1]])
def test_the_end_of_the_last_stage_is_exactly_the_end(weights: list[float] | None) -> None:
    assert util.YmirStageWeight(weights).get_stage_process("postprocess", 1.0) == 1.0


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.5, 0.4, 0.2], [1.5, -0.5, 0]])
def test_weights_that_do_not_fill_the_bar_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="sum is 1"):
        util.YmirStageWeight(weights)


def test_the_second_of_two_tasks_begins_in_the_middle() -> None:
    assert util.get_ymir_process("preprocess", 0, task_idx=1, task_num=2) == 0.5
    assert util.get_ymir_process(util.YmirStage.POSTPROCESS, 1, task_idx=1, task_num=2) == 1.0
    with pytest.raises(ValueError, match="p not in"):
        util.get_ymir_process("task", 1.5)
    with pytest.raises(ValueError, match="unknown stage"):
        util.get_ymir_process("warmup", 0.5)


# --- saving models ----------------------------------------------------------------------------------------------------


def save(task: Task, *names: str) -> None:
    for name in names:
        (task.models / name).parent.mkdir(parents=True, exist_ok=True)
        (task.models / name).write_text(name)


SIGNATURES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((0.5, ["a.pt"], "7"), {}),
    ((["a.pt"], "7", 0.5), {}),
    ((["a.pt"], "7"), {"evaluation_result": {"mAP": 0.5}}),
    ((), {"map50": 0.5, "files": ["a.pt"], "id": "7"}),
    ((["a.pt"], 7, None, {"mAP": 0.5}, {"iou_thr": 0.5}, {"x": ["b.json"]}), {}),
]


@pytest.mark.parametrize(("arguments", "keywords"), SIGNATURES)
def test_write_ymir_training_result_takes_every_published_signature(
    task: Task, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    save(task, "a.pt", "b.json")
    util.write_ymir_training_result(util.get_merged_config(), *arguments, **keywords)
    result = read_stages(task.models)
    assert result["model_stages"]["stage_7"]["files"] == ["a.pt"]
    assert result["mAP"] == 0.5
    assert result.get("attachments") == ({"x": ["b.json"]} if len(arguments) == 6 else None)


def test_no_files_means_every_file_and_the_best_metric_so_far(task: Task) -> None:
    save(task, "a.pt", "b.onnx", "folder/c.txt", ".hidden")
    cfg = util.get_merged_config()
    util.write_ymir_training_result(cfg, files=["a.pt"], id="best", evaluation_result={"mIoU": 0.5})
    util.write_ymir_training_result(cfg, files=[], id="last")
    result = read_stages(task.models)
    assert result["model_stages"]["last"]["files"] == ["a.pt", "b.onnx"]
    assert result["model_stages"]["last"]["mIoU"] == 0.5


def test_a_file_in_the_stages_own_folder_stays_there(task: Task) -> None:
    save(task, "epoch_5/a.pt", "b.pt")
    util.write_ymir_training_result(util.get_merged_config(), files=["a.pt", "b.pt"], id="epoch-5", map50=0.5)
    assert read_stages(task.models)["model_stages"]["epoch_5"]["files"] == ["a.pt", "b.pt"]
    assert not (task.models / "a.pt").exists()


def test_no_files_at_all_writes_nothing_and_says_so(task: Task) -> None:
    with pytest.warns(UserWarning, match="no file to save"):
        util.write_ymir_training_result(util.get_merged_config(), files=[], id="last")


def test_the_old_protocol_is_served_too(task: Task) -> None:
    task.describe(protocol_version="")
    save(task, "a.pt", "b.pt")
    cfg = util.get_merged_config()
    util.write_ymir_training_result(cfg, 0.5, ["a.pt"], "1")
    util.write_ymir_training_result(cfg, 0, [], "last")
    assert read_old_result(task.models)["map"] == 0.5


def test_patterns_filter_the_saved_files(task: Task) -> None:
    save(task, "a.pt", "b.onnx", "c.log")
    task.configure(ymir_saved_file_patterns=r".*\.pt, onnx$, [")
    with pytest.warns(UserWarning, match=r"'\[' is ignored"):
        assert util.filter_saved_files(util.get_merged_config(), []) == ["a.pt", "b.onnx"]
    task.configure()
    cfg = util.get_merged_config()
    assert util.filter_saved_files(cfg, [str(task.models / "c.log"), "a.pt"]) == ["c.log", "a.pt"]


def test_saved_files_are_brought_into_the_models_folder(task: Task, tmp_path: Path) -> None:
    save(task, "weights/a.pt", "b.pt")
    (tmp_path / "it's elsewhere.pt").write_text("elsewhere")
    (task.models / "link.pt").symlink_to(task.models / "b.pt")
    cfg = util.get_merged_config()
    files = ["weights/a.pt", "b.pt", str(tmp_path / "it's elsewhere.pt"), str(task.models / "link.pt")]
    assert util.format_saved_files(cfg, files) == ["a.pt", "b.pt", "it's elsewhere.pt", "link.pt"]
    assert (task.models / "it's elsewhere.pt").read_text() == "elsewhere"
    assert not (task.models / "link.pt").is_symlink()
    with pytest.warns(UserWarning, match=r"later\.pt is not in"):
        assert util.format_saved_files(cfg, ["later.pt"]) == ["later.pt"]


# --- datasets ---------------------------------------------------------------------------------------------------------


def test_items_are_pairs_and_a_candidate_has_no_annotation(task: Task) -> None:
    (task.root / "in/train-index.tsv").write_text("/a.jpg\t/a.txt\n\n/b.jpg\t/b.txt\n")
    (task.root / "in/candidate-index.tsv").write_text("/c.jpg\n")
    assert list(dataset_reader.item_paths(env.DatasetType.TRAINING)) == [("/a.jpg", "/a.txt"), ("/b.jpg", "/b.txt")]
    assert list(dataset_reader.item_paths(dataset_type=env.DatasetType.CANDIDATE)) == [("/c.jpg", "")]
    assert dataset_reader.items_count(dataset_reader.DatasetType.TRAINING) == 2
    cfg = util.get_merged_config()
    assert [dataset_reader.images_count(cfg, split) for split in ("train", "training", "test")] == [2, 2, 1]


def test_an_index_that_the_task_does_not_have_is_an_error(task: Task) -> None:
    cfg = util.get_merged_config()
    with pytest.raises(ValueError, match="unknown split"):
        dataset_reader.images_count(cfg, "all")
    task.describe(input={})
    with pytest.raises(ValueError, match="index file not set"):
        dataset_reader.item_paths(env.DatasetType.VALIDATION)


@pytest.mark.parametrize(
    ("line", "read"),
    [("/a.jpg\t/a.txt\r\n", ("/a.jpg", "/a.txt")), ("/a.jpg\t/a.txt  \n", ("/a.jpg", "/a.txt")),
     ("/a.jpg /a.txt\n", ("/a.jpg", "/a.txt")), ("/my photos/a b.jpg\t/x y.txt\n", ("/my photos/a b.jpg", "/x y.txt")),
     ("/my photos/a b.jpg\n", ("/my photos/a b.jpg", None)), ("\ufeff/a.jpg\t/a.txt", ("/a.jpg", "/a.txt")),
     ("/a.jpg\t\n", ("/a.jpg", None)), ("/a.jpg\t/a.txt\textra\n", ("/a.jpg", "/a.txt"))],
)  # fmt: skip
def test_an_untidy_index_line_is_read_as_meant(tmp_path: Path, line: str, read: tuple[str, str | None]) -> None:
    index = tmp_path / "index.tsv"
    index.write_bytes(line.encode())
    assert list(protocol.read_index(index)) == [read]


def test_a_path_that_is_no_utf8_is_kept(tmp_path: Path) -> None:
    index = tmp_path / "index.tsv"
    index.write_bytes(b"/caf\xe9.jpg\n")
    ((image, _),) = protocol.read_index(index)
    assert image.encode(errors="surrogateescape") == b"/caf\xe9.jpg"


def test_an_index_is_read_in_constant_memory(tmp_path: Path) -> None:
    import tracemalloc

    index = tmp_path / "index.tsv"
    index.write_text("/in/assets/0123456789abcdef.jpg\t/in/annotations/0123456789abcdef.txt\n" * 200_000)
    tracemalloc.start()
    assert sum(1 for _ in protocol.read_index(index)) == 200_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_broken_images_are_named_and_left_out(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image")
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    image_module.new("RGB", (4, 4)).save(good)
    broken.write_bytes(good.read_bytes()[:40])
    with pytest.warns(UserWarning, match=r"broken image .*(broken|gone)\.png"):
        assert dataset_reader.filter_broken_images([str(good), str(broken), str(tmp_path / "gone.png")]) == [str(good)]
