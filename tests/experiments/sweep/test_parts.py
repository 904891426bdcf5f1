"""What a machine does once for a sweep, and one run of it as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live_code.experiments.sweep import definition, node, outcome, process, task_folder
from live_code.stages.record import reading
from live_code.tools import store
from live_code.tools.git import repository
from live_code.tools.git.url import parse
from tests.support import sweeps, variables
from tests.support.sweeps import Stage
from tests.support.waiting import until_there


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return sweeps.stage(tmp_path)


def job_of(stage: Stage, **settings: object) -> task_folder.Job:
    sweep = definition.read(stage.asks(commits="main", set=settings), variables.read(sweeps.environ(stage.root)))
    return task_folder.job(sweep.base, sweep.plan.runs[0], 0)


def test_the_commits_of_a_sweep_are_fetched_at_once_but_those_that_are_not_there(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = stage.commits([0.1, 0.2, 0.3])
    known, url = variables.read(sweeps.environ(stage.root)), str(stage.repo.path)
    node.prepare(url, [ids[0], "f" * 40, *ids[1:], "e" * 40], known)
    here = repository.find(parse(url), store.find(known.store))
    assert [here.holds(commit) for commit in (*ids, "f" * 40, "e" * 40)] == [True, True, True, False, False]
    assert capsys.readouterr().err.count("fetching") == 1


def test_nothing_is_fetched_for_a_run_whose_commit_is_there(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    ids = stage.commits([0.1, 0.2])
    known, url = variables.read(sweeps.environ(stage.root)), str(stage.repo.path)
    node.prepare(url, ids, known)
    capsys.readouterr()
    node.prepare(url, [*ids, "f" * 40], known, wanted=ids[1])
    assert capsys.readouterr().err == ""


def test_a_run_that_is_started_twice_is_run_once(stage: Stage) -> None:
    stage.commits([0.5])
    job, folder = job_of(stage, sleep=0.5), stage.root / "run"
    both = [process.start(folder, job, variables.read(sweeps.environ(stage.root))) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert outcome.of(folder).state == outcome.DONE
    said = (folder / process.LOG).read_text()
    assert said.count("starting start.py") == 1
    assert "an earlier start of this run is coming to its end" in said


def test_a_run_ends_with_who_started_it(stage: Stage) -> None:
    stage.commits([0.5])
    job, folder = job_of(stage, sleep=60), stage.root / "run"
    code = (
        "import sys, json, os, time; from pathlib import Path; from live_code.tools import settings; "
        "from live_code.experiments.sweep import process; known = settings.read(os.environ); "
        "from live_code.experiments.sweep.task_folder import Job; given = json.load(sys.stdin); "
        "process.start(Path(sys.argv[1]), Job(**{**given, 'data': Path(given['data'])}), known); time.sleep(90)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], env=sweeps.environ(stage.root), stdin=subprocess.PIPE, text=True
    )
    assert starter.stdin is not None
    with starter.stdin:
        starter.stdin.write(sweeps.as_json(job))
    until_there(folder / "out" / "live-code" / "job.log", starter)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until = time.monotonic() + 30
    while outcome.of(folder).state == outcome.RUNNING and time.monotonic() < until:
        time.sleep(0.05)
    assert reading.read(folder / "out").get("error", "kind") == "STOPPED"


def test_variables_of_ray_do_not_reach_a_job() -> None:
    kept = process.variables(
        variables.read({"RAY_ADDRESS": "10.0.0.1:6379", "HOME": "/h", "LIVE_CODE_STORE": "/cache"})
    )
    assert kept == {"HOME": "/h", "LIVE_CODE_STORE": "/cache", "LIVE_CODE_WORKDIR": "/cache/work"}
    assert process.variables(variables.read({**os.environ, "LIVE_CODE_WORKDIR": "/w"}))["LIVE_CODE_WORKDIR"] == "/w"
