"""What ends a container before its task is done: docker stop, the memory limit, a repo that does not fit the image."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code.authoring.demo.dataset import Dataset
from live_code.authoring.demo.task_folder import Pin
from live_code.job.ymir_exc import protocol
from tests.containers.conftest import GitHost
from tests.support.containers import tasks
from tests.support.containers.engine import Container
from tests.support.containers.tasks import Folder

pytestmark = pytest.mark.slow
ALONE = "23456:23456"  # a user that no other test's containers have
STAGE_THEN_MEMORY = """\
import pathlib
from ymir_exc import result_writer
from ymir_exc.util import get_merged_config
models = pathlib.Path(get_merged_config().ymir.output.models_dir, "epoch1")
models.mkdir(parents=True, exist_ok=True)
(models / "epoch1.pt").write_bytes(b"weights")
result_writer.write_model_stage("epoch1", ["epoch1.pt"], evaluation_result={"mAP": 0.25})
hoard = []
while True:
    hoard.append(bytearray(b"x" * (8 << 20)))
"""


@pytest.fixture(scope="module")
def container(torch: Container, git_host: GitHost, warm: str) -> Container:
    return torch.with_options(*git_host.options, f"-v{warm}:/cache")


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def processes_of(user: str) -> list[str]:
    uid = user.split(":")[0]
    found = []
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if f"\nUid:\t{uid}\t" in text:
            found.append(text.splitlines()[0])
    return found


@pytest.fixture(scope="module")
def stopped(
    container: Container, example: Callable[[str], Pin], data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Folder, str]:
    """A training that was stopped in its second epoch, and the container's state at the end."""
    folder = tasks.training(tmp_path_factory.mktemp("stopped"), data, example("torch"), ALONE)
    folder.set(epochs="10000", evaluate_every="10000", export_onnx="False")
    log = folder.out / "live-code" / "job.log"
    with container.with_options(*folder.options(ALONE)).started() as name:
        wait_for(lambda: log.exists() and "epoch 1/" in log.read_text())
        container.engine("stop", "--time", "30", name)
        state = container.engine("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip()
        assert processes_of(ALONE) == []
    return folder, state


def test_docker_stop_lets_the_job_write_its_last_stage(stopped: tuple[Folder, str]) -> None:
    folder, _ = stopped
    assert len(folder.result()["model_stages"]) == 1
    assert all(path.stat().st_size > 0 for path in folder.best_files())


def test_docker_stop_is_told_to_the_platform(stopped: tuple[Folder, str]) -> None:
    folder, code = stopped
    monitor = folder.monitor()
    assert (code, monitor.state) == ("143", protocol.STATE_ERROR)
    assert "SIGTERM" in monitor.message


def test_a_stopped_training_can_be_gone_on_with(
    container: Container, stopped: tuple[Folder, str], example: Callable[[str], Pin], data: Dataset, tmp_path: Path
) -> None:
    folder = tasks.training(tmp_path, data, example("torch"))
    (tmp_path / "in" / "models").mkdir()
    for path in stopped[0].best_files():
        (tmp_path / "in" / "models" / path.name).write_bytes(path.read_bytes())
    models = [f"/in/models/{path.name}" for path in stopped[0].best_files()]
    folder.set(epochs="1", export_onnx="False", pretrained_model_params=models)
    ended = container.with_options(*folder.options()).run()
    assert ended.code == 0, ended.stderr
    assert f"finetuning {models[0]}" in ended.stdout


def test_a_job_that_is_killed_for_memory_is_told_of_as_such_and_its_stages_count(
    container: Container, git_host: GitHost, data: Dataset, tmp_path: Path
) -> None:
    pin = git_host.pin("hoarder", {"start.py": STAGE_THEN_MEMORY})
    folder = tasks.training(tmp_path, data, pin)
    limits = ("--memory=300m", "--memory-swap=300m")
    ended = container.with_options(*folder.options(), *limits).run()
    assert ended.code == 137, ended.stderr
    assert folder.monitor().return_code == protocol.CODE_OUT_OF_MEMORY
    assert container.with_options(*folder.options()).run("live-code", "verify").code == 0


def test_a_repo_that_wants_another_torch_is_refused_and_the_image_stays_as_it_is(
    container: Container, git_host: GitHost, tmp_path: Path
) -> None:
    pin = git_host.pin("old-torch", {"start.py": "print('never')", "requirements.txt": "torch==1.13.1\n"})
    folder = tasks.plain(tmp_path, pin)
    with container.with_options(*folder.options()).started() as name:
        assert container.engine("wait", name).stdout.strip() == "1"
        changed = container.engine("diff", name).stdout.splitlines()
    message = folder.monitor().message
    assert "torch" in message
    assert "allow_framework_override" in message
    assert [
        line for line in changed if not line[2:].startswith(("/app", "/tmp", "/run", "/in", "/out", "/cache"))
    ] == []
