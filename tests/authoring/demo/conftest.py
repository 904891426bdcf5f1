"""The demo, played once for all tests and all of pytest's workers."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.demo_runs import Played, environ_of
from tests.support.standin import PROJECT, one_at_a_time


@pytest.fixture(scope="session")
def played(standin: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    # Workers have folders of their own below one that is theirs together.
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, log = shared / "demo", shared / "demo.log"
    with one_at_a_time(shared / "demo.lock"):
        if not log.exists():
            environ = {**os.environ, "LIVE_CODE_PYTHON": str(standin)}
            done = subprocess.run(
                [PROJECT / "scripts" / "demo", folder], env=environ, capture_output=True, text=True, timeout=600
            )
            log.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    code, _, output = log.read_text().partition("\n")
    assert code == "0", output
    return Played(folder, output, environ_of(folder, standin))
