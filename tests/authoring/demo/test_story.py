"""The demo, end to end: what it shows, and what can be done with what it leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from live_code.authoring.demo import example_repo
from live_code.authoring.demo.walkthrough import SCORING
from live_code.job.ymir_exc import protocol
from tests.support.demo_runs import Played
from tests.support.docs.blocks import samples
from tests.support.docs.session import missing
from tests.support.precision import mean_average_precision

EXAMPLE = Path(__file__).parents[3] / "examples" / "torch-detector"
RUNS = ("training", *SCORING)


@pytest.mark.slow
def test_the_detector_learns(played: Played) -> None:
    result = yaml.safe_load((played.out("training") / "models" / "result.yaml").read_text())
    assert result["mAP"] >= 0.80
    assert len(result["model_stages"]) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_each_run_is_recorded_with_the_pinned_commit(played: Played, name: str) -> None:
    record = json.loads((played.out(name) / "live-code" / "run.json").read_text())
    assert record["state"] == "done"
    assert record["source"]["commit"] in played.output
    assert protocol.parse_monitor((played.out(name) / "monitor.txt").read_text()).state == protocol.STATE_DONE


@pytest.mark.slow
def test_the_pinned_commit_ran_and_not_the_one_before(played: Played) -> None:
    merged = yaml.safe_load((played.out("training") / "live-code" / "config.yaml").read_text())
    assert merged["epochs"] == yaml.safe_load((EXAMPLE / "configs" / "default.yaml").read_text())["epochs"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_platform_can_use_what_each_run_left(played: Played, name: str) -> None:
    folder = played.folder / name
    argv = [sys.executable, "-m", "live_code", "verify", "--in", folder / "in", "--out", folder / "out"]
    done = subprocess.run(argv, env=played.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_it_says_where_things_are(played: Played) -> None:
    paths = [word.rstrip(":") for word in played.output.split() if word.startswith(str(played.folder))]
    assert any(path.endswith("result.yaml") for path in paths)
    assert any(path.endswith("predictions.png") for path in paths)
    assert [path for path in paths if not Path(path).exists()] == []


@pytest.mark.slow
def test_it_says_what_the_docs_show(played: Played) -> None:
    shown = samples("demo")
    assert shown
    assert [(str(block), missing(block.text, played.output)) for block in shown] == [
        (str(block), []) for block in shown
    ]


@pytest.mark.slow
def test_the_picture_can_be_looked_at(played: Played) -> None:
    with Image.open(played.folder / "predictions.png") as picture:
        assert picture.width > 1000
        assert len(picture.resize((64, 64)).getcolors(64 * 64) or ()) > 500


@pytest.mark.slow
def test_a_second_start_needs_no_server_and_gives_the_same(played: Played, tmp_path: Path) -> None:
    again = played.again("mining", tmp_path / "mining").run()
    for name in ("requirements.lock", "config.yaml"):
        before = (played.out("mining") / "live-code" / name).read_text()
        assert (again.out / "live-code" / name).read_text() == before.replace(
            str(played.folder / "mining"), str(again.folder)
        )
    before = (played.out("mining") / "result.tsv").read_text()
    assert (again.out / "result.tsv").read_text() == before.replace(str(played.folder / "mining"), str(again.folder))


@pytest.mark.slow
def test_progress_of_mining_and_infer_in_one_start_only_grows(played: Played, tmp_path: Path) -> None:
    start = played.again("mining-infer", tmp_path / "both")
    texts = []
    with start.begin() as process:
        while process.poll() is None:
            if start.monitor.exists():
                texts.append(start.monitor.read_text())
            time.sleep(0.002)
    percents = [protocol.parse_monitor(text).percent for text in texts]
    assert process.returncode == 0
    assert percents == sorted(percents)
    assert {0.0 < percent < 0.5 for percent in percents} == {True, False}
    assert {0.5 < percent < 1.0 for percent in percents} == {True, False}


@pytest.mark.slow
def test_the_reported_map_is_what_inferred_boxes_measure(played: Played, tmp_path: Path) -> None:
    """Infer on the validation set, counted by other code than the detector's own."""
    start = played.again("infer", tmp_path / "val", score_threshold="0.01")
    training = played.folder / "training" / "in"
    pairs = list(protocol.read_index(training / "val-index.tsv"))
    for line in pairs:
        image = start.folder / line.image[1:]
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes((training.parent / line.image[1:]).read_bytes())
    (start.folder / "in" / "candidate-index.tsv").write_text("".join(f"{line.image}\n" for line in pairs))
    start.run()
    truth = {Path(line.image).name: training.parent / str(line.annotation)[1:] for line in pairs}
    reported = yaml.safe_load((played.out("training") / "models" / "result.yaml").read_text())["mAP"]
    found = json.loads((start.out / "infer-result.json").read_text())["detection"]
    # Reported boxes are whole pixels.
    assert mean_average_precision(found, truth) == pytest.approx(reported, abs=0.02)


