"""Distributed jobs with the real torch, on CPUs: started by us or by the repo itself, and told of when a rank falls."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml

from tests.support import repos
from tests.support.machine import Ended, Machine, task
from tests.support.task_folder import TaskFolder

pytestmark = pytest.mark.slow

# Each rank learns from a part of its own; every one of them tries to write.
LEARN = """
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from ymir_exc import monitor
from ymir_exc import result_writer as rw
from ymir_exc.util import get_merged_config

cfg = get_merged_config()
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
inputs = torch.arange(8.0).reshape(8, 1) / 8
model = torch.nn.Linear(1, 1)
with torch.no_grad():
    model.weight.fill_(0.5), model.bias.fill_(0.0)
learning = DistributedDataParallel(model)
optimizer = torch.optim.SGD(learning.parameters(), lr=0.1)
mine = inputs[rank::size]
for step in range(3):
    optimizer.zero_grad()
    ((learning(mine) - 3 * mine - 1) ** 2).mean().backward()
    optimizer.step()
    monitor.write_monitor_logger(percent=0.1 * (rank + 1))
print(f"weight {model.weight.item():.6f} of {size}", flush=True)
torch.save(model.state_dict(), f"{cfg.ymir.output.models_dir}/rank{rank}.pt")
dist.barrier()
rw.write_model_stage(stage_name=f"by_rank{rank}", files=[f"rank{rank}.pt"], mAP=0.1 * (rank + 1))
dist.destroy_process_group()
"""

FALL = """
import os, signal, sys, time
import torch
import torch.distributed as dist
from ymir_exc.util import get_merged_config

param = get_merged_config().param
dist.init_process_group("gloo")
shared = torch.ones(1)
dist.all_reduce(shared)
print("all are here:", shared.item(), flush=True)
if dist.get_rank() == 1:
    exec(param.fall)
if param.get("hang"):
    time.sleep(600)
dist.all_reduce(shared)
"""

# As most published repos do it.
BY_ITSELF = """
import subprocess, sys
from ymir_exc.util import get_merged_config
launcher = get_merged_config().param.by.split()
words = [sys.executable if word == "python3" else word for word in launcher]
subprocess.run([*words, "train.py"], check=True)
"""
SPAWN = """
import os
import torch.multiprocessing as mp
def work(rank):
    os.environ["RANK"] = str(rank)
    if rank == 1: raise ValueError("bad batch")
if __name__ == "__main__":
    mp.spawn(work, nprocs=2)
