"""Whatever a writer accepts, a reader made from the protocol alone reads as the same values."""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ymir_exc import _masks, monitor, protocol
from ymir_exc import result_writer as rw
from ymir_exc import settings as sdk_settings

from tests.support.platform_reader import read_detections, read_progress, read_scores, read_stages

from .conftest import Task

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers()
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = words.filter(lambda text: text and "/" not in text and "\0" not in text)


@contextlib.contextmanager
def fresh_task() -> Iterator[Task]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        made = Task(Path(folder))
        for name in ("in", "out/models"):
            (made.root / name).mkdir(parents=True)
        made.describe()
        made.configure(class_names=[])
        patch.setattr(sdk_settings, "DEFAULT_ENV_FILE_PATH", str(made.env_file))
        yield made


@quick
@given(st.lists(st.tuples(numbers, words), min_size=1, max_size=5))
def test_progress_is_read_as_the_highest_so_far(calls: list[tuple[float, str]]) -> None:
    with fresh_task() as task, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        highest = 0.0
        for percent, message in calls:
            monitor.write_monitor_logger(percent, message=message)
            highest = max(highest, 0.0 if math.isnan(percent) else min(max(percent, 0.0), 1.0))
            read = read_progress(task.out / "monitor.txt")
            assert read is not None
            assert read.percent == pytest.approx(highest, abs=1e-6)
            assert read.message == " ".join(message.split())


@quick
@given(
    st.dictionaries(words, numbers, max_size=30) | st.lists(st.tuples(words, numbers), max_size=30),
    st.integers(min_value=1, max_value=9),
)
def test_scores_are_read_as_they_were_given(scores: Any, run_length: int) -> None:
    pairs = list(scores.items()) if isinstance(scores, dict) else scores
    with fresh_task() as task, pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr("ymir_exc._mining.RUN_LENGTH", run_length)
        try:
            rw.write_mining_result(scores)
        except ValueError:
            odd = any(not image.strip() or "\t" in image or image.splitlines() != [image] for image, _ in pairs)
            assert odd or not all(is_float(score) for _, score in pairs)
        else:
            best_first = sorted(((image, written(score)) for image, score in pairs), key=lambda row: -row[1])
            best = dict(reversed(best_first))
            read = read_scores(task.out / "result.tsv")
            assert dict(read) == best
            assert len(read) == len(best)


def is_float(number: float) -> bool:
    try:
        float(number)
    except OverflowError:
        return False
    return True


def written(number: float) -> float:
    """As it stands in the file, where every score is finite."""
    most = sys.float_info.max
    return -most if math.isnan(number) else min(max(float(number), -most), most)


boxes = st.builds(
    lambda x, y, w, h: rw.Box(x=x, y=y, w=w, h=h),
    st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(0, 9000), st.integers(0, 9000),
)  # fmt: skip
annotations = st.builds(
    lambda name, score, box: rw.Annotation(class_name=name, score=score, box=box),
    words, st.floats(allow_nan=False, allow_infinity=False), boxes,
)  # fmt: skip


@quick
@given(st.dictionaries(names, st.lists(annotations, max_size=4), max_size=8), st.booleans())
def test_detections_are_read_as_they_were_given(results: dict[str, list[Any]], stream: bool) -> None:
    with fresh_task() as task:
        rw.write_infer_result(iter(results.items()) if stream else results)
        read = read_detections(task.out / "infer-result.json")
        assert read == {image: [annotation.dict() for annotation in found] for image, found in results.items()}


metrics = st.dictionaries(st.sampled_from(["mAP", "mIoU", "maskAP", "mAR", "tp", "custom"]), numbers, max_size=4)
stage_calls = st.lists(st.tuples(st.sampled_from(["a", "b-1", "7", "x y", "é"]), metrics), min_size=1, max_size=6)


@quick
@given(stage_calls)
def test_stages_are_read_as_they_were_given(calls: list[tuple[str, dict[str, float]]]) -> None:
    with fresh_task() as task:
        (task.models / "a.pt").write_text("")
        accepted: dict[str, dict[str, float]] = {}
        for stamp, (name, found) in enumerate(calls):
            if not is_readable(found):
                continue
            with contextlib.suppress(ValueError):
                rw.write_model_stage(name, ["a.pt"], found, timestamp=stamp)
                key = {"b-1": "b_1", "7": "stage_7"}.get(name, name)
                accepted[key] = found
        if accepted:
            stages = read_stages(task.models)["model_stages"]
            read = {name: {k: v for k, v in stage.items() if k in accepted[name]} for name, stage in stages.items()}
            assert read == {name: pytest.approx(found, abs=1e-6) for name, found in accepted.items()}


def is_readable(found: dict[str, float]) -> bool:
    fractions = [value for name, value in found.items() if name not in ("tp", "custom")]
    return all(0 <= value <= 1 for value in fractions) and is_count(found.get("tp", 0))


def is_count(number: float) -> bool:
    return math.isfinite(number) and number >= 0 and number == int(number)


@quick
@given(stage_calls)
def test_a_stage_of_any_numbers_is_written_or_refused_and_the_result_stays_whole(
    calls: list[tuple[str, dict[str, float]]],
) -> None:
    with fresh_task() as task, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, found in calls:
            with contextlib.suppress(ValueError):
                rw.write_model_stage(name, ["a.pt"], found)
        if (task.models / "result.yaml").exists():
            result = yaml.safe_load((task.models / "result.yaml").read_text())
            assert result["best_stage_name"] in result["model_stages"]


@quick
@given(
    st.tuples(words, st.floats(0, 1e11), st.floats(0, 1), st.sampled_from([1, 2, 3, 4]), st.integers(), words),
    st.lists(words, max_size=120),
)
def test_a_monitor_line_is_parsed_to_what_was_formatted(fields: Any, stack: list[str]) -> None:
    made = protocol.Monitor(*fields, tuple(stack))
    read = protocol.parse_monitor(protocol.format_monitor(made))
    assert read[3:5] == made[3:5]
    assert list(read.stack) == [line for part in stack for line in part.splitlines()][-99:]
    assert (read.task_id, read.message) == (
        " ".join(made.task_id.split()) or "default-task",
        " ".join(made.message.split()),
    )
    assert (read.percent, read.timestamp) == pytest.approx((made.percent, made.timestamp), abs=1e-6)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_a_compressed_mask_is_read_as_it_was(lengths: list[int]) -> None:
    assert _masks.run_lengths(_masks.compressed(lengths)) == lengths
