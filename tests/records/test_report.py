"""The report: what is on the page, and that it works in a real browser without a network."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from live_code.commands import cli
from live_code.records import compare
from live_code.records.report import curves, facts, failures, labels, page, samples, telemetry
from live_code.stages.record import hparams
from live_code.stages.record.reading import Record
from live_code.tools.store import Store
from live_code.tools.telemetry.eventfile import EventFile
from tests.support import browser, made_records

HOSTILE = "</script><script>document.title='owned'</script><img src=http://127.0.0.1:9/x>"


def scalars(folder: Path, tag: str, values: list[float]) -> None:
    events = EventFile(folder)
    for step, value in enumerate(values):
        events.scalars(step, {tag: value})
    events.close()


def scored(value: float) -> dict[str, Any]:
    """Results of a training with one stage."""
    stage = {"name": "epoch1", "files": ["a.pt"], "timestamp": 1, "metrics": {"mAP": value}}
    return {**made_records.BASE["results"], "best_stage": "epoch1", "stages": [stage]}


class TestCurves:
    def test_scalars_are_read_in_the_order_of_their_steps(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        scalars(tmp_path / "tensorboard", "train/loss", [3.0, 2.0, 1.5])
        assert curves.read(record) == (curves.Curve("train/loss", (0, 1, 2), (3.0, 2.0, 1.5)),)

    def test_folders_below_name_their_curves(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        scalars(tmp_path / "tensorboard" / "val", "loss", [1.0])
        scalars(tmp_path / "tensorboard" / "live_code", "live_code/cpu", [0.5])
        assert [curve.tag for curve in curves.read(record)] == ["live_code/cpu", "val/loss"]

    def test_the_metrics_of_the_record_are_no_curves(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        hparams.write(record, tmp_path / "tensorboard")
        assert curves.read(record) == ()

    def test_long_curves_keep_their_ends(self, tmp_path: Path) -> None:
        kept = curves.thinned(100_000)
        assert (kept[0], kept[-1], len(kept)) == (0, 99_999, curves.POINTS)
        assert kept == sorted(set(kept))

    def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        scalars(tmp_path / "tensorboard", "loss", [3.0, 2.0])
        [file] = (tmp_path / "tensorboard").iterdir()
        file.write_bytes(file.read_bytes()[:-5])
        assert curves.read(record)[0].steps == (0,)

    def test_a_run_that_another_followed_in_its_folder_has_none(self, tmp_path: Path) -> None:
        scalars(tmp_path / "tensorboard", "loss", [3.0, 2.0])
        record = made_records.put(tmp_path)
        assert curves.read(record._replace(path=record.path.with_name("run-before.json"))) == ()

    def test_a_run_without_files_has_none(self, tmp_path: Path) -> None:
        assert curves.read(made_records.put(tmp_path)) == ()


class TestFacts:
    def varied(self, tmp_path: Path) -> list[Record]:
        values: list[dict[str, Any]] = [{"lr": 0.1, "opt": "sgd"}, {"lr": "0.3", "opt": "adam"}, {"lr": 0.2}]
        return [
            made_records.put(tmp_path / str(n), n, config__values=one, results=scored(n / 10))
            for n, one in enumerate(values)
        ]

    def test_parameters_are_what_is_not_the_same_everywhere(self, tmp_path: Path) -> None:
        assert facts.parameters(self.varied(tmp_path)) == ["lr", "opt"]

    def test_the_scatter_has_numbers_also_when_a_form_sent_them_as_text(self, tmp_path: Path) -> None:
        points = facts.points(self.varied(tmp_path), ["lr", "opt"], ["mAP"])
        assert [point["lr"] for point in points] == [0.1, 0.3, 0.2]
        assert "opt" not in points[0]

    def test_parallel_axes_run_from_the_lowest_to_the_highest(self, tmp_path: Path) -> None:
        lines = facts.lines(self.varied(tmp_path), ["lr", "opt"], "mAP")
        places = {axis: [line["place"] for line in lines if line["axis"] == axis] for axis in ("lr", "opt", "mAP")}
        assert places == {"lr": [0.0, 1.0, 0.5], "opt": [1.0, 0.5, 0.0], "mAP": [0.0, 0.5, 1.0]}

    def test_an_axis_over_decades_is_logarithmic(self, tmp_path: Path) -> None:
        rates = (0.001, 0.01, 0.1)
        records = [made_records.put(tmp_path / f"{lr}", config__values={"lr": lr}) for lr in rates]
        assert [line["place"] for line in facts.lines(records, ["lr"], "mAP") if line["axis"] == "lr"] == [0, 0.5, 1]
        assert facts.spans_decades(rates)
        assert not facts.spans_decades((0, 1, 100))

    def test_the_metrics_axis_is_never_logarithmic(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / f"{score}", results=scored(score)) for score in (0.001, 0.5, 1.0)]
        found = facts.lines(records, [], "mAP")
        assert [line["place"] for line in found] == [0, pytest.approx(0.4995, abs=1e-4), 1]

    def test_a_hidden_value_is_no_parameter(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / key, config__values={"key": key, "lr": 1}) for key in ("***", "x")]
        assert "key" not in records[0].parameters
        assert "lr" in records[0].parameters

    def test_charts_compare_runs_of_the_task_that_most_had(self, tmp_path: Path) -> None:
        others = [made_records.put(tmp_path / name, task__tasks=[name]) for name in ("mining", "infer")]
        varied = self.varied(tmp_path)
        assert facts.comparable([*others, *varied]) == varied

    def test_axes_are_numbers_and_few_words(self, tmp_path: Path) -> None:
        values = [
            {"lr": n, "opt": ("sgd", "adam")[n % 2], "weights": [f"{n}.pt"], "name": f"run {n}"} for n in range(4)
        ]
        records = [made_records.put(tmp_path / str(n), n, config__values=one) for n, one in enumerate(values)]
        assert facts.axes(records) == ["lr", "opt"]

    def test_metrics_that_are_the_same_in_all_runs_score_nothing(self, tmp_path: Path) -> None:
        assert facts.scores(self.varied(tmp_path)) == ["mAP"]
        assert facts.scores([made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b")]) == []

    @pytest.mark.parametrize(
        ("value", "said"), [(0.41421, "0.4142"), (9999, "9999"), (25276514304, "25.28 G"), (12345, "12.35 k"), (0, "0")]
    )
    def test_large_numbers_have_a_prefix(self, value: float, said: str) -> None:
        assert facts.number(value) == said

    def test_the_timeline_leaves_out_what_can_not_be_seen(self, tmp_path: Path) -> None:
        names = [phase["phase"] for phase in facts.phases(made_records.put(tmp_path))]
        assert names == ["source", "job"]

    def test_stages_stand_by_their_numbers(self) -> None:
        assert facts.in_order(["epoch20", "epoch5", "best", "epoch5"]) == ["best", "epoch5", "epoch20"]


class TestLabels:
    def put(self, root: Path, *values: dict[str, Any], **changes: Any) -> list[str]:
        places = enumerate(values)
        return labels.names([made_records.put(root / str(n), n, config__values=one, **changes) for n, one in places])

    def test_runs_of_one_commit_are_told_apart_by_their_parameters(self, tmp_path: Path) -> None:
        grid = [{"lr": lr, "epochs": 3, "size": size} for lr in (0.1, 0.01) for size in (32, 64)]
        assert self.put(tmp_path, *grid) == [
            "A lr 0.1, size 32",
            "B lr 0.1, size 64",
            "C lr 0.01, size 32",
            "D lr 0.01, size 64",
        ]

    def test_runs_of_different_commits_by_these(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / commit, source__commit=commit * 40) for commit in "ab"]
        assert labels.names(records) == ["A aaaaaaa", "B bbbbbbb"]

    def test_a_parameter_is_added_where_the_commit_is_not_enough(self, tmp_path: Path) -> None:
        runs = [("a", 1), ("b", 1), ("b", 2)]
        records = [
            made_records.put(tmp_path / f"{commit}{lr}", source__commit=commit * 40, config__values={"lr": lr})
            for commit, lr in runs
        ]
        assert labels.names(records) == ["A aaaaaaa, lr 1", "B bbbbbbb, lr 1", "C bbbbbbb, lr 2"]

    def test_runs_that_differ_in_nothing_by_their_start(self, tmp_path: Path) -> None:
        first, second = self.put(tmp_path, {}, {})
        assert re.fullmatch(r"A \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first)
        assert first[1:] != second[1:]

    def test_long_values_are_cut_where_they_differ(self, tmp_path: Path) -> None:
        values = [{"weights": f"/a/long/way/to/all/of/the/models/{name}.pt"} for name in ("one", "two")]
        assert self.put(tmp_path, *values) == ["A weights …/models/one.pt", "B weights …/models/two.pt"]

    def test_a_run_alone_is_its_commit(self, tmp_path: Path) -> None:
        assert self.put(tmp_path, {}) == ["A aaaaaaa"]

    def test_a_chart_of_some_runs_calls_them_as_the_table_does(self, tmp_path: Path) -> None:
        other = made_records.put(tmp_path / "mining", task__tasks=["mining"])
        html = page.render([other, *TestFacts().varied(tmp_path)], "")
        runs = {row["run"][0] for row in rows_of(specs(html)["scatter"])}
        assert runs == {"B", "C", "D"}


class TestFailures:
    TRACE = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\nValueError: bad'

    def failed(
        self, folder: Path, number: int = 0, tail: Sequence[str] = ("epoch 1", "epoch 2"), **error: str
    ) -> Record:
        job = [{**made_records.BASE["job"][0], "code": 1, "tail": list(tail)}]
        reasons = {"message": "ValueError: bad.", "hint": "Mend t.py.", "details": self.TRACE, "phase": "job", **error}
        return made_records.put(folder, number, state="failed", error={**made_records.ERROR, **reasons}, job=job)

    def test_reason_remedy_traceback_and_last_lines_stand_first(self, tmp_path: Path) -> None:
        html = page.render([self.failed(tmp_path)], "")
        order = ["ValueError: bad.", "Mend t.py.", "Traceback (most", "epoch 1\nepoch 2", '<section id="runs"']
        places = [html.index(words) for words in order]
        assert places == sorted(places)

    def test_last_lines_that_are_the_details_stand_there_once(self, tmp_path: Path) -> None:
        html = page.render([self.failed(tmp_path, details="epoch 1\nepoch 2")], "")
        assert html.count("epoch 1\nepoch 2") == 1

    def test_earlier_lines_are_folded(self, tmp_path: Path) -> None:
        html = page.render([self.failed(tmp_path, tail=[f"line {n}" for n in range(20)])], "")
        folded = html.index("5 lines before these</summary>")
        assert folded < html.index("line 0\n") < html.index("line 4</pre></details>") < html.index("line 5\n")

    def test_runs_that_failed_alike_are_one_failure(self, tmp_path: Path) -> None:
        failures_of = failures.grouped("ABC", [failures.of(self.failed(tmp_path / name)) for name in "ABC"])
        assert [group.names for group in failures_of] == [("A", "B", "C")]

    def test_each_failed_run_of_many_keeps_its_own_lines(self, tmp_path: Path) -> None:
        html = page.render([self.failed(tmp_path / str(n), n, [f"own line {n}"]) for n in range(3)], "")
        assert all(f"own line {n}" in html for n in range(3))

    def test_what_a_terminal_would_obey_is_left_out(self, tmp_path: Path) -> None:
        failure = failures.of(self.failed(tmp_path, tail=["\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07end"]))
        assert failure
        assert failure.last_lines == ("red end",)

    def test_a_good_run_has_none(self, tmp_path: Path) -> None:
        assert 'id="failures"' not in page.render([made_records.put(tmp_path)], "")


class TestTelemetry:
    def page(self, root: Path, **values: list[float]) -> str:
        events = EventFile(root / "tensorboard" / "live_code")
        for name, numbers in values.items():
            for step, value in enumerate(numbers):
                events.scalars(step, {f"live_code/{name.replace('__', '/')}": value})
        events.close()
        return page.render([made_records.put(root)], "")

    def test_it_is_folded_away(self, tmp_path: Path) -> None:
        html = self.page(tmp_path, cpu__job_cores=[1.0, 2.0])
        start, end = html.index('<details id="telemetry">'), html.index("</details>", html.index('id="telemetry"'))
        assert start < html.index('data-chart="curve-live_code/cpu/job_cores"') < end

    def test_what_never_changed_is_a_sentence(self, tmp_path: Path) -> None:
        html = self.page(tmp_path, memory__limit_bytes=[8e9, 8e9])
        assert "<li>memory: limit, bytes: 8 G</li>" in html
        assert "curve-live_code/memory/limit_bytes" not in specs(html)

    @pytest.mark.parametrize(
        ("tag", "title"),
        [
            ("live_code/cpu/job_cores", "CPU: cores that the job used"),
            ("network/sent_bytes_per_s", "network: sent, bytes per second"),
            ("live_code/gpu1/memory_limit_bytes", "GPU 1: memory limit, bytes"),
            ("gpu0/power_w", "GPU 0: power, watts"),
            ("new/thing_of_ours", "new: thing of ours"),
        ],
    )
    def test_its_names_are_words(self, tag: str, title: str) -> None:
        assert telemetry.title(tag) == title

    def test_a_rate_below_nothing_is_left_out_of_a_curve(self, tmp_path: Path) -> None:
        self.page(tmp_path, network__sent_bytes_per_s=[5.0, -37e6, 7.0])
        [curve] = curves.below(tmp_path / "tensorboard")
        assert curve.values == (5.0, 7.0)

    def test_a_rate_below_nothing_is_no_measurement(self, tmp_path: Path) -> None:
        usage = {"samples": 2, "network/sent_bytes_per_s": {"mean": -4.0, "peak": 9.0}}
        record = made_records.put(tmp_path, job=[{**made_records.BASE["job"][0], "usage": usage}])
        assert facts.measurements(record) == {"network/sent_bytes_per_s": (None, 9.0)}

    def test_curves_of_the_job_that_are_not_drawn_are_named(self, tmp_path: Path) -> None:
        for number in range(30):
            scalars(tmp_path / "tensorboard", f"own/{number:02}", [1.0, 2.0])
        html = page.render([made_records.put(tmp_path)], "")
        assert "6 more curves of the jobs are not drawn" in html
        assert "own/29" in html


class TestSamples:
    def test_boxes_are_drawn_on_images_where_the_run_found_them(self, tmp_path: Path) -> None:
        record = inferred(tmp_path)
        [sample] = samples.draw(record)
        assert (sample.width, sample.height, sample.text) == (320, 160, "cat 0.90")
        assert sample.source.startswith("data:image/jpeg;base64,")

    def test_without_images_there_is_nothing_to_draw(self, tmp_path: Path) -> None:
        record = inferred(tmp_path)
        (tmp_path / "data/assets/a.png").unlink()
        assert samples.draw(record) == ()


def inferred(root: Path) -> Record:
    assets = root / "data" / "assets"
    assets.mkdir(parents=True)
    Image.new("RGB", (80, 40), "gray").save(assets / "a.png")
    (root / "data/index.tsv").write_text("/in/assets/a.png\n")
    box = {"class_name": "cat", "score": 0.9, "box": {"x": 4, "y": 4, "w": 20, "h": 20}}
    record = made_records.put(
        root / "out", task__paths={"/in": str(root / "data")}, task__input={"candidate_index_file": "/in/index.tsv"}
    )
    (root / "out/infer-result.json").write_text(json.dumps({"detection": {"a.png": {"boxes": [box]}}}))
    return record


def specs(html: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert match
    found: dict[str, Any] = json.loads(match[1])
    return found


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    if "values" in spec["data"]:
        return list(spec["data"]["values"])
    return list(spec["datasets"][spec["data"]["name"]])


class TestPage:
    def test_one_run_has_its_curves_stages_and_phases(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        scalars(tmp_path / "tensorboard", "train/loss", [3.0, 2.0])
        assert list(specs(page.render([record], ""))) == ["stages", "curve-train/loss", "phases"]

    def test_many_runs_have_scatter_and_parallel_coordinates(self, tmp_path: Path) -> None:
        assert list(specs(page.render(TestFacts().varied(tmp_path), ""))) == ["scatter", "parallel", "stages"]

    def test_what_a_repo_or_user_wrote_is_never_markup(self, tmp_path: Path) -> None:
        record = made_records.put(
            tmp_path, config__values={HOSTILE: HOSTILE}, source__ref=HOSTILE, source__url=HOSTILE, task__task_id=HOSTILE
        )
        scalars(tmp_path / "tensorboard", HOSTILE.replace("/", "_"), [1.0])
        assert "<script>document" not in page.render([record], "")
        assert "<img src=http" not in page.render([record], "")

    def test_differences_and_history_are_told(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", source__commit="c" * 40)]
        entry = compare.history.Entry("c" * 40, "Ann", "2025-01-01", "Make it better", False)
        told = compare.History("https://host/r", "a" * 40, "c" * 40, (entry,), (compare.FileChange("t.py", 2, 1),))
        html = page.render(records, "", [told])
        assert "Make it better" in html
        assert "t.py" in html

    def heads(self, html: str) -> list[str]:
        return re.findall(r'<th scope="col" aria-sort="none"><button type="button">(.*?)</button>', html)

    def test_the_state_stands_beside_the_run_and_what_is_the_same_below(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", source__commit="c" * 40)]
        html = page.render(records, "")
        assert self.heads(html)[:3] == ["run", "state", "commit"]
        assert "The same in all: task " in html
        assert "ref" not in self.heads(html)

    def test_a_run_alone_has_all_columns(self, tmp_path: Path) -> None:
        html = page.render([made_records.put(tmp_path)], "")
        assert self.heads(html)[:5] == ["run", "state", "task", "commit", "ref"]
        assert "The same in all" not in html

    def test_what_is_not_shown_of_many_runs_is_said(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / str(number), number) for number in range(9)]
        limit = "Curves and predictions are shown of the 8 runs with the best metric"
        assert limit in page.render(records, "")
        assert limit not in page.render(records[:8], "")

    def test_many_runs_keep_their_differences(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / str(n), n, config__values={"lr": 10**-n}) for n in range(9)]
        html = page.render(records, "")
        assert all(f"<code>{10**-n}</code>: {chr(65 + n)}</li>" in html for n in range(9))

    def test_many_runs_keep_their_details(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / str(number), number) for number in range(9)]
        html = page.render(records, "")
        assert all(f'<dd class="code">{record.id}</dd>' in html for record in records)

    def test_a_lock_that_runs_share_stands_on_the_page_once(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / str(number), number) for number in range(9)]
        html = page.render(records, "")
        assert html.count("idna==3.10") == 1
        assert html.count("Lock: the same as that of A ") == 8

    def test_a_run_that_ended_early_is_said_beside_the_differences(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b", lock=None)]
        assert "B ended before its packages were known." in page.render(records, "")

    def test_a_bar_of_nothing_is_a_line(self, tmp_path: Path) -> None:
        encoding = specs(page.render([made_records.put(tmp_path, results=scored(0.0))], ""))["stages"]["encoding"]
        assert encoding["stroke"] == {"value": "var(--series-1)"}

    def test_a_failed_run_has_a_page_too(self, tmp_path: Path) -> None:
        gone = dict.fromkeys(("results", "config", "lock", "interpreter", "host", "dataset", "outputs", "job"))
        record = made_records.put(tmp_path, state="failed", error={**made_records.ERROR, "message": "no luck"}, **gone)
        assert "no luck" in page.render([record], "")


def page_of(path: Path, records: list[Record]) -> Path:
    page.write(path, records, Store(Path(os.environ.get("LIVE_CODE_STORE", path.parent / "store"))))
    return path


def show(chrome: Chrome, path: Path) -> int:
    """Opens the page; milliseconds until everything is drawn."""
    chrome.get(path.as_uri())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if ready := chrome.execute_script("return document.documentElement.dataset.ready"):
            return int(ready)
        time.sleep(0.02)
    raise AssertionError([entry["message"] for entry in chrome.get_log("browser")])


def asked_for(chrome: Chrome) -> set[str]:
    messages = (json.loads(entry["message"])["message"] for entry in chrome.get_log("performance"))
    urls = {one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"}
    return {
        url for url in urls if not url.startswith(("data:", "blob:", "chrome:"))
    }  # the last: of its first, empty tab


@pytest.mark.slow
class TestInChromium:
    @pytest.fixture(params=["light", "dark"])
    def chrome(self, request: pytest.FixtureRequest) -> Iterator[Chrome]:
        with browser.opened(dark=request.param == "dark") as chrome:
            yield chrome

    def test_it_is_drawn_without_errors_and_asks_no_network(self, chrome: Chrome, tmp_path: Path) -> None:
        record = inferred(tmp_path)
        scalars(tmp_path / "out" / "tensorboard", "train/loss", [3.0, 2.0])
        path = page_of(tmp_path / "report.html", [record])
        show(chrome, path)
        assert [entry["message"] for entry in chrome.get_log("browser")] == []
        assert asked_for(chrome) == {path.as_uri()}
        places = chrome.find_elements(By.CSS_SELECTOR, ".chart")
        assert [len(place.find_elements(By.TAG_NAME, "svg")) for place in places] == [1] * 3
        assert len(chrome.find_elements(By.CSS_SELECTOR, "#predictions img")) == 1
        browser.screenshot(chrome, tmp_path / "report.png")

    def test_hostile_words_stay_words(self, chrome: Chrome, tmp_path: Path) -> None:
        record = made_records.put(tmp_path / "a", 1, config__values={"x": HOSTILE}, source__ref=HOSTILE)
        other = made_records.put(tmp_path / "b", 2, config__values={"x": 1})
        path = page_of(tmp_path / "report.html", [record, other])
        show(chrome, path)
        assert chrome.title == "2 runs"
        assert asked_for(chrome) == {path.as_uri()}

    def test_the_theme_can_be_changed(self, chrome: Chrome, tmp_path: Path) -> None:
        show(chrome, page_of(tmp_path / "report.html", [made_records.put(tmp_path / "a")]))
        paper = "return getComputedStyle(document.body).backgroundColor"
        line = "return getComputedStyle(document.querySelector('.chart svg .mark-rect path')).fill"
        before = chrome.execute_script(paper), chrome.execute_script(line)
        chrome.find_element(By.ID, "theme").click()
        after = chrome.execute_script(paper), chrome.execute_script(line)
        assert before[0] != after[0]
        assert before[1] != after[1]


@pytest.mark.slow
class TestUse:
    @pytest.fixture(scope="class")
    @classmethod
    def many(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """1,000 runs of five parameters."""
        root = tmp_path_factory.mktemp("many")
        records = []
        for number in range(1000):
            values = {"lr": 10 ** -(1 + number % 4), "epochs": number % 30, "width": 8 << number % 3, "seed": number}
            values["optimizer"] = ("sgd", "adam", "lion")[number % 3]
            results = scored((number * 37 % 100) / 100)
            records.append(made_records.put(root / str(number), number, config__values=values, results=results))
        return page_of(root / "report.html", records)

    def test_a_thousand_runs_open_in_time(self, many: Path) -> None:
        assert many.stat().st_size < 15e6
        with browser.opened() as chrome:
            taken = min(show(chrome, many) for _ in range(3))  # what else the machine does is not the page's time
            assert len(chrome.find_elements(By.CSS_SELECTOR, "#runs tbody tr")) == 1000
            assert [entry["message"] for entry in chrome.get_log("browser")] == []
            browser.screenshot(chrome, many.with_name("many.png"))
        print(f"1,000 runs: {many.stat().st_size / 1e6:.2f} MB, drawn after {taken} ms")
        assert taken < 3000

    def test_runs_are_filtered_and_sorted_by_keyboard(self, many: Path) -> None:
        with browser.opened() as chrome:
            show(chrome, many)
            chrome.find_element(By.ID, "filter").send_keys("lion 0.99")
            assert chrome.find_element(By.ID, "count").text == "3 of 1000"
            chrome.find_element(By.ID, "filter").send_keys(*([Keys.BACKSPACE] * 9))
            head = next(one for one in chrome.find_elements(By.CSS_SELECTOR, "#runs thead button") if one.text == "mAP")
            head.send_keys(Keys.ENTER)
            head.send_keys(Keys.ENTER)
            assert chrome.find_element(By.CSS_SELECTOR, "#runs tbody td.number").text == "0.99"
            assert head.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"

    @pytest.mark.parametrize("dark", [False, True])
    def test_it_fits_a_narrow_screen(self, many: Path, tmp_path: Path, dark: bool) -> None:
        with browser.opened(width=400, dark=dark) as chrome:
            show(chrome, page_of(tmp_path / "report.html", [inferred(tmp_path)]))
            assert chrome.execute_script("return document.documentElement.scrollWidth") <= 400
            show(chrome, many)
            assert chrome.execute_script("return document.documentElement.scrollWidth") <= 400

    def test_on_a_narrow_screen_labels_leave_room_for_the_metrics(self, tmp_path: Path) -> None:
        values = [{"a_rather_long_name_of_a_rate": lr, "another_one": size} for lr in (1, 2) for size in (3, 4)]
        records = [
            made_records.put(tmp_path / str(n), n, config__values=one, results=scored(n / 10))
            for n, one in enumerate(values)
        ]
        with browser.opened(width=400) as chrome:
            show(chrome, page_of(tmp_path / "report.html", records))
            assert chrome.find_element(By.CSS_SELECTOR, "#runs tbody th").size["width"] <= 400 * 0.4
            cell = chrome.find_element(By.CSS_SELECTOR, "#runs tbody td.number")
            assert cell.location["x"] + cell.size["width"] <= 400
            assert [entry["message"] for entry in chrome.get_log("browser")] == []

    def test_telemetry_is_drawn_when_it_is_opened(self, tmp_path: Path) -> None:
        scalars(tmp_path / "tensorboard" / "live_code", "live_code/cpu/job_cores", [1.0, 2.0])
        with browser.opened() as chrome:
            show(chrome, page_of(tmp_path / "report.html", [made_records.put(tmp_path)]))
            assert chrome.find_elements(By.CSS_SELECTOR, "#telemetry svg") == []
            chrome.find_element(By.CSS_SELECTOR, "#telemetry summary").click()
            drawn = WebDriverWait(chrome, 10).until(lambda page: page.find_element(By.CSS_SELECTOR, "#telemetry svg"))
            assert drawn.size["width"] > 200

    def test_paper_has_what_is_folded_on_a_screen(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / str(n), n, config__values={"lr": n}) for n in range(9)]
        with browser.opened() as chrome:
            show(chrome, page_of(tmp_path / "report.html", records))
            last = chrome.find_elements(By.CSS_SELECTOR, "#differences li")[-1]
            assert not last.is_displayed()
            chrome.execute_script("dispatchEvent(new Event('beforeprint'))")
            assert last.is_displayed()
            chrome.execute_script("dispatchEvent(new Event('afterprint'))")
            assert not last.is_displayed()

    def test_drawing_moves_nothing(self, many: Path) -> None:
        shift = (
            "new PerformanceObserver(list => { for (const one of list.getEntries()) window.shift = "
            "(window.shift || 0) + one.value }).observe({type: 'layout-shift', buffered: true})"
        )
        with browser.opened() as chrome:
            chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": shift})
            show(chrome, many)
            time.sleep(0.3)
            assert chrome.execute_script("return window.shift || 0") < 0.01


def test_the_command_writes_a_page_about_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_drawing_code", lambda cache: "")  # putting it together takes seconds
    for number in range(3):
        made_records.put(tmp_path / "runs" / str(number), number)
    page_file = tmp_path / "report.html"
    assert cli.main(["report", str(tmp_path / "runs"), "-o", str(page_file)]) == 0
    assert "3 runs" in page_file.read_text()
    assert cli.main(["report", str(tmp_path / "runs"), "--where", "mAP>1", "-o", str(page_file)]) == 1
    assert "no record to report on" in capsys.readouterr().err
