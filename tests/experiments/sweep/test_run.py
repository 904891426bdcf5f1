"""`live-code sweep run` on this machine: real commits, real runs, what is kept, tried again and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_code.commands import cli
from live_code.errors import ConfigError
from live_code.experiments.sweep import local_engine
from live_code.experiments.sweep.local_engine import Machine
from live_code.experiments.sweep.spec import Resources
from live_code.tools.processes import proctree
from tests.support import sweeps
from tests.support.sweeps import Stage, records, sweep
from tests.support.waiting import until_there


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = sweeps.stage(tmp_path)
    made.commits([0.2, 0.8, 0.5])
    return made


def test_every_commit_is_run_with_every_setting_and_the_best_is_told(stage: Stage) -> None:
    stage.asks(commits={"last": 3}, matrix={"rate": [0.5, 1.0]})
    done = sweep(stage)
    assert done.returncode == 0, done.stderr
    found = {(one.commit, one.config["rate"]): one.metrics["mAP"] for one in records(stage)}
    assert sorted(found.values()) == pytest.approx([0.1, 0.2, 0.25, 0.4, 0.5, 0.8])
    lines = done.stdout.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("commit"))
    assert [line.split()[3:6] for line in lines[head + 1 : head + 4]] == [
        ["2", "0.8", "0.6"],
        ["2", "0.5", "0.375"],
        ["2", "0.2", "0.15"],
    ]
    assert lines[-1] == "6 runs: 6 done"
    assert done.stderr.count("] fetching ") == 1


@pytest.mark.slow
def test_run_again_does_only_what_is_missing_or_failed(stage: Stage) -> None:
    stage.asks(commits="main", matrix={"rate": [0.5, 1.0]}, include=[{"crash": True}])
    assert sweep(stage).returncode == 1
    before = {one.id: one.state for one in records(stage)}
    assert sorted(before.values()) == ["done", "done", "failed"]
    stage.asks(commits="main", matrix={"rate": [0.5, 0.7, 1.0]}, include=[{"crash": True}])
    again = sweep(stage)
    kept = {one.id for one in records(stage)} & set(before)
    assert kept == {run for run, state in before.items() if state == "done"}
    assert again.stdout.splitlines()[-1] == "4 runs: 3 done, 1 failed"


def test_one_bad_commit_fails_alone_and_the_end_says_why(stage: Stage) -> None:
    good = stage.repo.git("rev-parse", "HEAD")
    stage.asks(commits=[good, "f" * 40], matrix={"rate": [0.5]})
    done = sweep(stage)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 runs: 1 done, 1 failed"
    assert "fffffffffff" in done.stdout.splitlines()[-2]
    assert "source: " in done.stdout.splitlines()[-2]
    assert done.stdout.count("source: ") == 1
    assert Path(done.stdout.splitlines()[-2].split()[-1]).is_file()


def test_the_task_folder_is_linked_not_copied_and_its_config_replaced(stage: Stage) -> None:
    stage.asks(commits="main", set={"rate": 0.5})
    assert sweep(stage).returncode == 0
    (one,) = records(stage)
    assert (one.out.parent / "in" / "assets").readlink() == stage.root / "task" / "in" / "assets"
    assert (one.config["rate"], one.config["gpu_id"], one.config["class_names"]) == (0.5, "", ["a"])
    assert str(one.config["task_id"]).endswith(one.out.parent.name)


@pytest.mark.slow
def test_gpus_are_numbered_from_0_whichever_they_are(stage: Stage) -> None:
    stage.asks(commits="main", resources={"gpus": 2, "cpus": 0}, matrix={"rate": [0.5, 1.0]})
    done = sweep(stage, CUDA_VISIBLE_DEVICES="4,5,6,7,9")
    assert done.returncode == 0, done.stderr
    said = [(one.out / "live-code" / "job.log").read_text().splitlines()[0] for one in records(stage)]
    assert {line.split("gpu_id ")[1] for line in said} == {"0,1 devices 4,5", "0,1 devices 6,7"}


@pytest.fixture
def under_way(stage: Stage) -> Iterator[tuple[Stage, subprocess.Popen[str]]]:
    """A sweep of two quick runs that are done and two slow ones that are not."""
    stage.asks(commits="main", matrix={"sleep": [0, 0.01]}, include=[{"sleep": 60}, {"sleep": 61}], max_parallel=2)
    process = subprocess.Popen(
        sweeps.argv(stage), env=sweeps.environ(stage.root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until = time.monotonic() + 60
    while sorted(jobs_of(stage)) != ["done", "done", "running", "running"]:
        assert time.monotonic() < until, jobs_of(stage)
        time.sleep(0.05)
    yield stage, process
    process.kill()
    process.wait()


def jobs_of(stage: Stage) -> list[str]:
    """The states of the records of runs that have come to their job."""
    return [one.state for one in records(stage) if one.get("launch")]


def nothing_is_left(stage: Stage, seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while any(str(stage.root) in words for words in command_lines()):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def command_lines() -> list[str]:
    found = []
    for process in proctree.living(1):
        try:
            found.append(Path(f"/proc/{process.pid}/cmdline").read_text() + os.readlink(f"/proc/{process.pid}/cwd"))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_stops_its_jobs_and_goes_on_later(
    under_way: tuple[Stage, subprocess.Popen[str]], number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    stage, process = under_way
    process.send_signal(number)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "the same command goes on with what is missing" in said
    assert sorted(one.state for one in records(stage)) == ["done", "done", "failed", "failed"]
    assert {one.get("error", "kind") for one in records(stage)} == {None, "STOPPED"}
    assert cli.main(["sweep", "status", str(stage.root / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 runs: 2 done, 2 cut off"
    assert nothing_is_left(stage)


@pytest.mark.slow
def test_a_killed_driver_takes_its_jobs_along_and_the_next_runs_only_what_was_not_done(
    under_way: tuple[Stage, subprocess.Popen[str]],
) -> None:
    stage, process = under_way
    done = {one.id for one in records(stage) if one.state == "done"}
    process.kill()
    process.wait()
    assert nothing_is_left(stage)
    # the same sweep, the slow ones cut short: their ids are others, but the quick ones are the same
    stage.asks(commits="main", matrix={"sleep": [0, 0.01]}, include=[{"sleep": 0.02}], max_parallel=2)
    again = sweep(stage)
    assert again.returncode == 0, again.stderr
    assert done < {one.id for one in records(stage) if one.state == "done"}
    assert again.stdout.splitlines()[-1] == "3 runs: 3 done"


@pytest.mark.slow
def test_a_run_whose_process_is_killed_is_started_again(stage: Stage) -> None:
    stage.asks(commits="main", set={"sleep": 2})
    process = subprocess.Popen(sweeps.argv(stage), env=sweeps.environ(stage.root), stdout=subprocess.PIPE, text=True)
    runs = stage.root / "out" / "runs"
    until_there(runs, process)
    while not jobs_of(stage):
        time.sleep(0.05)
    first = records(stage)[0].id
    for child in proctree.living(process.pid):
        os.kill(child.pid, signal.SIGKILL)
    said = process.communicate(timeout=60)[0]
    assert said.splitlines()[-1] == "1 run: 1 done"
    assert records(stage)[0].id != first


@pytest.mark.slow
def test_what_may_pass_by_itself_is_tried_again_and_what_may_not_is_not(stage: Stage) -> None:
    """Both runs leave a mark each time: the one is killed from outside, the other has a mistake."""
    tries = stage.root / "tries"
    start = f"""
