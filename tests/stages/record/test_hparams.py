"""Runs compare themselves in tensorboard: what they put into its HPARAMS view, read back by tensorboard."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

from live_code.stages.record import hparams
from live_code.tools.telemetry.eventfile import EventFile
from tests.support import made_records, repos
from tests.support.machine import Machine, task
from tests.support.servers import ports
from tests.support.task_folder import TaskFolder


def trained(machine: Machine, folder: TaskFolder, score: float = 0.5, **config: Any) -> str:
    """Runs a training that reaches the score. Returns its commit."""
    repo = repos.make(folder.root / "repo")
    repo.commit(start__py=repos.CLASSIC_START.replace("0.5", str(score)), configs___default__yaml="epochs: 1\n")
    for place in (folder.in_dir, folder.out_dir):
        place.mkdir(parents=True, exist_ok=True)
    done = machine.run(task(folder, repo, **config))
    assert done.code == 0, done.stderr
    return repo.git("rev-parse", "HEAD")


def told(folder: Path) -> EventAccumulator:
    read = EventAccumulator(str(folder))
    read.Reload()
    return read


def started(folder: Path) -> plugin_data_pb2.SessionStartInfo:
    content = told(folder).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    return metadata.parse_session_start_info_plugin_data(content)


def ended(folder: Path) -> plugin_data_pb2.SessionEndInfo:
    content = told(folder).SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    return metadata.parse_session_end_info_plugin_data(content)


class TestWhatIsTold:
    def test_a_running_one_tells_what_it_trains_with(self, tmp_path: Path) -> None:
        values = {"lr": "0.01", "amp": True, "layers": 50, "name": "x", "drop": "nan", "classes": ["a"]}
        record = made_records.put(tmp_path, config__values=values, state="running")
        hparams.write(record, tmp_path)
        info = started(tmp_path / hparams.FOLDER)
        assert (info.group_name, info.start_time_secs) == (record.id, record.started)
        shown = {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}
        ours = {"commit": "a" * 12, "ref": "refs/heads/main"}
        assert shown == {"lr": 0.01, "amp": True, "layers": 50, "name": "x", "drop": "nan", **ours}

    def test_what_names_the_run_is_no_hyper_parameter(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path, config__values={"git_branch": "main", "git_url": "u", "task_id": "t"})
        assert set(hparams.parameters(record)) == {"commit", "ref"}

    @pytest.mark.parametrize(("state", "status"), [("done", "STATUS_SUCCESS"), ("failed", "STATUS_FAILURE")])
    def test_the_end_tells_how_and_the_best_stages_metrics(self, tmp_path: Path, state: str, status: str) -> None:
        for now in ("running", state):
            record = made_records.put(tmp_path, state=now)
            hparams.write(record, tmp_path)
        info = ended(tmp_path / hparams.FOLDER)
        assert (api_pb2.Status.Name(info.status), info.end_time_secs) == (status, record.started + record.seconds)
        read = told(tmp_path / hparams.FOLDER)
        scores = {tag: read.Scalars(tag)[0].value for tag in read.Tags()["scalars"]}
        assert scores == pytest.approx({"result/mAP": 0.7, "result/mAR": 0.6})

    def test_an_earlier_start_is_forgotten(self, tmp_path: Path) -> None:
        for number in (1, 2):
            hparams.write(record := made_records.put(tmp_path, number, state="running"), tmp_path)
        assert started(tmp_path / hparams.FOLDER).group_name == record.id

    def test_a_job_that_empties_the_folder_hides_nothing(self, tmp_path: Path) -> None:
        record = made_records.put(tmp_path)
        hparams.write(record, tmp_path)
        assert started(tmp_path / hparams.FOLDER).group_name == record.id
        assert ended(tmp_path / hparams.FOLDER).status == api_pb2.STATUS_SUCCESS

    @settings(deadline=None)  # the first reading imports protobuf's code
    @given(st.dictionaries(st.text(), st.one_of(st.text(), st.booleans(), st.floats(allow_nan=False)), max_size=3))
    def test_any_text_and_number_is_read_as_it_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, values: dict[str, bool | float | str]
    ) -> None:
        folder = tmp_path_factory.mktemp("events")
        events = EventFile(folder)
        events.session_start("id", 1.5, values)
        events.close()
        read = started(folder).hparams
        assert {name: getattr(value, value.WhichOneof("kind")) for name, value in read.items()} == values


class TestRuns:
    def test_a_run_leaves_its_parameters_and_metrics(self, machine: Machine, folder: TaskFolder) -> None:
        made = trained(machine, folder, lr="0.25", api_key="do-not-show-this")
        info = started(folder.out_dir / "tensorboard" / hparams.FOLDER)
        assert (info.hparams["lr"].number_value, info.hparams["commit"].string_value) == (0.25, made[:12])
        assert "api_key" not in info.hparams
        assert ended(folder.out_dir / "tensorboard" / hparams.FOLDER).status == api_pb2.STATUS_SUCCESS

    def test_a_job_that_fails_is_told_as_failed(self, machine: Machine, folder: TaskFolder) -> None:
        repo = repos.make(folder.root / "repo")
        repo.commit(start__py="raise SystemExit(3)", configs___default__yaml="lr: 1\n")
        assert machine.run(task(folder, repo)).code == 3
        assert ended(folder.out_dir / "tensorboard" / hparams.FOLDER).status == api_pb2.STATUS_FAILURE

    def test_a_run_that_reached_no_job_tells_nothing(self, machine: Machine, folder: TaskFolder) -> None:
        repo = repos.make(folder.root / "repo")
        repo.commit(start__py="")
        assert machine.run(task(folder, repo)).code != 0  # it has no configs/default.yaml
        assert not (folder.out_dir / "tensorboard" / "live_code" / "hparams").exists()

    def test_a_tensorboard_that_cannot_be_written_fails_no_run(self, machine: Machine, folder: TaskFolder) -> None:
        (folder.out_dir / "tensorboard").symlink_to(folder.out_dir / "nowhere")
        trained(machine, folder)

    @pytest.mark.slow
    def test_a_real_tensorboard_over_the_runs_folders_compares_their_commits(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        scores = {
            trained(machine, TaskFolder(tmp_path / str(score)), score, lr=2 * score): score for score in (0.25, 0.5)
        }
        with tensorboard_of(tmp_path) as ask:
            metrics = [one["name"] for one in ask("experiment", {"experimentName": ""})["metricInfos"]]
            wanted = {"experimentName": "", "startIndex": 0, "sliceSize": 10, "allowedStatuses": ["STATUS_SUCCESS"]}
            groups = ask("session_groups", {**wanted, "colParams": [{"metric": name} for name in metrics]})
        rows = {
            one["hparams"]["commit"]: (
                one["hparams"]["lr"],
                {metric["name"]["tag"]: metric["value"] for metric in one["metricValues"]},
            )
            for one in groups["sessionGroups"]
        }
        assert rows == {commit[:12]: (2 * score, {"result/mAP": score}) for commit, score in scores.items()}


@contextmanager
def tensorboard_of(folder: Path) -> Iterator[Callable[[str, dict[str, Any]], dict[str, Any]]]:
    """A real tensorboard over a folder that is there, and what its HPARAMS view asks it."""
    port = ports.free()
    argv = [Path(sys.executable).parent / "tensorboard", "--logdir", folder, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:

        def ask(route: str, body: dict[str, Any]) -> dict[str, Any]:
            address = f"http://127.0.0.1:{port}/data/plugin/hparams/{route}"
            request = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urlopen(request, timeout=30) as answer:
                return dict(json.load(answer))

        try:
            ports.wait_for(port, server, 60)
            until = time.monotonic() + 60
            while not ask("experiment", {"experimentName": ""}).get("hparamInfos"):  # it reads the folder meanwhile
                assert time.monotonic() < until, "tensorboard found no runs"
                time.sleep(0.2)
            yield ask
        finally:
            server.terminate()
