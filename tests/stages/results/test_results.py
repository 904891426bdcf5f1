"""`live-code verify` and the end of a run: the outputs, read by the platform's rules.

Each case is shown to an imitation of the platform's reader, too: what that refuses is an error here, and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from live_code.errors import ResultsError
from live_code.stages import results
from live_code.stages.request import task_config
from tests.support import platform
from tests.support.task_folder import TaskFolder

STAGE = {"stage_name": "epoch2", "files": ["epoch2.pt"], "timestamp": 1700000000, "mAP": 0.5}


def check(folder: TaskFolder) -> tuple[results.Results, list[str]]:
    found, problems = results.check(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    return found, [problem.text for problem in problems]


def of_kind(folder: TaskFolder, refused: bool) -> list[results.Problem]:
    _, problems = results.check(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    return [problem for problem in problems if problem.refused is refused]


def codes(folder: TaskFolder) -> set[int]:
    return {problem.code for problem in of_kind(folder, refused=True)}


def text_of(problems: list[results.Problem]) -> str:
    return "\n".join(problem.text for problem in problems)


class TestTraining:
    @pytest.fixture
    def training(self, folder: TaskFolder) -> TaskFolder:
        return folder.env(run_training=True).config().out("models/epoch2.pt", "weights")

    def write(self, folder: TaskFolder, stage: dict[str, Any] | None = None, **values: Any) -> TaskFolder:
        written = {"best_stage_name": "epoch2", "mAP": 0.5, "model_stages": {"epoch2": {**STAGE, **(stage or {})}}}
        return folder.out("models/result.yaml", yaml.safe_dump({**written, **values}))

    def is_taken(self, folder: TaskFolder, release: str = "2.4") -> bool:
        try:
            platform.take_training(folder.out_dir / "models", release)
        except platform.Refused:
            return False
        return True

    def test_a_whole_result_is_read(self, training: TaskFolder) -> None:
        found, problems = check(self.write(training))
        assert problems == []
        assert self.is_taken(training)
        assert found.best_stage == "epoch2"
        assert found.stages == (results.Stage("epoch2", ("epoch2.pt",), 1700000000, {"mAP": 0.5}),)

    def test_a_file_may_lie_in_the_stages_folder(self, training: TaskFolder) -> None:
        training.out("models/epoch2/config.py", "x = 1")
        assert check(self.write(training, {"files": ["epoch2.pt", "config.py"]}))[1] == []

    def test_no_result_file_names_the_call_that_writes_it(self, training: TaskFolder) -> None:
        assert not self.is_taken(training)
        message = check(training)[1][0]
        assert message.startswith("no results")
        assert message.endswith("is missing; the code has to call ymir_exc.result_writer.write_model_stage")

    def test_what_a_repo_measures_besides_is_kept(self, training: TaskFolder) -> None:
        more = {"accuracy": 0.75, "loss": 2.5, "tp": 3, "note": "x", "broken": float("nan"), "flag": True}
        found, problems = check(self.write(training, more))
        assert problems == []
        assert found.stages[0].metrics == {"mAP": 0.5, "tp": 3, "accuracy": 0.75, "loss": 2.5}

    @pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "m: !!python/object/apply:numpy.core.x []\n"])
    def test_a_file_that_the_platform_cannot_parse(self, training: TaskFolder, text: str) -> None:
        training.out("models/result.yaml", text)
        assert of_kind(training, refused=True)

    @pytest.mark.parametrize(
        ("stage", "message"),
        [
            ({"files": ["gone.pt"]}, "file gone.pt is missing"),
            ({"files": ["/out/models/epoch2.pt"]}, "no plain file name"),
            ({"files": "epoch2.pt"}, "has no list of files"),
            ({"files": None}, "has no list of files"),
            ({"stage_name": None}, "has no stage_name"),
            ({"mAP": float("nan")}, "mAP is nan"),
            ({"mAP": 50}, "mAP is 50, not within"),
            ({"mAP": -0.5}, "mAP is -0.5, not within"),
            ({"mAP": "good"}, "not a number"),
            ({"mIoU": None}, "not a number"),
            ({"tp": -1}, "not a count"),
            ({"timestamp": "yesterday"}, "no whole number of seconds"),
            ({"timestamp": None}, "no whole number of seconds"),
        ],
    )
    def test_what_the_platform_refuses_in_a_stage_is_an_error(
        self, training: TaskFolder, stage: dict[str, Any], message: str
    ) -> None:
        self.write(training, stage)
        assert not self.is_taken(training)
        assert message in text_of(of_kind(training, refused=True))

    @pytest.mark.parametrize(
        ("stage", "message"),
        [
            ({"files": []}, "names no files"),
            ({"files": ["weights/best.pt"]}, "no plain file name"),
            ({"stage_name": "other"}, "calls itself 'other'"),
            ({"mAP": "0.5"}, "not a number"),
            ({"tp": 1.5}, "not a count"),
            ({"tp": "3"}, "not a count"),
            ({"timestamp": "1700000000"}, "no whole number of seconds"),
            ({"timestamp": 1700000000.5}, "no whole number of seconds"),
        ],
    )
    def test_what_the_platform_takes_in_a_stage_is_a_warning(
        self, training: TaskFolder, stage: dict[str, Any], message: str
    ) -> None:
        self.write(training.out("models/weights/best.pt", "w"), stage)
        assert self.is_taken(training)
        assert of_kind(training, refused=True) == []
        assert message in text_of(of_kind(training, refused=False))

    @pytest.mark.parametrize("target", ["epoch2.pt", "/out/models/epoch2.pt"])
    def test_a_link_is_no_model_file(self, training: TaskFolder, target: str) -> None:
        (training.out_dir / "models/link.pt").symlink_to(target)
        self.write(training, {"files": ["link.pt"]})
        assert not self.is_taken(training)
        assert "link or folder" in of_kind(training, refused=True)[0].text

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"best_stage_name": "epoch9"}, "best_stage_name 'epoch9' is none of its stages"),
            ({"model_stages": {}}, "has no model_stages"),
            ({"model_stages": {"epoch2": "x"}}, "is no mapping"),
            ({"attachments": {"images": ["a.png"]}}, "a.png is missing"),
            ({"attachments": ["a.png"]}, "attachments is no mapping"),
            ({"attachments": None}, "attachments is no mapping"),
            ({"attachments": {"images": "a.png"}}, "images is no list of files"),
            ({"evaluate_config": {"iou_thr": "0.5:0.95"}}, "iou_thr is '0.5:0.95', not a number"),
            ({"evaluate_config": None}, "evaluate_config is no mapping"),
        ],
    )
    def test_what_the_platform_refuses_in_a_result_is_an_error(
        self, training: TaskFolder, values: dict[str, Any], message: str
    ) -> None:
        self.write(training, **values)
        assert not self.is_taken(training)
        assert message in text_of(of_kind(training, refused=True))

    def test_a_missing_file_that_lies_elsewhere_is_found_for_the_message(self, training: TaskFolder) -> None:
        training.out("models/images/a.png", "x")
        self.write(training, attachments={"images": ["a.png"]})
        assert text_of(of_kind(training, refused=True)).endswith("models/attachments/images")
        self.write(training.out("models/epoch1/best.pt", "x"), {"files": ["best.pt"]})
        assert text_of(of_kind(training, refused=True)).endswith(
            "; one lies in " + str(training.out_dir / "models/epoch1")
        )

    @pytest.mark.parametrize("name", ["a-b", "5", "epoch 2"])
    def test_a_stage_name_that_is_no_identifier_is_a_warning(self, training: TaskFolder, name: str) -> None:
        stage = {**STAGE, "stage_name": name}
        self.write(training, best_stage_name=name, model_stages={name: stage})
        assert self.is_taken(training)
        assert [problem.text for problem in of_kind(training, refused=False)] == [
            f"stage name {name!r} is no identifier"
        ]

    def test_more_than_eleven_stages_are_a_warning(self, training: TaskFolder) -> None:
        stages = {f"s{number}": {**STAGE, "stage_name": f"s{number}"} for number in range(12)}
        self.write(training, best_stage_name="s0", model_stages=stages)
        assert self.is_taken(training)
        assert "12 stages" in of_kind(training, refused=False)[0].text

    def test_a_result_without_the_main_metric_is_a_warning(self, training: TaskFolder) -> None:
        written = {"best_stage_name": "epoch2", "model_stages": {"epoch2": STAGE}}
        training.out("models/result.yaml", yaml.safe_dump(written))
        assert self.is_taken(training)
        assert "none of maskAP, mIoU, mAP" in of_kind(training, refused=False)[0].text

    def test_a_nan_metric_has_its_own_return_code(self, training: TaskFolder) -> None:
        assert codes(self.write(training, {"mAP": float("inf")})) == {300201}

    @pytest.mark.parametrize(("version", "release"), [("", "1.0"), (None, "1.0"), ("1.1.0", "2.4")])
    def test_the_format_before_protocol_1_0(self, folder: TaskFolder, version: str | None, release: str) -> None:
        folder.env(run_training=True, protocol_version=version).config().out("models/a.pt", "w")
        old = {"model": ["a.pt"], "map": 0.4, "timestamp": 1700000000, "stage_name": "best"}
        folder.out("models/result.yaml", yaml.safe_dump(old))
        found, problems = check(folder)
        assert problems == []
        assert self.is_taken(folder, release)
        assert found.stages[0].metrics == {"mAP": 0.4}
        for change in ({"model": ["b.pt"]}, {"model": None}):
            folder.out("models/result.yaml", yaml.safe_dump({**old, **change}))
            assert not self.is_taken(folder, release)
            assert len(of_kind(folder, refused=True)) == 1

    def test_before_protocol_1_0_a_stages_folder_is_not_looked_into(self, folder: TaskFolder) -> None:
        folder.env(run_training=True, protocol_version="").config().out("models/best/a.pt", "w")
        folder.out("models/result.yaml", yaml.safe_dump({"model": ["a.pt"], "map": 0.4}))
        assert not self.is_taken(folder, "1.0")
        assert "; one lies in " in of_kind(folder, refused=True)[0].text


class TestMending:
    """At the end of a run; `verify` changes nothing."""

    @pytest.fixture
    def training(self, folder: TaskFolder) -> TaskFolder:
        return folder.env(run_training=True).config().out("models/epoch1.pt", "weights")

    def collected(self, folder: TaskFolder) -> results.Results:
        task = task_config.load(task_config.Folders(folder.in_dir, folder.out_dir))
        results.put_right(task)
        return results.collect(task)

    def write(self, folder: TaskFolder, best: str, **files: list[str]) -> None:
        stages = {
            name: {**STAGE, "stage_name": name, "files": names, "mAP": 0.1 * number}
            for number, (name, names) in enumerate(files.items(), 1)
        }
        result = {"best_stage_name": best, "mAP": stages[best]["mAP"], "model_stages": stages, "author": "me"}
        folder.out("models/result.yaml", yaml.safe_dump(result))

    def taken(self, folder: TaskFolder) -> dict[str, list[str]]:
        return platform.take_training(folder.out_dir / "models", "2.4")

    def test_a_stage_whose_file_never_came_costs_itself_and_no_other(
        self, training: TaskFolder, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.write(training, "epoch3", epoch1=["epoch1.pt"], epoch2=["epoch1.pt", "epoch2.pt"], epoch3=["epoch3.pt"])
        assert self.collected(training).best_stage == "epoch1"
        assert self.taken(training) == {"epoch1": ["epoch1.pt"]}
        written = yaml.safe_load((training.out_dir / "models/result.yaml").read_text())
        assert (written["best_stage_name"], written["mAP"], written["author"]) == ("epoch1", 0.1, "me")
        errors = capfd.readouterr().err
        assert "stage epoch2 is left out of the results: epoch2.pt was named, and never written to" in errors

    def test_where_no_stage_is_whole_the_check_decides_and_nothing_is_changed(self, training: TaskFolder) -> None:
        self.write(training, "epoch2", epoch2=["epoch2.pt"], epoch3=["epoch3.pt"])
        before = (training.out_dir / "models/result.yaml").read_text()
        with pytest.raises(ResultsError, match=r"epoch2\.pt is missing"):
            self.collected(training)
        assert (training.out_dir / "models/result.yaml").read_text() == before

    @pytest.mark.parametrize("place", ["", "epoch1/"])
    def test_a_name_that_became_a_link_becomes_its_file(self, training: TaskFolder, place: str) -> None:
        (training.out_dir / "models/epoch1").mkdir()
        training.out("checkpoints/last.pt", "newest")
        link = training.out_dir / f"models/{place}best.pt"
        link.symlink_to(training.out_dir / "checkpoints/last.pt")
        self.write(training, "epoch1", epoch1=["best.pt"])
        assert self.collected(training).best_stage == "epoch1"
        assert (link.is_symlink(), link.read_text()) == (False, "newest")
        assert self.taken(training) == {"epoch1": ["best.pt"]}

    def test_before_protocol_1_0_a_file_that_came_into_its_stages_folder_is_brought_up(
        self, folder: TaskFolder
    ) -> None:
        folder.env(run_training=True, protocol_version="").config().out("models/epoch2/late.pt", "weights")
        folder.out("models/result.yaml", yaml.safe_dump({"model": ["late.pt"], "map": 0.4}))
        self.collected(folder)
        assert platform.take_training(folder.out_dir / "models", "1.0") == {"model": ["late.pt"]}

    def test_an_attachment_that_came_later_is_brought_to_its_section(self, training: TaskFolder) -> None:
        training.out("models/curve.png", "x")
        result = {"best_stage_name": "e", "mAP": 0.5, "attachments": {"plots": ["curve.png"]}}
        stages = {"e": {**STAGE, "stage_name": "e", "files": ["epoch1.pt"]}}
        training.out("models/result.yaml", yaml.safe_dump({**result, "model_stages": stages}))
        self.collected(training)
        assert (training.out_dir / "models/attachments/plots/curve.png").read_text() == "x"

    @pytest.mark.parametrize(
        "text", ["", "a: [", "model_stages: [1]", "model_stages: {a: 1, 2: {files: x}}", "model: 3"]
    )
    def test_what_makes_no_sense_is_left_to_the_check(self, training: TaskFolder, text: str) -> None:
        training.out("models/result.yaml", text)
        with pytest.raises(ResultsError):
            self.collected(training)
        assert (training.out_dir / "models/result.yaml").read_text() == text

    def test_verify_changes_nothing(self, training: TaskFolder) -> None:
        self.write(training, "epoch1", epoch1=["epoch1.pt"], epoch2=["epoch2.pt"])
        before = (training.out_dir / "models/result.yaml").read_text()
        assert "file epoch2.pt is missing" in text_of(of_kind(training, refused=True))
        assert (training.out_dir / "models/result.yaml").read_text() == before


class TestMining:
    @pytest.fixture
    def mining(self, folder: TaskFolder) -> TaskFolder:
        folder.text("candidate-index.tsv", "/in/assets/a.jpg\n/in/assets/b.jpg\n\n")
        return folder.env(run_mining=True).config()

    def taken(self, folder: TaskFolder) -> set[str] | None:
        try:
            return platform.take_mining(folder.out_dir / "result.tsv", 5)
        except platform.Refused:
            return None

    def test_every_candidate_once_best_first(self, mining: TaskFolder) -> None:
        a, b = (f"{mining.in_dir}/assets/{name}.jpg" for name in "ab")
        found, problems = check(mining.out("result.tsv", f"{b}\t0.9\n{a}\t0.1\n"))
        assert (found.mined, problems) == (2, [])

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ("A\t0.9\n", "has no result for"),
            ("", "has no result for"),
            ("A\t0.9\nB\t0.8\nA\t0.7\n", "stands twice"),
            ("A\t0.1\nB\t0.9\n", "not in descending order"),
            ("A\tnan\nB\t0.9\n", "score of"),
            ("A\tbest\nB\t0.1\n", "'best' is no score"),
            ("A\t0.9\tseen\nB\t0.1\n", "more than an image and its score"),
            ("A\t0.9\nB\t0.8\n/elsewhere.jpg\t0.7\n", "the unknown /elsewhere.jpg"),
        ],
    )
    def test_what_the_platform_takes_or_passes_over_is_a_warning(
        self, mining: TaskFolder, lines: str, message: str
    ) -> None:
        for name in "AB":
            lines = lines.replace(f"{name}\t", f"{mining.in_dir}/assets/{name.lower()}.jpg\t")
        mining.out("result.tsv", lines)
        assert self.taken(mining) is not None
        assert of_kind(mining, refused=True) == []
        assert message in text_of(of_kind(mining, refused=False))

    def test_images_may_be_named_without_their_folders_and_lines_be_blank(self, mining: TaskFolder) -> None:
        mining.out("result.tsv", "a.jpg\t0.9\n\nb.jpg\t0.1\n\n")
        assert check(mining)[1] == []
        assert self.taken(mining) == {"a", "b"}

    def test_a_line_without_a_tab_is_an_error(self, mining: TaskFolder) -> None:
        mining.out("result.tsv", "/in/assets/a.jpg 0.9\n/in/assets/b.jpg\t0.1\n")
        assert self.taken(mining) is None
        assert "no tab" in text_of(of_kind(mining, refused=True))

    def test_thousands_of_missing_images_are_summed_up(self, mining: TaskFolder) -> None:
        mining.text("candidate-index.tsv", "".join(f"/in/assets/{number}.jpg\n" for number in range(5000)))
        problems = check(mining.out("result.tsv", ""))[1]
        assert len(problems) == 6
        assert "4995 more" in problems[-1]

    def test_thousands_of_oddities_do_not_hide_an_error_behind_them(self, mining: TaskFolder) -> None:
        mining.out("result.tsv", "".join(f"a.jpg\t{number}\n" for number in range(1000)) + "b.jpg 0.1\n")
        assert len(of_kind(mining, refused=True)) == 1
        assert "more of these warnings" in of_kind(mining, refused=False)[-1].text

    def test_no_result_file(self, mining: TaskFolder) -> None:
        assert self.taken(mining) is None
        assert "no results" in text_of(of_kind(mining, refused=True))

    def test_an_index_that_cannot_be_read_any_more_is_a_warning(self, mining: TaskFolder) -> None:
        (mining.in_dir / "candidate-index.tsv").unlink()
        mining.out("result.tsv", "")
        assert "can't be read" in text_of(of_kind(mining, refused=False))


class TestInfer:
    BOX = {"class_name": "cat", "score": 0.5, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}

    @pytest.fixture
    def infer(self, folder: TaskFolder) -> TaskFolder:
        folder.text("candidate-index.tsv", "/in/assets/aa/a.jpg\n/in/assets/bb/b.jpg\n")
        return folder.env(run_infer=True).config()

    def write(self, folder: TaskFolder, **images: Any) -> TaskFolder:
        named = {f"{name}.jpg": entry for name, entry in images.items()}
        return folder.out("infer-result.json", json.dumps({"detection": named}))

    def taken(self, folder: TaskFolder, object_type: int = 2) -> dict[str, int] | None:
        try:
            return platform.take_infer(folder.out_dir / "infer-result.json", object_type)
        except platform.Refused:
            return None

    def test_boxes_by_basename_and_an_empty_list_for_none(self, infer: TaskFolder) -> None:
        found, problems = check(self.write(infer, a={"boxes": [self.BOX]}, b={"boxes": []}))
        assert problems == []
        assert self.taken(infer) == {"a.jpg": 1, "b.jpg": 0}
        assert (found.inferred, found.boxes) == (2, 1)

    @pytest.mark.parametrize(
        ("box", "message"),
        [
            ({"box": {"x": 1.5, "y": 2, "w": 3, "h": 4}}, "x of a box is 1.5"),
            ({"box": {"x": "left", "y": 2, "w": 3, "h": 4}}, "x of a box is 'left'"),
            ({"box": {"x": 1 << 31, "y": 2, "w": 3, "h": 4}}, "x of a box is 2147483648"),
            ({"box": {"x": 1, "y": 2, "w": 3, "h": 4, "angle": 1}}, "a box has angle"),
            ({"box": [1, 2, 3, 4]}, "[1, 2, 3, 4] is no box"),
            ({"box": None}, "None is no box"),
            ({"class_name": 3}, "no class_name"),
            ({"class_name": ""}, "no class_name"),
            ({"box": {"x": True, "y": 2, "w": 3, "h": 4}}, "x of a box is True"),
            ({"class_name": None}, "no class_name"),
            ({"score": None}, "score of a box is None"),
            ({"score": "high"}, "score of a box is 'high'"),
        ],
    )
    def test_what_the_platform_refuses_in_a_box_is_an_error(
        self, infer: TaskFolder, box: dict[str, Any], message: str
    ) -> None:
        self.write(infer, a={"boxes": [{**self.BOX, **box}]}, b={"boxes": []})
        assert self.taken(infer) is None
        assert message in text_of(of_kind(infer, refused=True))

    @pytest.mark.parametrize(
        ("box", "message"),
        [
            ({"box": {"x": 1.0, "y": 2, "w": 3, "h": 4}}, "x of a box is 1.0"),
            ({"box": {"x": "1", "y": 2, "w": 3, "h": 4}}, "x of a box is '1'"),
            ({"box": {"y": 2, "w": 3, "h": 4}}, "x of a box is None"),
            ({"box": {"x": 1, "y": 2, "w": -3, "h": 4}}, "w of a box is -3"),
            ({"box": {"x": None, "y": 2, "w": 3, "h": 4, "rotate_angle": 0.5}}, "x of a box is None"),
            ({"score": "0.5"}, "score of a box is '0.5'"),
            ({"score": float("nan")}, "score of a box is nan"),
        ],
    )
    def test_what_the_platform_takes_in_a_box_is_a_warning(
        self, infer: TaskFolder, box: dict[str, Any], message: str
    ) -> None:
        self.write(infer, a={"boxes": [{**self.BOX, **box}]}, b={"boxes": []})
        assert self.taken(infer) == {"a.jpg": 1, "b.jpg": 0}
        assert of_kind(infer, refused=True) == []
        assert message in text_of(of_kind(infer, refused=False))

    def test_a_box_without_a_score_is_passed_over_with_a_warning(self, infer: TaskFolder) -> None:
        self.write(infer, a={"boxes": [{"class_name": "cat"}]}, b={"boxes": [self.BOX]})
        assert self.taken(infer) == {"a.jpg": 0, "b.jpg": 1}
        assert (
            text_of(of_kind(infer, refused=False)) == "infer-result.json: a.jpg: a box without a score is passed over"
        )

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            ({"a": {"boxes": []}}, "has no result for b.jpg"),
            ({"a": {"boxes": []}, "b": {"boxes": []}, "c": {"boxes": []}}, "a result for the unknown c.jpg"),
            ({"a": {}, "b": {"boxes": []}}, "a.jpg has no list of boxes"),
            ({"a": {"boxes": "x"}, "b": {"boxes": []}}, "a.jpg has no list of boxes"),
        ],
    )
    def test_images_that_are_missing_unknown_or_empty_are_warnings(
        self, infer: TaskFolder, images: dict[str, Any], message: str
    ) -> None:
        self.write(infer, **images)
        assert self.taken(infer) is not None
        assert of_kind(infer, refused=True) == []
        assert message in text_of(of_kind(infer, refused=False))

    def test_images_may_be_named_by_their_paths(self, infer: TaskFolder) -> None:
        entries = {"/in/assets/aa/a.jpg": {"boxes": []}, "/in/assets/bb/b.jpg": {"boxes": []}}
        infer.out("infer-result.json", json.dumps({"detection": entries}))
        assert check(infer)[1] == []
        assert self.taken(infer) == {"a.jpg": 0, "b.jpg": 0}

    @pytest.mark.parametrize("entry", [[], None, "x"])
    def test_an_entry_that_is_no_mapping_is_an_error(self, infer: TaskFolder, entry: Any) -> None:
        self.write(infer, a=entry, b={"boxes": []})
        assert self.taken(infer) is None
        assert "a.jpg is no mapping" in text_of(of_kind(infer, refused=True))

    @pytest.mark.parametrize("version", ["", "1.1.0"])
    @pytest.mark.parametrize("key", ["boxes", "annotations"])
    def test_boxes_stand_under_either_key_in_any_protocol(self, infer: TaskFolder, key: str, version: str) -> None:
        infer.env(run_infer=True, protocol_version=version)
        self.write(infer, a={key: [self.BOX]}, b={key: []})
        assert check(infer)[1] == []
        assert self.taken(infer) == {"a.jpg": 1, "b.jpg": 0}

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', '{"detection": []}'])
    def test_what_is_no_result(self, infer: TaskFolder, text: str) -> None:
        infer.out("infer-result.json", text)
        assert self.taken(infer) is None
        assert of_kind(infer, refused=True)


class TestSegmentation:
    MASK = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4}
    COCO: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "/in/assets/b.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{**MASK, "segmentation": {"size": [4, 4], "counts": "05"}}],
    }

    @pytest.fixture
    def infer(self, folder: TaskFolder) -> TaskFolder:
        folder.text("candidate-index.tsv", "/in/assets/a.jpg\n/in/assets/b.jpg\n")
        return folder.env(run_infer=True).config()

    taken = TestInfer.taken

    def write(self, folder: TaskFolder, **change: Any) -> TaskFolder:
        return folder.out("infer-result.json", json.dumps({**self.COCO, **change}))

    def test_a_coco_segmentation(self, infer: TaskFolder) -> None:
        found, problems = check(self.write(infer))
        assert problems == []
        assert self.taken(infer, 3) == {"a.jpg": 1}
        assert (found.inferred, found.boxes) == (2, 1)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"annotations": [{**MASK, "image_id": 3}]}, "an annotation has the unknown image_id 3"),
            ({"annotations": [{**MASK, "category_id": 3}]}, "an annotation has the unknown category_id 3"),
            ({"annotations": [{"image_id": 1, "category_id": 1}]}, "has no bbox of four numbers"),
            ({"annotations": {}}, "annotations is no list"),
            ({"images": [*COCO["images"], {"id": 3, "file_name": "c.jpg"}]}, "for the unknown c.jpg"),
        ],
    )
    def test_what_the_platform_passes_over_is_a_warning(
        self, infer: TaskFolder, change: dict[str, Any], message: str
    ) -> None:
        self.write(infer, **change)
        assert self.taken(infer, 3) is not None
        assert of_kind(infer, refused=True) == []
        assert message in text_of(of_kind(infer, refused=False))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"annotations": [{"bbox": [0, 0, 2, 2]}]}, "an annotation has no image_id"),
            ({"annotations": [{**MASK, "area": None}]}, "no numbers for bbox and area"),
            ({"annotations": [{**MASK, "segmentation": {"size": [4, 4], "counts": [0, 5]}}]}, "counts are no text"),
            ({"annotations": [{**MASK, "segmentation": [[1, 1, 2, 2], [3, 3, 4, 4]]}]}, "is not one polygon"),
            ({"categories": [{"id": 1}]}, "one of its categories has no id or no name"),
            ({"images": [{"id": 1}]}, "one of its images has no id or no file_name"),
        ],
    )
    def test_what_the_platform_refuses_is_an_error(
        self, infer: TaskFolder, change: dict[str, Any], message: str
    ) -> None:
        self.write(infer, **change)
        assert self.taken(infer, 3) is None
        assert message in text_of(of_kind(infer, refused=True))

    def test_a_part_that_is_missing_is_an_error(self, infer: TaskFolder) -> None:
        infer.out("infer-result.json", json.dumps({"images": [], "annotations": []}))
        assert self.taken(infer, 3) is None
        assert text_of(of_kind(infer, refused=True)) == "infer-result.json has no categories"


def test_collect_raises_one_line_and_lists_every_error(folder: TaskFolder, tmp_path: Path) -> None:
    folder.text("candidate-index.tsv", "/in/a.jpg\n").env(run_mining=True, run_infer=True).config()
    with pytest.raises(ResultsError) as caught:
        results.collect(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir)))
    assert str(caught.value).startswith("mining: no results:")
    assert "(and 1 more)" in str(caught.value)
    assert len(caught.value.details.splitlines()) == 2


def test_collect_warns_of_what_the_platform_takes(folder: TaskFolder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.text("candidate-index.tsv", "/in/a.jpg\n/in/b.jpg\n").env(run_mining=True).config()
    folder.out("result.tsv", "a.jpg\t0.5\n")
    assert results.collect(task_config.load(task_config.Folders(folder.in_dir, folder.out_dir))).mined == 1
    assert "mining: result.tsv has no result for" in capfd.readouterr().err