"""
FILES = {"configs___default__yaml": "nproc_per_node: 3\n", "live-code__yaml": "launcher: torchrun\n"}


def play(machine: Machine, folder: TaskFolder, standin: Path, files: dict[str, str], **config: object) -> Ended:
    repo = repos.make(folder.root / "repo")
    repo.commit(**{**FILES, **files})
    return machine.run(task(folder, repo, **config), LIVE_CODE_PYTHON=str(standin))


def weight_alone() -> float:
    """What one process learns from all the data: what the ranks together have to learn."""
    inputs, weight, bias = [number / 8 for number in range(8)], 0.5, 0.0
    for _ in range(3):
        errors = [weight * x + bias - 3 * x - 1 for x in inputs]
        slope = sum(2 * error * x for error, x in zip(errors, inputs, strict=True)) / 8
        weight, bias = weight - 0.1 * slope, bias - 0.1 * sum(2 * error for error in errors) / 8
    return weight


@pytest.fixture(scope="module")
def ended(machine: Machine, standin: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = TaskFolder(tmp_path_factory.mktemp("task"))
    folder.in_dir.mkdir()
    folder.out_dir.mkdir()
    return play(machine, folder, standin, {"start__py": LEARN}, nproc_per_node=4)


class TestStartedByTorchrun:
    def test_the_ranks_learn_together_what_one_would_alone(self, ended: Ended) -> None:
        assert ended.code == 0, ended.stderr
        assert sorted(ended.stdout.splitlines()) == [f"[rank{n}]:weight {weight_alone():.6f} of 4" for n in range(4)]

    def test_each_line_of_the_log_names_its_rank(self, ended: Ended) -> None:
        lines = (ended.folder.out_dir / "live-code/job.log").read_text().splitlines()
        assert {line.split(":")[0] for line in lines if "weight" in line} == {f"[rank{n}]" for n in range(4)}

    def test_what_they_say_is_kept_in_no_file_that_has_no_quota(self, ended: Ended) -> None:
        files = [path for path in (ended.folder.out_dir / "live-code/ranks").rglob("*") if path.is_file()]
        assert [path.name for path in files if b"weight" in path.read_bytes()] == []

    def test_only_the_first_writes_progress_and_results(self, ended: Ended) -> None:
        results = yaml.safe_load((ended.folder.out_dir / "models/result.yaml").read_text())
        assert list(results["model_stages"]) == ["by_rank0"]
        assert ended.monitor.percent == 1.0


class TestARankThatFalls:
    """The others wait in an all_reduce, which tells them that their peer is gone, or in what tells nothing."""

    @pytest.mark.parametrize("hang", ["", "yes"], ids=["all_reduce", "hanging"])
    @pytest.mark.parametrize(
        ("fall", "kind", "said"),
        [
            ("raise ValueError('bad batch')", "EXCEPTION", "rank 1: ValueError: bad batch"),
            ("os.kill(os.getpid(), signal.SIGKILL)", "KILLED", "rank 1 was killed by SIGKILL"),
            ("os._exit(7)", "JOB_FAILED", "rank 1 ended with exit code 7"),
        ],
        ids=["exception", "SIGKILL", "exit"],
    )
    def test_is_the_cause_and_the_others_are_ended(
        self, machine: Machine, folder: TaskFolder, standin: Path, fall: str, kind: str, said: str, hang: str
    ) -> None:
        started = time.monotonic()
        ended = play(machine, folder, standin, {"start__py": FALL}, fall=fall, hang=hang)
        assert (ended.code, ended.record["error"]["kind"]) == (1, kind), ended.stderr
        assert said in ended.monitor.message
        assert time.monotonic() - started < 60

    def test_is_told_by_its_own_last_words(self, machine: Machine, folder: TaskFolder, standin: Path) -> None:
        fall = "print('CUDA error: out of memory', flush=True); time.sleep(1); os.abort()"
        ended = play(machine, folder, standin, {"start__py": FALL}, fall=fall)
        assert ended.monitor.return_code == 300103
        assert "rank 1: CUDA error: out of memory" in ended.monitor.message


class TestStartedByTheRepo:
    OWN = {"start__py": BY_ITSELF, "train__py": FALL, "live-code__yaml": "{}\n"}

    @pytest.mark.parametrize(
        "by", ["torchrun --nproc_per_node=2", "python3 -m torch.distributed.launch --nproc_per_node=2"]
    )
    @pytest.mark.parametrize(
        ("fall", "said"),
        [("raise ValueError('bad batch')", "rank 1: ValueError: bad batch"), ("os._exit(7)", "rank 1 ended with")],
        ids=["exception", "exit"],
    )
    def test_a_rank_that_falls_is_known(
        self, machine: Machine, folder: TaskFolder, standin: Path, by: str, fall: str, said: str
    ) -> None:
        ended = play(machine, folder, standin, self.OWN, fall=fall, by=by)
        assert said in ended.monitor.message, ended.stderr

    def test_processes_that_torch_spawned_say_why(self, machine: Machine, folder: TaskFolder, standin: Path) -> None:
        ended = play(machine, folder, standin, {"start__py": SPAWN, "live-code__yaml": "{}\n"})
        assert re.search(r"ValueError: bad batch \(start.py:\d+\)\.", ended.monitor.message), ended.stderr


def test_a_container_whose_name_leads_nowhere_has_ranks_all_the_same(
    machine: Machine, folder: TaskFolder, standin: Path
) -> None:
    repo = repos.make(folder.root / "repo")
    repo.commit(**{**FILES, "start__py": LEARN})
    own_name = ("unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname nowhere-at-all; exec "$@"', "sh")
    ended = machine.run(task(folder, repo), *own_name, LIVE_CODE_PYTHON=str(standin))
    assert ended.code == 0, ended.stderr
