"""`live-code verify` and the end of a run: the outputs, read by the platform's rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from live_code.errors import ResultsError
from live_code.stages import results
from live_code.stages.request import task_config
from tests.support.task_folder import TaskFolder

STAGE = {"stage_name": "epoch2", "files": ["epoch2.pt"], "timestamp": 1700000000, "mAP": 0.5}


def check(folder: TaskFolder) -> tuple[results.Results, list[str]]:
    found, problems = results.check(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    return found, [problem.text for problem in problems]


def codes(folder: TaskFolder) -> set[int]:
    _, problems = results.check(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    return {problem.code for problem in problems}


class TestTraining:
    @pytest.fixture
    def training(self, folder: TaskFolder) -> TaskFolder:
        return folder.env(run_training=True).config().out("models/epoch2.pt", "weights")

    def write(self, folder: TaskFolder, stage: dict[str, Any] | None = None, **values: Any) -> TaskFolder:
        written = {"best_stage_name": "epoch2", "mAP": 0.5, "model_stages": {"epoch2": {**STAGE, **(stage or {})}}}
        return folder.out("models/result.yaml", yaml.safe_dump({**written, **values}))

    def test_a_whole_result_is_read(self, training: TaskFolder) -> None:
        found, problems = check(self.write(training))
        assert problems == []
        assert found.best_stage == "epoch2"
        assert found.stages == (results.Stage("epoch2", ("epoch2.pt",), 1700000000, {"mAP": 0.5}),)

    def test_a_file_may_lie_in_the_stages_folder(self, training: TaskFolder) -> None:
        training.out("models/epoch2/config.py", "x = 1")
        assert check(self.write(training, {"files": ["epoch2.pt", "config.py"]}))[1] == []

    def test_no_result_file_names_the_call_that_writes_it(self, training: TaskFolder) -> None:
        said = check(training)[1][0]
        assert said.startswith("no results")
        assert said.endswith("is missing; the code has to call ymir_exc.result_writer.write_model_stage")

    def test_what_a_repo_measures_besides_is_kept(self, training: TaskFolder) -> None:
        more = {"accuracy": 0.75, "loss": 2.5, "tp": 3, "note": "x", "broken": float("nan"), "flag": True}
        found, problems = check(self.write(training, more))
        assert problems == []
        assert found.stages[0].metrics == {"mAP": 0.5, "tp": 3, "accuracy": 0.75, "loss": 2.5}

    @pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "m: !!python/object/apply:numpy.core.x []\n"])
    def test_a_file_that_the_platform_cannot_parse(self, training: TaskFolder, text: str) -> None:
        training.out("models/result.yaml", text)
        assert check(training)[1]

    @pytest.mark.parametrize(
        ("stage", "said"),
        [
            ({"files": ["gone.pt"]}, "file gone.pt is missing"),
            ({"files": ["/out/models/epoch2.pt"]}, "no plain file name"),
            ({"files": ["../models/epoch2.pt"]}, "no plain file name"),
            ({"files": []}, "names no files"),
            ({"stage_name": "other"}, "calls itself 'other'"),
            ({"mAP": float("nan")}, "mAP is nan"),
            ({"mAP": 50}, "mAP is 50, not within"),
            ({"mAP": "0.5"}, "not a number"),
            ({"tp": -1}, "not a count"),
            ({"tp": 1.5}, "not a count"),
            ({"timestamp": "yesterday"}, "no whole number of seconds"),
        ],
    )
    def test_a_bad_stage_is_named(self, training: TaskFolder, stage: dict[str, Any], said: str) -> None:
        problems = check(self.write(training, stage))[1]
        assert any(said in problem for problem in problems), problems

    def test_a_link_is_no_model_file(self, training: TaskFolder) -> None:
        (training.out_dir / "models/link.pt").symlink_to(training.out_dir / "models/epoch2.pt")
        assert "link or folder" in check(self.write(training, {"files": ["link.pt"]}))[1][0]

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"best_stage_name": "epoch9"}, "best_stage_name 'epoch9' is none of its stages"),
            ({"model_stages": {}}, "has no model_stages"),
            ({"model_stages": {"epoch2": "x"}}, "is no mapping"),
            ({"attachments": {"images": ["a.png"]}}, "a.png is missing"),
            ({"attachments": ["a.png"]}, "attachments is no mapping"),
        ],
    )
    def test_a_bad_result_is_named(self, training: TaskFolder, values: dict[str, Any], said: str) -> None:
        problems = check(self.write(training, **values))[1]
        assert any(said in problem for problem in problems), problems

    @pytest.mark.parametrize("name", ["a-b", "5", "epoch 2"])
    def test_a_stage_name_has_to_be_an_identifier(self, training: TaskFolder, name: str) -> None:
        stage = {**STAGE, "stage_name": name}
        self.write(training, best_stage_name=name, model_stages={name: stage})
        assert check(training)[1] == [f"stage name {name!r} is no identifier"]

    def test_at_most_eleven_stages(self, training: TaskFolder) -> None:
        stages = {f"s{number}": {**STAGE, "stage_name": f"s{number}"} for number in range(12)}
        assert "12 stages" in check(self.write(training, best_stage_name="s0", model_stages=stages))[1][0]

    def test_a_result_without_the_main_metric(self, training: TaskFolder) -> None:
        written = {"best_stage_name": "epoch2", "model_stages": {"epoch2": STAGE}}
        training.out("models/result.yaml", yaml.safe_dump(written))
        assert "none of maskAP, mIoU, mAP" in check(training)[1][0]

    def test_a_nan_metric_has_its_own_return_code(self, training: TaskFolder) -> None:
        assert codes(self.write(training, {"mAP": float("inf")})) == {300201}

    def test_the_format_before_protocol_1_0(self, folder: TaskFolder) -> None:
        folder.env(run_training=True, protocol_version="").config().out("models/a.pt", "w")
        old = {"model": ["a.pt"], "map": 0.4, "timestamp": 1700000000, "stage_name": "best"}
        folder.out("models/result.yaml", yaml.safe_dump(old))
        found, problems = check(folder)
        assert problems == []
        assert found.stages[0].metrics == {"mAP": 0.4}
        folder.out("models/result.yaml", yaml.safe_dump({**old, "model": ["b.pt"], "map": 2}))
        assert len(check(folder)[1]) == 2


class TestMining:
    @pytest.fixture
    def mining(self, folder: TaskFolder) -> TaskFolder:
        folder.text("candidate-index.tsv", "/in/assets/a.jpg\n/in/assets/b.jpg\n\n")
        return folder.env(run_mining=True).config()

    def test_every_candidate_once_best_first(self, mining: TaskFolder) -> None:
        a, b = (f"{mining.in_dir}/assets/{name}.jpg" for name in "ab")
        found, problems = check(mining.out("result.tsv", f"{b}\t0.9\n{a}\t0.1\n"))
        assert (found.mined, problems) == (2, [])

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("A\t0.9\n", "has no result for"),
            ("A\t0.9\nB\t0.8\nA\t0.7\n", "stands twice"),
            ("A\t0.1\nB\t0.9\n", "not in descending order"),
            ("A\tnan\nB\t0.9\n", "score of"),
            ("A 0.9\nB\t0.1\n", "no tab"),
            ("A\tbest\nB\t0.1\n", "'best' is no score"),
            ("A\t0.9\nB\t0.8\n/elsewhere.jpg\t0.7\n", "the unknown /elsewhere.jpg"),
        ],
    )
    def test_a_bad_line_is_named(self, mining: TaskFolder, lines: str, said: str) -> None:
        for name in "AB":
            lines = lines.replace(f"{name}\t", f"{mining.in_dir}/assets/{name.lower()}.jpg\t")
        problems = check(mining.out("result.tsv", lines))[1]
        assert any(said in problem for problem in problems), problems

    def test_thousands_of_missing_images_are_summed_up(self, mining: TaskFolder) -> None:
        mining.text("candidate-index.tsv", "".join(f"/in/assets/{number}.jpg\n" for number in range(5000)))
        problems = check(mining.out("result.tsv", ""))[1]
        assert len(problems) == 6
        assert "4995 more" in problems[-1]

    def test_no_result_file(self, mining: TaskFolder) -> None:
        assert "no results" in check(mining)[1][0]

    def test_a_missing_index_is_a_fault_of_the_dataset(self, mining: TaskFolder) -> None:
        (mining.in_dir / "candidate-index.tsv").unlink()
        assert 300002 in codes(mining.out("result.tsv", ""))


class TestInfer:
    BOX = {"class_name": "cat", "score": 0.5, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}

    @pytest.fixture
    def infer(self, folder: TaskFolder) -> TaskFolder:
        folder.text("candidate-index.tsv", "/in/assets/aa/a.jpg\n/in/assets/bb/b.jpg\n")
        return folder.env(run_infer=True).config()

    def write(self, folder: TaskFolder, **images: Any) -> TaskFolder:
        named = {f"{name}.jpg": entry for name, entry in images.items()}
        return folder.out("infer-result.json", json.dumps({"detection": named}))

    def test_boxes_by_basename_and_an_empty_list_for_none(self, infer: TaskFolder) -> None:
        found, problems = check(self.write(infer, a={"boxes": [self.BOX]}, b={"boxes": []}))
        assert problems == []
        assert (found.inferred, found.boxes) == (2, 1)

    @pytest.mark.parametrize(
        ("box", "said"),
        [
            ({"box": {"x": 1.5, "y": 2, "w": 3, "h": 4}}, "x of a box is 1.5"),
            ({"box": {"x": 1, "y": 2, "w": -3, "h": 4}}, "w of a box is -3"),
            ({"box": [1, 2, 3, 4]}, "is no box"),
            ({"class_name": ""}, "no class_name"),
            ({"score": float("nan")}, "score of a box is nan"),
        ],
    )
    def test_a_bad_box_is_named(self, infer: TaskFolder, box: dict[str, Any], said: str) -> None:
        problems = check(self.write(infer, a={"boxes": [{**self.BOX, **box}]}, b={"boxes": []}))[1]
        assert any(said in problem for problem in problems), problems

    def test_a_candidate_without_an_entry(self, infer: TaskFolder) -> None:
        assert check(self.write(infer, a={"boxes": []}))[1] == ["infer-result.json has no result for b.jpg"]

    def test_annotations_is_the_key_before_protocol_1_0(self, infer: TaskFolder) -> None:
        self.write(infer, a={"annotations": []}, b={"annotations": []})
        assert len(check(infer)[1]) == 2
        infer.env(run_infer=True, protocol_version="")
        assert check(infer)[1] == []

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}'])
    def test_what_is_no_result(self, infer: TaskFolder, text: str) -> None:
        assert check(infer.out("infer-result.json", text))[1]

    def test_a_coco_segmentation(self, infer: TaskFolder) -> None:
        coco: dict[str, Any] = {
            "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": 1, "category_id": 1}],
        }
        assert check(infer.out("infer-result.json", json.dumps(coco)))[1] == []
        coco["annotations"] = [{"image_id": 3, "category_id": 1}]
        assert check(infer.out("infer-result.json", json.dumps(coco)))[1] == [
            "infer-result.json: an annotation has the unknown image_id 3"
        ]


def test_collect_raises_one_line_and_lists_every_problem(folder: TaskFolder, tmp_path: Path) -> None:
    folder.text("candidate-index.tsv", "/in/a.jpg\n").env(run_mining=True, run_infer=True).config()
    with pytest.raises(ResultsError) as caught:
        results.collect(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    assert str(caught.value).startswith("mining: no results:")
    assert "(and 1 more)" in str(caught.value)
    assert len(caught.value.details.splitlines()) == 2
