"""Where a run puts its work tree, and an /out that was used before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import repos
from tests.support.machine import Ended, Machine, task
from tests.support.task_folder import TaskFolder

# /app and /img-man belong to the machine that runs the tests: the same program, which looks for them elsewhere.
ELSEWHERE = """
import sys
from pathlib import Path
from live_code.tools.machine import container
from live_code.stages.code import workplace
workplace.IMAGE_WORKDIR, container.FORMS = Path(sys.argv[1], "app"), Path(sys.argv[1], "img-man")
from live_code.commands.cli import main
sys.exit(main(sys.argv[2:]))
"""


class TestWhereTheWorkTreeGoes:
    @pytest.fixture
    def app(self, tmp_path: Path) -> Path:
        (tmp_path / "app").mkdir()
        return tmp_path / "app"

    def run(self, machine: Machine, asked: TaskFolder, app: Path, **environ: str) -> Ended:
        given = {**machine.environ, "LIVE_CODE_ALLOW_LOCAL": "1", **environ}
        if not environ:
            del given["LIVE_CODE_WORKDIR"]
        argv = [sys.executable, "-c", ELSEWHERE, str(app.parent), *machine.argv(asked)[3:]]
        done = subprocess.run(argv, env=given, capture_output=True, text=True, timeout=120, check=False)
        return Ended(done.returncode, done.stdout, done.stderr, asked)

    def test_in_an_image_it_is_app(self, machine: Machine, folder: TaskFolder, repo: repos.Repo, app: Path) -> None:
        (app.parent / "img-man").mkdir()
        assert self.run(machine, task(folder, repo), app).record["checkout"]["place"] == str(app)
        assert (app / "start.py").is_file()

    def test_a_persons_own_app_is_left_alone(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo, app: Path
    ) -> None:
        ended = self.run(machine, task(folder, repo), app)
        assert ended.code == 0, ended.stderr
        assert Path(ended.record["checkout"]["place"]).parent == machine.root / "store" / "work"
        assert list(app.iterdir()) == []

    def test_an_app_with_files_in_it_is_refused_with_the_way_on(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo, app: Path, tmp_path: Path
    ) -> None:
        (app.parent / "img-man").mkdir()
        (app / "thesis.tex").write_text("dear")
        ended = self.run(machine, task(folder, repo), app)
        assert ended.code == 1
        assert "name another folder: LIVE_CODE_WORKDIR=DIR." in ended.stderr
        assert self.run(machine, task(folder, repo), app, LIVE_CODE_WORKDIR=str(tmp_path / "other")).code == 0
        assert (app / "thesis.tex").read_text() == "dear"


class TestAnOutThatWasUsedBefore:
    WRITES_NOTHING = "print('nothing')\n"

    @pytest.mark.parametrize(
        ("on", "file"), [("training", "models/result.yaml"), ("mining", "result.tsv"), ("infer", "infer-result.json")]
    )
    def test_results_of_an_earlier_run_are_none_of_this_one(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo, tmp_path: Path, on: str, file: str
    ) -> None:
        assert machine.run(task(folder, repo, on=on)).code == 0
        silent = repos.make(tmp_path / "silent")
        silent.commit(start__py=self.WRITES_NOTHING, configs___default__yaml="epochs: 7\n")
        ended = machine.run(task(folder, silent, on=on))
        assert ended.code != 0
        assert f"{file} is from an earlier run; this job wrote none" in ended.stderr
        assert "results" not in ended.record

    @pytest.mark.parametrize("on", ["training", "mining"])
    def test_a_job_that_writes_the_same_again_has_written_it(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo, on: str
    ) -> None:
        for _ in range(2):
            assert machine.run(task(folder, repo, on=on)).code == 0

    def test_stages_that_were_there_before_are_not_counted_and_told_of(
        self, machine: Machine, folder: TaskFolder, repo: repos.Repo, tmp_path: Path
    ) -> None:
        assert machine.run(task(folder, repo)).code == 0
        other = repos.make(tmp_path / "other")
        start = repos.CLASSIC_START.replace("epoch1", "other").replace("mAP=0.5", "mAP=0.3")
        other.commit(start__py=start, configs___default__yaml="epochs: 7\n")
        ended = machine.run(task(folder, other))
        assert ended.code == 0
        assert "keeps stages of an earlier run, which are not counted here: epoch1." in ended.stderr
        assert [stage["name"] for stage in ended.record["results"]["stages"]] == ["other"]
        assert ended.record["results"]["best_stage"] == "other"

    def test_an_attempt_may_build_on_what_the_one_before_it_left(
        self, machine: Machine, folder: TaskFolder, tmp_path: Path
    ) -> None:
        made = repos.make(tmp_path / "twice")
        only_once = (
            "import os\nmark = os.environ['LIVE_CODE_CONFIG'] + '.again'\n"
            "if os.path.exists(mark):\n    raise SystemExit(0)\nopen(mark, 'w')\n"
        )
        start = only_once + repos.CLASSIC_START + "raise ConnectionError('gone')\n"
        made.commit(start__py=start, configs___default__yaml="epochs: 7\n")
        ended = machine.run(task(folder, made, retries=1))
        assert ended.code == 0, ended.stderr
        assert len(ended.record["job"]) == 2
        assert [stage["name"] for stage in ended.record["results"]["stages"]] == ["epoch1"]