@pytest.mark.slow
def test_mining_puts_first_what_infer_gets_wrong(played: Played) -> None:
    """The least sure quarter of the candidates holds more mistakes than the surest half."""
    ranked = [Path(line.split("\t")[0]).name for line in (played.out("mining") / "result.tsv").open()]
    found = json.loads((played.out("infer") / "infer-result.json").read_text())["detection"]
    mistakes = {}
    for name in ranked:
        annotation = next((played.folder / "dataset" / "annotations").rglob(f"{Path(name).stem}.txt"))
        mistakes[name] = abs(len(found[name]["boxes"]) - len(annotation.read_text().splitlines()))
    quarter = len(ranked) // 4
    assert sum(mistakes[name] for name in ranked[:quarter]) > sum(mistakes[name] for name in ranked[-2 * quarter :])


@pytest.mark.slow
def test_training_goes_on_from_a_pretrained_model(played: Played, tmp_path: Path) -> None:
    short = {"epochs": "1", "learning_rate": "0.0005", "export_onnx": "False"}
    scratch = played.again("training", tmp_path / "scratch", **short).keep_lines("train-index.tsv", 64)
    tuned = played.again("training", tmp_path / "tuned", **short).keep_lines("train-index.tsv", 64)
    tuned.give_model(played.weights(), "pretrained_model_params")
    assert scratch.run().result()["mAP"] < 0.2
    assert tuned.run().result()["mAP"] > 0.7


@pytest.mark.slow
def test_a_pretrained_model_serves_other_classes_too(played: Played, tmp_path: Path) -> None:
    names = ["circle", "square", "triangle", "star"]
    start = played.again("training", tmp_path / "tuned", epochs="1", class_names=names, export_onnx="False")
    start.keep_lines("train-index.tsv", 32).give_model(played.weights(), "pretrained_model_params").run()
    assert list(start.result()["model_stages"]) == ["epoch1"]


@pytest.mark.slow
def test_the_same_seed_trains_the_same_weights(played: Played, tmp_path: Path) -> None:
    results = []
    for number in (1, 2):
        start = played.again("training", tmp_path / str(number), epochs="2", export_onnx="False")
        start.keep_lines("train-index.tsv", 32).run()
        results.append((start.out / "models" / "epoch2.pt").read_bytes())
    assert results[0] == results[1]


@pytest.mark.slow
def test_a_stopped_training_leaves_what_it_has_learned(played: Played, tmp_path: Path) -> None:
    start = played.again("training", tmp_path / "stopped")
    with start.begin() as process:
        while process.poll() is None and not (start.monitor.exists() and start.told().percent > 0.01):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, output
    assert start.told().state == protocol.STATE_ERROR
    [stage] = start.result()["model_stages"].values()
    assert all((start.out / "models" / name).is_file() for name in stage["files"])


ONNX_AGAINST_TORCH = """
import sys, numpy, onnx.reference, torch
from model import Predictor, load
from onnx.reference.op_run import OpRun

class GatherElements(OpRun):  # onnx's own gives up at more than 64 elements
    op_domain = ""
    def _run(self, data, indices, axis=0):
        return (numpy.take_along_axis(data, indices, axis),)

weights, exported = sys.argv[1:]
detector, settings = load(weights)
images = torch.rand(3, 3, settings["image_size"], settings["image_size"], generator=torch.Generator().manual_seed(1))
with torch.inference_mode():
    expected = Predictor(detector)(images)
found = onnx.reference.ReferenceEvaluator(exported, new_ops=[GatherElements]).run(None, {"images": images.numpy()})
for one, other in zip(expected, found):
    numpy.testing.assert_allclose(one.numpy(), other, rtol=1e-3, atol=1e-3)
"""


@pytest.mark.slow
def test_the_exported_onnx_finds_what_torch_finds(played: Played) -> None:
    record = json.loads((played.out("training") / "live-code" / "run.json").read_text())
    weights, exported = played.model()
    argv = [record["environment"]["python"], "-c", ONNX_AGAINST_TORCH, weights, exported]
    done = subprocess.run(argv, cwd=EXAMPLE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_run_that_fails_ends_the_demo_with_its_reason(tmp_path: Path) -> None:
    environ = {**os.environ, "LIVE_CODE_PYTHON": str(tmp_path / "nothing")}
    argv = [sys.executable, "-m", "live_code.commands.demo", tmp_path / "demo"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True)
    assert done.returncode != 0
    assert "training ended with" in done.stderr
    assert str(tmp_path / "nothing") in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_example_makes_the_same_two_commits(tmp_path: Path) -> None:
    one, other = (example_repo.make(EXAMPLE, tmp_path / name, tmp_path / f"{name}.git") for name in ("one", "other"))
    assert one == other
    assert one.first != one.second


def test_the_repository_is_the_example_as_it_stands(tmp_path: Path) -> None:
    made = example_repo.make(EXAMPLE, tmp_path / "tree", tmp_path / "tree.git")
    listed = subprocess.run(
        ["git", "--git-dir", tmp_path / "tree.git", "ls-tree", "-r", "--name-only", made.second],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()}
    assert set(listed) == {name for name in expected if "__pycache__" not in name}
