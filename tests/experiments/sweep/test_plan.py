"""`live-code sweep plan`: commits of a real repository, a task folder, and what would be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from live_code.commands import cli
from live_code.errors import LiveCodeError
from live_code.experiments.sweep import commits, definition
from live_code.experiments.sweep.spec import Selector
from live_code.tools.store import Store
from tests.support import repos, sweeps, variables
from tests.support.sweeps import Stage


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[repos.Repo, dict[str, str]]:
    """main: one - two - three - a merge of side (which has other) - four; tags on two and four."""
    repo = repos.make(tmp_path_factory.mktemp("past") / "repo")
    ids = {name: repo.commit(f"Commit {name}", file=name) for name in ("one", "two", "three")}
    repo.git("tag", "v1.0", ids["two"])
    repo.git("switch", "-qc", "side", ids["two"])
    ids["other"] = repo.commit("Commit other", other="other")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    ids["merge"] = repo.git("rev-parse", "HEAD")
    ids["four"] = repo.commit("Commit four", file="four")
    repo.git("tag", "-a", "-m", "Tag", "v1.10", ids["four"])
    repo.git("tag", "v1.9", ids["three"])
    repo.git("tag", "old", ids["one"])
    return repo, ids


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (Selector("revision", "main~1"), "merge"),
        (Selector("revision", "v1.10"), "four"),
        (Selector("range", "main~2..main"), "other merge four"),
        (Selector("range", "v1.0..v1.9"), "three"),
        (Selector("last", "HEAD", 3), "three merge four"),
        (Selector("last", "side", 9), "one two other"),
        (Selector("tags", "v1.*"), "two three four"),
    ],
)
def test_commits_are_found_from_the_oldest_to_the_newest(
    past: tuple[repos.Repo, dict[str, str]], selector: Selector, names: str, tmp_path: Path
) -> None:
    repo, ids = past
    found = commits.resolve([selector], str(repo.path), Store(tmp_path), variables.git())
    assert [one.id for one in found] == [ids[name] for name in names.split()]


def test_a_commit_is_told_by_its_subject_and_what_it_was_called(
    past: tuple[repos.Repo, dict[str, str]], tmp_path: Path
) -> None:
    asked = [Selector("tags", "v1.9"), Selector("range", "main~1..main")]
    found = commits.resolve(asked, str(past[0].path), Store(tmp_path), variables.git())
    assert [(one.name, one.subject) for one in found] == [("v1.9", "Commit three"), ("", "Commit four")]


def test_a_commit_that_is_meant_twice_comes_once(past: tuple[repos.Repo, dict[str, str]], tmp_path: Path) -> None:
    repo, ids = past
    asked = [Selector("revision", ids["four"]), Selector("last", "main", 2)]
    found = commits.resolve(asked, str(repo.path), Store(tmp_path), variables.git())
    assert [one.id for one in found] == [ids["four"], ids["merge"]]


def test_full_ids_need_no_repository(tmp_path: Path) -> None:
    asked = [Selector("revision", "A" * 40), Selector("revision", "b" * 40)]
    found = commits.resolve(asked, "https://nowhere.invalid/r", Store(tmp_path), variables.git({}))
    assert [one.id for one in found] == ["a" * 40, "b" * 40]


@pytest.mark.parametrize(
    "selector", [Selector("revision", "nothing"), Selector("range", "no..main"), Selector("tags", "x*")]
)
def test_what_is_not_there_is_named(
    past: tuple[repos.Repo, dict[str, str]], selector: Selector, tmp_path: Path
) -> None:
    with pytest.raises(LiveCodeError, match="has no"):
        commits.resolve([selector], str(past[0].path), Store(tmp_path), variables.git())


@pytest.mark.parametrize("text", ["mian", "mian~1", "main~1..mian"])
def test_of_a_name_that_is_not_there_the_near_ones_are_told(
    past: tuple[repos.Repo, dict[str, str]], text: str, tmp_path: Path
) -> None:
    selector = Selector("range" if ".." in text else "revision", text)
    with pytest.raises(LiveCodeError, match=r"has no '[^ ]+'\. Is it 'main'\? Check the name") as told:
        commits.resolve([selector], str(past[0].path), Store(tmp_path), variables.git())
    assert "fatal" not in str(told.value)


def test_the_standing_of_a_sweep_that_was_not_run_names_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sweep", "status", str(tmp_path)]) == 1
    said = f"no sweep was run in {tmp_path} yet. Start one: live-code sweep run SPEC --out {tmp_path}\n"
    assert capsys.readouterr().err.endswith(said)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("LIVE_CODE_STORE", str(tmp_path / "store"))
    made = sweeps.stage(tmp_path)
    made.commits([0.2, 0.4, 0.6])
    return made


def planned(stage: Stage, **values: Any) -> definition.Sweep:
    return definition.read(stage.asks(**{"commits": "main~2..main", **values}), variables.read())


def test_the_plan_is_shown(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    spec = stage.asks(commits="main~2..main", matrix={"rate": [0.1, 0.2]}, set={"sleep": 0})
    assert cli.main(["sweep", "plan", str(spec)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "commit", "what", "rate"]
    assert [line.split()[-1] for line in lines[1:5]] == ["0.1", "0.2", "0.1", "0.2"]
    assert "Gain 0.4" in lines[1]
    assert lines[-1] == "4 runs of 2 commits"


def test_the_plan_is_there_for_programs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", "plan", str(stage.asks(commits="main", matrix={"rate": [0.5]})), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(run["name"], run["params"]) for run in told["runs"]] == [("main", {"rate": 0.5})]


def test_a_mistake_ends_in_one_line(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", "plan", str(stage.asks(commits="main", martix={}))]) == 1
    assert capsys.readouterr().err.endswith("sweep.yaml:3: 'martix' is not known. Is it 'matrix'?\n")


def test_other_data_makes_other_runs_but_other_resources_do_not(stage: Stage) -> None:
    before = planned(stage).plan.runs
    assert planned(stage, resources={"gpus": 2}, retries=3).plan.runs == before
    (stage.root / "task" / "in" / "assets" / "b.jpg").write_text("another picture")
    assert {run.id for run in planned(stage).plan.runs}.isdisjoint(run.id for run in before)


def test_a_task_without_repository_is_refused(stage: Stage) -> None:
    (stage.root / "task" / "in" / "config.yaml").write_text("epochs: 3\n")
    with pytest.raises(LiveCodeError, match="has no git_url"):
        planned(stage)


def test_a_key_that_nothing_knows_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVE_CODE_STORE", str(tmp_path / "store"))
    stage = sweeps.stage(tmp_path)
    stage.commits([0.5, 0.6])
    spec = stage.asks(commits=["main~1..main"], matrix={"slep": [0], "rate": [0.1]}, set={"max_duration_s": 9})
    assert cli.main(["sweep", "plan", str(spec)]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "neither" in line]
    assert len(told) == 1
    assert "slep is neither in the task's config.yaml nor in the code_config of the commits; is it sleep?" in told[0]
