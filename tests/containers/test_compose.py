"""compose.yaml: its two services, started with what it says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from live_code.authoring.demo import compose
from live_code.authoring.demo.task_folder import Pin
from tests.support.containers import tasks
from tests.support.containers.engine import ROOT, Container
from tests.support.servers.repos import Repo

pytestmark = pytest.mark.slow
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
STARTS = "from ymir_exc import result_writer\nresult_writer.write_infer_result({})\n"


def test_a_run_fetches_its_commit_from_the_git_service(torch: Container, tmp_path: Path) -> None:
    served = tmp_path / "served"
    commit = Repo(served / "torch-detector.git").commit({"start.py": STARTS})
    folder = tasks.plain(tmp_path / "task", Pin(compose.URL, commit, ""))
    service = torch.with_options(f"-v{served}:/repos:ro")
    with service.started(*SERVICES["git"]["command"]) as git:
        address = torch.engine("inspect", "--format", "{{.NetworkSettings.IPAddress}}", git).stdout.strip()
        ended = torch.with_options(*folder.options(), f"--add-host=git:{address}").run()
    assert ended.code == 0, ended.stderr


def test_what_the_run_mounts_is_what_the_script_makes() -> None:
    assert SERVICES["run"]["volumes"][:2] == ["./.compose/in:/in:ro", "./.compose/out:/out"]
    assert ".compose" in (ROOT / "scripts" / "compose-task").read_text()