import os, signal
from ymir_exc.util import get_merged_config
cfg = get_merged_config()
open({str(tries)!r}, "a").write(cfg.param.how + "\\n")
os.kill(os.getpid(), signal.SIGKILL) if cfg.param.how == "killed" else 1 / 0
"""
    stage.repo.commit("Fail", start__py=start)
    stage.asks(commits="main", matrix={"how": ["killed", "mistaken"]}, retries=2)
    assert sweep(stage).returncode == 1
    assert sorted(tries.read_text().split()) == ["killed"] * 3 + ["mistaken"]


@pytest.mark.slow
def test_status_tells_of_a_sweep_that_others_run(
    under_way: tuple[Stage, subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    stage, process = under_way
    for words in ([str(stage.root / "out")], [str(stage.spec), "--out", str(stage.root / "out")]):
        assert cli.main(["sweep", "status", *words]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "4 runs: 2 done, 2 running"
    process.kill()
    process.wait()
    assert nothing_is_left(stage)


MACHINE = Machine(8, ("0", "1", "2", "3"), 16 << 30)


@pytest.mark.parametrize(
    ("wanted", "most", "slots"),
    [
        (Resources(), 0, ("",) * 8),
        (Resources(cpus=3), 0, ("", "")),
        (Resources(cpus=0.5), 3, ("",) * 3),
        (Resources(gpus=1), 0, ("0", "1", "2", "3")),
        (Resources(gpus=2), 0, ("0,1", "2,3")),
        (Resources(gpus=3), 0, ("0,1,2",)),
        (Resources(gpus=0.5), 0, ("0", "1", "2", "3") * 2),
        (Resources(memory=6 << 30), 0, ("", "")),
    ],
)
def test_a_machine_has_room_for_so_many(wanted: Resources, most: int, slots: tuple[str, ...]) -> None:
    assert local_engine.slots(MACHINE, wanted, most) == slots


@pytest.mark.parametrize("wanted", [Resources(gpus=5), Resources(cpus=9), Resources(memory=17 << 30)])
def test_a_run_that_has_no_room_at_all_is_refused(wanted: Resources) -> None:
    with pytest.raises(ConfigError, match="this machine has 8 cores, 4 GPUs and 16 GiB"):
        local_engine.slots(MACHINE, wanted, 0)


def test_a_secret_among_the_settings_is_not_told(stage: Stage) -> None:
    stage.asks(commits="main", set={"api_key": "hunter2hunter2"})
    done = sweep(stage)
    assert done.returncode == 0, done.stderr
    (one,) = records(stage)
    told = [done.stdout, done.stderr, *(path.read_text() for path in (stage.root / "out").rglob("*.json"))]
    assert all("hunter2" not in text for text in told)
    assert "hunter2hunter2" in (one.out.parent / "in" / "config.yaml").read_text()
