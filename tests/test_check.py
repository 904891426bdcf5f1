"""`live-code check`: small repos, each with one thing in it that fails or may fail, and what is said of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code import check, cli, interpreter
from live_code.check import sdk
from live_code.check.finding import MAY_FAIL, NOTE, WILL_FAIL, Finding
from live_code.errors import ConfigError, InterpreterError
from tests import images
from tests.workshop import Workshop

PROJECT = Path(__file__).parents[1]
IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
RESULTS = "from ymir_exc.result_writer import *\nwrite_model_stage, write_mining_result, write_infer_result\n"
CONFIGURED = {"live-code.yaml": "code_config: c.yaml\n", "c.yaml": "epochs: 3\n"}


class Repo(NamedTuple):
    root: Path
    environ: Mapping[str, str]

    def git(self, *words: str) -> str:
        argv = ["git", "-C", self.root, *IDENTITY, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, files: Mapping[str, str]) -> Repo:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def commit(self, files: Mapping[str, str]) -> Repo:
        self.write(files).git("add", "--all")
        self.git("commit", "-qm", "change")
        return self

    def check(self, python: Path = Path(sys.executable), revision: str = "") -> list[Finding]:
        """But for results, which few of these small repos write."""
        return but(self.check_all(python, revision), "no-result")

    def check_all(self, python: Path = Path(sys.executable), revision: str = "") -> list[Finding]:
        return check.examine(str(self.root), revision, check.Image(python), self.environ)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: what the Python of these tests has installed need not be asked for again and again."""
    return tmp_path_factory.mktemp("check-store")


@pytest.fixture
def repo(tmp_path: Path, store: Path) -> Repo:
    """A git repository with nothing in it, to be checked against the Python of these tests."""
    (tmp_path / "repo").mkdir()
    made = Repo(tmp_path / "repo", {**os.environ, "LIVE_CODE_STORE": str(store)})
    made.git("init", "-q", "-b", "main")
    return made


def but(findings: list[Finding], *rules: str) -> list[Finding]:
    """Those of other rules."""
    return [one for one in findings if one.rule not in rules]


def brief(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.rule, one.place) for one in findings]


class TestEntrypoint:
    def test_a_start_py_and_a_code_config_are_all_it_takes(self, repo: Repo) -> None:
        assert repo.commit({"start.py": "print()\n", **CONFIGURED}).check() == []

    def test_the_classic_second_place_counts(self, repo: Repo) -> None:
        assert repo.commit({"ymir/start.py": "print()\n", **CONFIGURED}).check() == []

    def test_none_at_all_will_fail(self, repo: Repo) -> None:
        found = repo.commit({"main.py": "", **CONFIGURED}).check()
        assert brief(found) == [(WILL_FAIL, "entrypoint", "live-code.yaml")]
        assert "start.py" in found[0].remedy
        assert "like entrypoint: {training: main.py}" in found[0].remedy

    def test_one_that_names_no_file_will_fail_at_its_line(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: python3 go.py --fast\n"
        assert brief(repo.commit({**CONFIGURED, "live-code.yaml": settings}).check()) == [
            (WILL_FAIL, "entrypoint", "live-code.yaml:2")
        ]

    def test_tasks_that_live_code_yaml_leaves_out_are_noted(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: {training: train.py}\n"
        found = repo.commit({**CONFIGURED, "train.py": "", "live-code.yaml": settings}).check()
        assert brief(found) == [(NOTE, "entrypoint", "live-code.yaml")]
        assert "mining, infer" in found[0].what

    def test_a_module_of_the_repo_is_found(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: python3 -m tool.go\n"
        assert repo.commit({**CONFIGURED, "tool/go.py": "", "live-code.yaml": settings}).check() == []

    def test_a_module_that_is_missing_from_a_package_of_the_repo_will_fail(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: python3 -m tool.gone\n"
        found = repo.commit({**CONFIGURED, "tool/go.py": "", "live-code.yaml": settings}).check()
        assert brief(found) == [(WILL_FAIL, "entrypoint", "live-code.yaml:2")]

    def test_a_module_of_an_installed_package_is_left_alone(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: python3 -m torch.distributed.run train.py\n"
        assert repo.commit({**CONFIGURED, "train.py": "", "live-code.yaml": settings}).check() == []


class TestSettings:
    def test_an_unknown_key_will_fail_at_its_line(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "", "live-code.yaml": "code_config: c.yaml\nentry: x.py\n"}).check()
        assert (WILL_FAIL, "settings", "live-code.yaml:2") in brief(found)

    def test_of_settings_that_cant_be_read_nothing_is_guessed(self, repo: Repo) -> None:
        found = repo.commit({"main.py": "import cv2\n", "live-code.yaml": "code_config: c.yaml\nrequirements: [\n"})
        assert brief(found.check_all()) == [(WILL_FAIL, "settings", "live-code.yaml:3")]

    def test_an_unknown_launcher_will_fail(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nlauncher: mpirun\n"
        found = repo.commit({"start.py": "", **CONFIGURED, "live-code.yaml": settings}).check()
        assert brief(found) == [(WILL_FAIL, "launcher", "live-code.yaml:2")]

    def test_a_code_config_that_is_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "", "live-code.yaml": "code_config: c.yaml\n"}).write({"c.yaml": "epochs: 3\n"})
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "c.yaml")]

    def test_another_python_than_the_images_will_fail(self, repo: Repo) -> None:
        files = {"start.py": "", **CONFIGURED}
        found = repo.commit({**files, "live-code.yaml": "code_config: c.yaml\npython: '3.7'\n"}).check()
        assert brief(found) == [(WILL_FAIL, "python", "live-code.yaml:2")]

    def test_no_code_config_is_noted(self, repo: Repo) -> None:
        assert brief(repo.commit({"start.py": ""}).check()) == [(NOTE, "code-config", "the repo")]

    @pytest.mark.parametrize("name", ["missing.yaml", "../outside.yaml"])
    def test_a_code_config_that_is_no_file_of_the_repo_will_fail(self, name: str, repo: Repo) -> None:
        found = repo.commit({"start.py": "", "live-code.yaml": f"code_config: {name}\n"}).check()
        assert brief(found) == [(WILL_FAIL, "code-config", "live-code.yaml:1")]

    def test_a_code_config_that_is_no_yaml_will_fail_at_its_line(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "", **CONFIGURED, "c.yaml": "a: 1\nb: [1\n"}).check()
        assert found[0].rule == "code-config"
        assert found[0].file == "c.yaml"
        assert found[0].line >= 2
        assert found[0].severity == WILL_FAIL

    @pytest.mark.parametrize(
        ("key", "severity"),
        [("class_names: [a]", NOTE), ("model_params_path: [x.pt]", MAY_FAIL), ("retries: 3", MAY_FAIL)],
    )
    def test_a_key_that_is_not_the_repos_is_told(self, key: str, severity: str, repo: Repo) -> None:
        found = repo.commit({"start.py": "", **CONFIGURED, "c.yaml": f"epochs: 3\n{key}\n"}).check()
        assert brief(found) == [(severity, "reserved-key", "c.yaml:2")]


# One line of a start.py → what is said of it: severity and rule.
BAD: dict[str, tuple[str, str]] = {
    "import torch; torch.load('/app/weights.pt')": (MAY_FAIL, "fixed-path"),
    "import os; os.system('python3 go.py --weights=/app/a.pt')": (MAY_FAIL, "fixed-path"),
    "def f(a): g(f'cp -r {a} /root/x')": (MAY_FAIL, "fixed-path"),
    "open('/root/.cache/x')": (MAY_FAIL, "fixed-path"),
    "open('/home/me/data.txt')": (MAY_FAIL, "fixed-path"),
    "out = '/out/models'": (MAY_FAIL, "fixed-path"),
    "open('/in/config.yaml')": (MAY_FAIL, "fixed-path"),
    "import os; os.environ['CUDA_VISIBLE_DEVICES'] = '0,1'": (MAY_FAIL, "fixed-gpu"),
    "import os; os.environ.setdefault('CUDA_VISIBLE_DEVICES', '2')": (MAY_FAIL, "fixed-gpu"),
    "environ = {'CUDA_VISIBLE_DEVICES': '3'}": (MAY_FAIL, "fixed-gpu"),
    "import torch; torch.hub.load('a/b', 'c')": (MAY_FAIL, "download"),
    "from torchvision.models import resnet50; resnet50(pretrained=True)": (MAY_FAIL, "download"),
    "from transformers import AutoModel; AutoModel.from_pretrained('some/model')": (MAY_FAIL, "download"),
    "URL = 'https://host/a/weights.pth'": (MAY_FAIL, "download"),
    "import os; os.system('wget https://host/data')": (MAY_FAIL, "download"),
    "import os; os.system('pip install mmcv')": (MAY_FAIL, "install"),
    "def f(cfg): open(cfg.ymir.input.root_dir + '/x', 'w')": (WILL_FAIL, "write-to-input"),
    "import os\ndef f(cfg):\n d = os.path.join(cfg.ymir.input.root_dir, 'c'); os.makedirs(d)": (
        WILL_FAIL,
        "write-to-input",
    ),
    "from pathlib import Path\ndef f(cfg): (Path(cfg.ymir.input.models_dir) / 'x').write_text('')": (
        WILL_FAIL,
        "write-to-input",
    ),
    "import shutil\ndef f(cfg): shutil.copy('a', f'{cfg.ymir.input.assets_dir}/a')": (WILL_FAIL, "write-to-input"),
    "def f(:": (WILL_FAIL, "syntax"),
    "from ymir_exc import monitors": (WILL_FAIL, "sdk"),
    "from ymir_exc.util import get_merged_conf": (WILL_FAIL, "sdk"),
    "import ymir_exc.nothing": (WILL_FAIL, "sdk"),
    "from ymir_exc import monitor; monitor.write_log(0.5)": (WILL_FAIL, "sdk"),
    "from ymir_exc import monitor as m; m.write_monitor_logger(0.5, status=2)": (WILL_FAIL, "sdk"),
    "from ymir_exc.monitor import write_monitor_logger as w; w()": (WILL_FAIL, "sdk"),
    "from ymir_exc.env import DatasetType; DatasetType.TRAIN": (WILL_FAIL, "sdk"),
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], maP=0.5)": (WILL_FAIL, "sdk"),
    "from ymir_exc.result_writer import Box; Box(1, 2, 3)": (WILL_FAIL, "sdk"),
    "from ymir_exc.util import write_ymir_training_result as w; w(1, 2, 3, 4, 5, 6, 7, 8)": (WILL_FAIL, "sdk"),
    "from ymir_exc.dataset_convert import convert_ymir_to_voc": (WILL_FAIL, "sdk"),
    "def f(cfg): cfg.ymir.input.training_index": (WILL_FAIL, "sdk"),
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], {'acc': 1})": (WILL_FAIL, "metric"),
    "from ymir_exc.result_writer import write_model_stage as w; w('a', ['b'], evaluation_result={'top1': 1})": (
        WILL_FAIL,
        "metric",
    ),
    "from ymir_exc import result_writer as rw; rw.write_training_result('a', ['b'])": (WILL_FAIL, "metric"),
    "from ymir_exc.util import write_ymir_training_result as w; w(1, ['a'], 'b', evaluation_result={'x': 1})": (
        WILL_FAIL,
        "metric",
    ),
    "from ymir_exc import result_writer as rw; m = {'acc': 1}; rw.write_model_stage('a', ['b'], m)": (
        WILL_FAIL,
        "metric",
    ),
}
GOOD = [
    "'''Reads /in/config.yaml, as /app/x did.'''",
    "path = 'app/x', '/input/x', '/outer'",
    "print('see /in/config.yaml')",
    "import os\ndef f(cfg): os.environ['CUDA_VISIBLE_DEVICES'] = str(cfg.param.gpu_id)",
    "import os; os.environ['CUDA_VISIBLE_DEVICES'] = ''",
    "def f(cfg): open(cfg.ymir.input.config_file)",
    "def f(cfg): open(cfg.ymir.output.root_dir + '/x', 'w')",
    "import shutil\ndef f(cfg): shutil.copytree(cfg.ymir.input.assets_dir, cfg.ymir.output.root_dir)",
    "def f(x): x.from_pretrained('./weights')",
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], mAP=0.5)",
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], 0.5, 1663840020, {})",
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], evaluation_result={'mAP': 0.5})",
    "from ymir_exc import result_writer as rw; rw.write_model_stage('a', ['b'], {'mIoU': 0.5, 'acc': 1})",
    "from ymir_exc import result_writer as rw; m = {'acc': 1}; m['mAP'] = 1; rw.write_model_stage('a', ['b'], m)",
    "from ymir_exc import result_writer as rw\ndef f(k, m): rw.write_model_stage(**k), rw.write_model_stage(1, 2, m)",
    "from ymir_exc import result_writer as rw\ndef f(k, v): rw.write_model_stage('a', ['b'], evaluation_result={k: v})",
    "from ymir_exc.util import write_ymir_training_result as w; w(1, files=[], id='a')",
    "from ymir_exc import result_writer as rw; rw.write_training_result(['a'], mAP=0.5, classAPs={}, more=1)",
    "from ymir_exc.util import write_ymir_training_result as w; w(1, map50=0.5, files=[], id='a')",
    "from ymir_exc.util import write_ymir_training_result as w; w(1, files=[], id='a', evaluation_result={})",
    "from ymir_exc.util import convert_ymir_to_coco; convert_ymir_to_coco(cat_id_from_zero=True)",
    "from ymir_exc import monitor\ndef f(*a, **k): monitor.write_monitor_logger(*a, **k)",
    "from ymir_exc import monitor\nmonitor = object()\nmonitor.write_log",
    "try:\n from ymir_exc.old import thing\nexcept ImportError:\n thing = None",
    "import ymir_exc.dataset_reader as dr; dr.item_paths(dr.DatasetType.TRAINING)",
    "import ymir_exc.util; ymir_exc.util.get_bool({}, 'a', default_value=False)",
    "from ymir_exc.executor import Executor; Executor(apps={}).start()",
    "from ymir_exc import env; env.get_current_env().input.training_index_file",
    "from ymir_exc import dataset_reader as dr, env; list(dr.item_paths(dataset_type=env.DatasetType.TRAINING))",
    "from ymir_exc import monitor; monitor.write_monitor_logger(percent=0.5, state=monitor.TASK_STATE_RUNNING)",
    "from ymir_exc import result_writer as rw; rw.write_training_result(model_names=['a'], mAP=1, classAPs={})",
    "from ymir_exc import result_writer as rw; rw.Annotation(class_name='a', score=1, box=rw.Box(x=1, y=1, w=1, h=1))",
    "from ymir_exc.util import YmirStage, get_ymir_process as p; p(stage=YmirStage.TASK, p=0.5)",
    "from ymir_exc.util import write_ymir_monitor_process as w; w(1, task='training', naive_stage_percent=1, stage=1)",
    "from ymir_exc.code import ExecutorReturnCode, ExecutorState as S; S.ES_DONE, ExecutorReturnCode.RC_EXEC_NO_GPU",
    "from ymir_exc import settings; settings.DEFAULT_ENV_FILE_PATH = 'x'",
    "from ymir_exc.util import *",
]


class TestCode:
    @pytest.mark.parametrize("line", BAD)
    def test_what_will_or_may_fail_is_told_with_its_line(self, line: str, repo: Repo) -> None:
        found = but(repo.commit({"start.py": f"\n{line}\n", **CONFIGURED}).check(), "missing-module")
        assert [(one.severity, one.rule) for one in found] == [BAD[line]]
        assert found[0].file == "start.py"
        assert found[0].line == 1 + len(line.splitlines())
        assert found[0].what
        assert found[0].remedy

    @pytest.mark.parametrize("line", GOOD)
    def test_what_works_is_left_alone(self, line: str, repo: Repo) -> None:
        assert repo.commit({"start.py": f"{line}\n", **CONFIGURED}).check() == []

    def test_nothing_of_the_repo_is_run(self, repo: Repo, tmp_path: Path) -> None:
        trace = f"open({str(tmp_path / 'trace')!r}, 'w').close()\n"
        files = {"start.py": f"import other\n{trace}", "other.py": trace, "sitecustomize.py": trace, "yaml.py": trace}
        repo.commit({**files, **CONFIGURED}).check()
        assert not (tmp_path / "trace").exists()

    @pytest.mark.parametrize(
        ("start", "other"),
        [
            ("import lib.deep\n", "lib/deep.py"),
            ("from lib import deep\n", "lib/deep.py"),
            ("from lib.deep import thing\n", "lib/deep.py"),
            ("import subprocess; subprocess.run(['python3', 'go/train.py'])\n", "go/train.py"),
            ("import os; os.system('torchrun -m lib.deep')\n", "lib/deep.py"),
            ("from ymir_exc.executor import Executor; Executor().start()\n", "ymir/ymir_training.py"),
        ],
    )
    def test_code_that_the_entrypoint_leads_to_is_read(self, start: str, other: str, repo: Repo) -> None:
        found = repo.commit({"start.py": start, other: "X = '/app/x'\n", **CONFIGURED}).check()
        assert brief(found) == [(MAY_FAIL, "fixed-path", f"{other}:1")]

    @pytest.mark.parametrize(
        ("path", "remedy"),
        [
            ("/app/data/train", "dataset_reader.item_paths"),
            ("/home/me/datasets/coco", "dataset_reader.item_paths"),
            ("/in/annotations", "dataset_reader.item_paths"),
            ("/app/output/model.pt", "cfg.ymir.output.models_dir"),
            ("/root/data/checkpoints", "write_model_stage"),
            ("/out/models", "cfg.ymir.output.models_dir"),
            ("/app/lib", "relative to the repo's root"),
        ],
    )
    def test_the_remedy_for_a_fixed_path_is_for_what_it_holds(self, path: str, remedy: str, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": f"x = {path!r}\n", **CONFIGURED}).check()
        assert remedy in found.remedy

    def test_of_other_code_only_calls_of_the_sdk_are_told_and_as_what_may_fail(self, repo: Repo) -> None:
        other = "X = '/app/x'\nfrom ymir_exc import nothing\n"
        found = repo.commit({"start.py": "", "tools/other.py": other, **CONFIGURED}).check()
        assert brief(found) == [(MAY_FAIL, "sdk", "tools/other.py:2")]

    def test_a_shell_script_is_read_by_the_line(self, repo: Repo) -> None:
        script = "# /app is fine here\ncd /app\nCUDA_VISIBLE_DEVICES=1 python3 go.py\npip install mmcv\n"
        settings = "code_config: c.yaml\nentrypoint: run.sh\n"
        found = repo.commit({**CONFIGURED, "live-code.yaml": settings, "run.sh": script, "go.py": "x = 1\n"}).check()
        assert brief(found) == [
            (MAY_FAIL, "fixed-path", "run.sh:2"),
            (MAY_FAIL, "fixed-gpu", "run.sh:3"),
            (MAY_FAIL, "install", "run.sh:4"),
        ]

    def test_syntax_is_that_of_the_jobs_own_python(self, repo: Repo) -> None:
        repo.commit({"start.py": "match 1:\n    case 1: print()\n", **CONFIGURED})
        assert repo.check() == []
        old = images.base_python("3.8")
        environ = {**repo.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
        found = but(check.examine(str(repo.root), "", check.Image(old), environ), "no-result")
        assert ("will fail", "syntax", "start.py:1") in brief(found)
        assert "Python 3.8" in found[0].what


class TestSurface:
    def test_each_published_name_is_known(self) -> None:
        from tests.job.test_surface import NAMES

        known = sdk.surface()
        assert {f"{m}.{n}" for m, names in NAMES.items() for n in names.split() if n not in known[m]} == set()

    def test_each_published_argument_is_known(self) -> None:
        from tests.job.test_surface import ARGUMENTS

        for dotted, names in ARGUMENTS.items():
            module, _, function = dotted.rpartition(".")
            ways = sdk.surface()[module][function].signatures
            assert any(set(names.split()) <= {*way.names, *way.by_name} for way in ways), dotted

    @given(st.text(alphabet="abcxyz_=.()[]{}'\"\n :,*@#", max_size=80))
    def test_any_text_that_is_python_can_be_looked_at(self, text: str) -> None:
        try:
            parsed = ast.parse(f"from ymir_exc import monitor\n{text}")
        except (SyntaxError, ValueError):
            return
        assert all(finding.line for finding in (*sdk.examine("a.py", parsed), *check.code.examine("a.py", parsed)))


class TestResults:
    def test_a_repo_that_gives_none_will_fail(self, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": "print('trained')\n", **CONFIGURED}).check_all()
        assert (found.severity, found.rule) == (WILL_FAIL, "no-result")
        assert "training, mining, infer" in found.what
        assert "write_model_stage, write_mining_result, write_infer_result" in found.remedy

    def test_importing_the_sdk_is_not_enough(self, repo: Repo) -> None:
        start = "from ymir_exc.result_writer import write_model_stage\n# write_model_stage()\n"
        assert self.told(repo, {"start.py": start}) == [WILL_FAIL]

    @pytest.mark.parametrize(
        "start",
        [
            RESULTS,
            "import lib\n",
            "from ymir_exc import result_writer as rw\nfrom ymir_exc.result_writer import write_infer_result as w\n"
            "rw.write_training_result(); rw.write_mining_result(); w()\n",
            "def f(out): return out.training_result_file, out.mining_result_file, '/out/infer-result.json'\n",
        ],
    )
    def test_a_repo_that_gives_all_is_left_alone(self, start: str, repo: Repo) -> None:
        assert self.told(repo, {"start.py": start, "lib.py": RESULTS}) == []

    def test_a_repo_for_training_alone_that_does_not_say_so_may_fail(self, repo: Repo) -> None:
        start = "from ymir_exc import result_writer as rw\nrw.write_model_stage\n"
        repo.commit({"start.py": start, **CONFIGURED})
        (found,) = repo.check_all()
        assert found.severity == MAY_FAIL
        assert "mining, infer" in found.what
        assert "live-code.yaml" in found.remedy
        settings = "code_config: c.yaml\nentrypoint: {training: start.py}\n"
        assert brief(repo.commit({"live-code.yaml": settings}).check_all()) == [(NOTE, "entrypoint", "live-code.yaml")]

    def test_a_task_that_live_code_yaml_names_will_fail_without_its_own(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: {training: train.py, mining: mine.py, infer: start.py}\n"
        files = {"train.py": RESULTS, "mine.py": "", "start.py": RESULTS}
        assert self.told(repo, {**files, "live-code.yaml": settings}) == [MAY_FAIL]
        train = "from ymir_exc import result_writer as rw\nrw.write_model_stage, rw.write_infer_result\n"
        assert self.told(repo, {"train.py": train, "start.py": train, "live-code.yaml": settings}) == [WILL_FAIL]

    @pytest.mark.parametrize(
        "start", ["import subprocess; subprocess.run(cmd)\n", "import importlib; importlib.import_module(x).run()\n"]
    )
    def test_code_that_can_not_be_followed_may_give_one(self, start: str, repo: Repo) -> None:
        assert self.told(repo, {"start.py": start}) == [MAY_FAIL]

    def test_a_program_that_is_not_of_the_repo_is_left_alone(self, repo: Repo) -> None:
        settings = "code_config: c.yaml\nentrypoint: python3 -m tool.train\n"
        assert self.told(repo, {"live-code.yaml": settings}) == []

    def test_one_that_nothing_leads_to_is_named(self, repo: Repo) -> None:
        repo.commit({"start.py": "", "tools/go.py": RESULTS, **CONFIGURED})
        (found,) = repo.check_all()
        assert found.severity == MAY_FAIL
        assert "tools/go.py does, but nothing seen leads there" in found.what

    def told(self, repo: Repo, files: Mapping[str, str]) -> list[str]:
        return [one.severity for one in repo.commit({**CONFIGURED, **files}).check_all() if one.rule == "no-result"]


class TestParams:
    @pytest.mark.parametrize(
        "start", ["def f(cfg): return cfg.param.rate", "def f(self): return self.cfg.param['rate']"]
    )
    def test_one_that_only_the_form_can_give_may_fail(self, start: str, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": f"{start}\n", **CONFIGURED}).check()
        assert (found.severity, found.rule, found.place) == (MAY_FAIL, "unknown-param", "start.py:1")
        assert "must come from the form" in found.what

    @pytest.mark.parametrize(
        "start",
        [
            "def f(cfg): return cfg.param.epochs, cfg.param['epochs'], cfg.param.get('rate', 1), cfg.param.items()",
            "def f(cfg): return cfg.param.class_names, cfg.param.gpu_id, cfg.param.git_url",
            "def f(cfg):\n    cfg.param.rate = 1\n    return cfg.param.rate",
            "def f(cfg): return cfg.param.rate if 'rate' in cfg.param else 1",
            "def f(cfg): return cfg.param.rate if hasattr(cfg.param, 'rate') else 1",
            "def f(cfg):\n    try:\n        return cfg.param.rate\n    except AttributeError:\n        return 1",
            "def f(layer): return layer.param.rate",
        ],
    )
    def test_others_are_left_alone(self, start: str, repo: Repo) -> None:
        assert repo.commit({"start.py": f"{start}\n", **CONFIGURED}).check() == []

    def test_without_a_code_config_nothing_is_known(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "def f(cfg): return cfg.param.rate\n"}).check()
        assert brief(found) == [(NOTE, "code-config", "the repo")]


class TestModules:
    def test_a_module_that_nothing_provides_will_fail_and_the_remedy_names_its_package(self, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": "import os\nimport cv2\n", **CONFIGURED}).check()
        assert (found.severity, found.rule, found.place) == (WILL_FAIL, "missing-module", "start.py:2")
        assert "cv2" in found.what
        assert found.remedy == "Add opencv-python-headless to extra-requirements.txt."

    def test_it_is_told_once_at_its_surest_place(self, repo: Repo) -> None:
        files = {"start.py": "def f():\n    import cv2\nimport lib\n", "lib.py": "import cv2\n"}
        assert brief(repo.commit({**files, **CONFIGURED}).check()) == [(WILL_FAIL, "missing-module", "lib.py:1")]

    @pytest.mark.parametrize("start", ["import os\nos.system('python3 go.py')\n", "run(['python3', 'go.py'])\n"])
    def test_a_script_that_is_started_counts(self, start: str, repo: Repo) -> None:
        found = repo.commit({"start.py": start, "go.py": "import cv2\n", **CONFIGURED}).check()
        assert brief(found) == [(WILL_FAIL, "missing-module", "go.py:1")]

    @pytest.mark.parametrize(
        "start",
        [
            "def f():\n    import cv2\n",
            "import sys\nif sys.argv:\n    import cv2\n",
            "try:\n    import fast\nexcept ImportError:\n    import cv2\n",
            "# see tools/go.py\n",
            "try:\n    from tools import go\nexcept ImportError:\n    go = None\n",
        ],
    )
    def test_what_may_never_be_imported_may_fail(self, start: str, repo: Repo) -> None:
        found = repo.commit({"start.py": start, "tools/go.py": "import cv2\n", **CONFIGURED}).check()
        assert [(one.severity, one.rule) for one in found] == [(MAY_FAIL, "missing-module")]

    @pytest.mark.parametrize(
        "start",
        [
            "import os, sys, json, asyncio, _thread",
            "import yaml, easydict, numpy, PIL.Image",
            "try:\n    import cv2\nexcept ImportError:\n    cv2 = None",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cv2",
            "import ymir_exc",
            "from . import cv2",
            "import sys; sys.path.insert(0, 'third/lib'); import deep.other",
        ],
    )
    def test_what_the_image_or_the_repo_has_is_left_alone(self, start: str, repo: Repo) -> None:
        assert repo.commit({"start.py": f"{start}\n", "third/lib/deep/other.py": "", **CONFIGURED}).check() == []

    def test_a_framework_that_the_python_lacks_is_not_to_be_added(self, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": "import torch\n", **CONFIGURED}).check()
        assert found.severity == WILL_FAIL
        assert found.what == f"The image's Python ({sys.executable}) has no torch."
        assert "LIVE_CODE_PYTHON" in found.remedy
        assert "requirements" not in found.remedy

    @pytest.mark.parametrize("installed", ["Pillow", "pillow-simd"])
    def test_a_requirement_provides_its_modules(self, installed: str, shop: Workshop) -> None:
        shop.index.add(installed, "9.0")
        shop.write("import PIL\nimport six\n", "start.py").write(f"{installed}\n")
        assert self.missing(shop) == [(WILL_FAIL, "six")]

    def test_a_package_that_nobody_knows_may_bring_anything(self, shop: Workshop) -> None:
        shop.index.add("strange", "1.0", "stranger").add("stranger", "2.0")
        shop.write("import odd\nimport cv2\nimport stranger\n", "start.py").write("strange\n")
        assert self.missing(shop) == [(WILL_FAIL, "cv2"), (MAY_FAIL, "odd")]

    def test_a_wheel_that_was_unpacked_here_tells_its_modules(self, shop: Workshop) -> None:
        shop.index.add("strange", "1.0")
        shop.write("import odd\n", "start.py").write("strange\n")
        unpacked = shop.store.path("wheels") / "archive-v0" / "x"
        (unpacked / "strange-1.0.dist-info").mkdir(parents=True)
        (unpacked / "odd.py").touch()
        assert self.missing(shop) == []

    def test_requirements_that_were_not_resolved_leave_it_open(self, shop: Workshop) -> None:
        shop.write("import cv2\nimport tqdm\n", "start.py").write("tqdm\n")
        assert self.missing(shop, PIP_INDEX_URL="http://127.0.0.1:9/simple") == [(MAY_FAIL, "cv2")]

    def test_an_images_inventory_tells_what_is_in_it(self, shop: Workshop, tmp_path: Path) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.write("import torch\nimport json\nimport torchvision\n", "start.py")
        inventory = tmp_path / "image.json"
        with interpreter.SCRIPT.open() as script, inventory.open("w") as out:
            subprocess.run([shop.image.python, "-"], stdin=script, stdout=out, check=True)
        environ = {**shop.around, "LIVE_CODE_STORE": str(shop.store.root)}
        found = check.examine(str(shop.root), "", check.Image(inventory=inventory), environ)
        (told,) = [one for one in found if one.rule == "missing-module"]
        assert told.what == "The image's Python (image.json) has no torchvision."

    def missing(self, shop: Workshop, **environ: str) -> list[tuple[str, str]]:
        around = {**shop.around, "LIVE_CODE_STORE": str(shop.store.root), **environ}
        found = check.examine(str(shop.root), "", check.Image(shop.image.python), around)
        told = [(one.severity, re.search(r"module (\w+):", one.what)) for one in found if one.rule == "missing-module"]
        return [(severity, match[1] if match else "") for severity, match in told]


class TestGit:
    def test_a_needed_file_that_is_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "import lib\n", **CONFIGURED}).write({"lib.py": "", "notes.py": ""})
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "lib.py")]

    def test_changes_since_the_commit_are_noted(self, repo: Repo) -> None:
        repo.commit({"start.py": "", **CONFIGURED}).write({"start.py": "x = 1\n"})
        assert brief(repo.check()) == [(NOTE, "git", "the repo")]

    def test_a_folder_without_git_is_checked_all_the_same(self, tmp_path: Path, repo: Repo) -> None:
        plain = Repo(tmp_path / "plain", repo.environ).write({"start.py": "x = '/app/y'\n", **CONFIGURED})
        assert brief(plain.check()) == [(MAY_FAIL, "fixed-path", "start.py:1"), (NOTE, "git", "the repo")]

    def test_a_commit_is_checked_as_it_is_and_not_as_the_folder_stands(self, repo: Repo) -> None:
        repo.commit({"start.py": "x = '/app/y'\n", **CONFIGURED}).write({"start.py": ""})
        assert brief(repo.check(revision="main")) == [(MAY_FAIL, "fixed-path", "start.py:1")]
        url = f"file://{repo.root}"
        found = check.examine(url, repo.git("rev-parse", "HEAD"), check.Image(Path(sys.executable)), repo.environ)
        assert brief(but(found, "no-result")) == [(MAY_FAIL, "fixed-path", "start.py:1")]

    def test_an_address_without_a_revision_is_an_error(self, repo: Repo) -> None:
        with pytest.raises(ConfigError, match="no revision"):
            check.examine("https://host/repo", "", check.Image(), repo.environ)

    def test_submodules_are_noted_and_may_fail_when_they_want_a_key(self, repo: Repo) -> None:
        modules = '[submodule "a"]\n\tpath = a\n\turl = git@host:team/a\n'
        found = repo.commit({"start.py": "", ".gitmodules": modules, **CONFIGURED}).check()
        assert brief(found) == [(MAY_FAIL, "submodules", ".gitmodules:3"), (NOTE, "submodules", ".gitmodules:1")]

    def test_lfs_is_noted(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "", ".gitattributes": "*.pt filter=lfs\n", **CONFIGURED}).check()
        assert brief(found) == [(NOTE, "lfs", ".gitattributes:1")]

    def test_a_large_file_is_noted(self, repo: Repo) -> None:
        with (repo.root / "weights.pt").open("wb") as file:
            file.truncate(60_000_000)
        assert brief(repo.commit({"start.py": "", **CONFIGURED}).check()) == [(NOTE, "large-file", "weights.pt")]


class TestRequirements:
    def test_a_conflict_with_the_images_framework_will_fail_at_its_line(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.index.add("torch", "1.13.0").add("torch", "2.6.0").add("tqdm", "4.1")
        shop.write("", "start.py").write("tqdm\ntorch==1.13.0\n")
        found = self.findings(shop)
        assert (WILL_FAIL, "requirements", "requirements.txt:2") in brief(found)
        assert "torch 2.6.0+cu124" in found[0].what
        assert shop.index.downloads() == []

    def test_a_line_that_is_no_requirement_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("tqdm==\n")
        assert (WILL_FAIL, "requirements", "requirements.txt:1") in brief(self.findings(shop))

    def test_a_package_that_there_is_not_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("no-such-thing\n")
        assert [one.rule for one in self.findings(shop) if one.severity == WILL_FAIL] == ["requirements"]

    def test_a_named_file_that_is_missing_will_fail(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("requirements: base.txt\n", "live-code.yaml")
        assert [one.rule for one in self.findings(shop) if one.severity == WILL_FAIL] == ["requirements"]

    def test_an_index_out_of_reach_says_nothing_of_the_repo(self, shop: Workshop) -> None:
        shop.write("", "start.py").write("tqdm\n")
        found = self.findings(shop, PIP_INDEX_URL="http://127.0.0.1:9/simple")
        assert (MAY_FAIL, "requirements") in [(one.severity, one.rule) for one in found]

    def test_a_setup_py_is_not_run(self, shop: Workshop, tmp_path: Path) -> None:
        shop.write("", "start.py").write("-e .\n")
        shop.write(f"open({str(tmp_path / 'trace')!r}, 'w')\nimport setuptools; setuptools.setup()\n", "setup.py")
        assert (NOTE, "requirements", "setup.py") in brief(self.findings(shop))
        assert not (tmp_path / "trace").exists()

    def test_requirements_that_are_not_committed_will_fail(self, repo: Repo) -> None:
        repo.commit({"start.py": "", **CONFIGURED}).write({"requirements.txt": "pyyaml\n"})
        assert brief(repo.check()) == [(WILL_FAIL, "not-committed", "requirements.txt")]

    def test_an_images_inventory_stands_for_the_image(self, shop: Workshop, tmp_path: Path) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.index.add("torch", "1.13.0").add("torch", "2.6.0")
        shop.write("", "start.py").write("torch==1.13.0\n")
        inventory = tmp_path / "image.json"
        with interpreter.SCRIPT.open() as script, inventory.open("w") as out:
            subprocess.run([shop.image.python, "-"], stdin=script, stdout=out, check=True)
        shutil.rmtree(tmp_path / "image")
        found = check.examine(str(shop.root), "", check.Image(inventory=inventory), self.around(shop))
        assert (WILL_FAIL, "requirements", "requirements.txt:1") in brief(found)

    def test_a_file_that_is_no_inventory_is_an_error(self, shop: Workshop, tmp_path: Path) -> None:
        (tmp_path / "image.json").write_text("{}")
        with pytest.raises(InterpreterError, match="no inventory"):
            check.examine(str(shop.root), "", check.Image(inventory=tmp_path / "image.json"), self.around(shop))

    def findings(self, shop: Workshop, **environ: str) -> list[Finding]:
        found = check.examine(str(shop.root), "", check.Image(shop.image.python), {**self.around(shop), **environ})
        return but(found, "no-result")

    def around(self, shop: Workshop) -> dict[str, str]:
        return {**shop.around, "LIVE_CODE_STORE": str(shop.store.root)}


class TestTable:
    FOUND = (
        Finding(
            WILL_FAIL, "sdk", "start.py", 12, f"ymir_exc.monitor has no it.{' It has many.' * 9}", "Write another."
        ),
        Finding(NOTE, "git", "", 0, "This folder is not the root of a git repository.", "git init."),
    )

    def test_without_a_terminal_each_finding_is_one_line(self) -> None:
        assert len(check.show(list(self.FOUND))) == 1 + 2 + 2

    @pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
    def test_in_a_terminal_nothing_is_wider_than_it_is_and_nothing_is_lost(self, width: int) -> None:
        lines = check.show(list(self.FOUND), width)
        assert max(map(len, lines)) <= width
        said = " ".join(" ".join(lines).split())
        for word in ("start.py:12", "the repo", "many.", "another.", "repository.", "git init."):
            assert word in said

    def test_a_long_place_takes_the_columns_and_the_texts_stand_below(self) -> None:
        (one, _) = self.FOUND
        lines = check.show([one._replace(file=f"{'deep/' * 8}start.py")], 80)
        assert lines[0] == f"will fail  {'deep/' * 8}start.py:12"
        assert all(len(line) <= 80 and line.startswith("    ") for line in lines[1:-2])


class TestCommand:
    def test_the_exit_code_tells_whether_something_will_fail(
        self, repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIVE_CODE_STORE", repo.environ["LIVE_CODE_STORE"])
        words = ["check", str(repo.root), "--python", sys.executable]
        repo.commit({"start.py": f"x = '/app/y'\n{RESULTS}", **CONFIGURED})
        assert cli.main(words) == 0
        said = capsys.readouterr().out
        assert "start.py:1" in said
        assert said.splitlines()[-1] == "it will run, as far as can be seen (1 may fail)"
        repo.commit({"start.py": f"from ymir_exc import nothing\n{RESULTS}"})
        assert cli.main(words) == 1
        assert capsys.readouterr().out.splitlines()[-1] == "it will not run (1 will fail)"

    def test_json_holds_the_same(
        self, repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIVE_CODE_STORE", repo.environ["LIVE_CODE_STORE"])
        repo.commit({"start.py": f"x = '/app/y'\n{RESULTS}", **CONFIGURED})
        assert cli.main(["check", str(repo.root), "--python", sys.executable, "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert {key: found[key] for key in ("severity", "rule", "file", "line")} == {
            "severity": "may fail",
            "rule": "fixed-path",
            "file": "start.py",
            "line": 1,
        }


@pytest.mark.slow
def test_the_example_is_clean(standin: Path, repo: Repo) -> None:
    shutil.copytree(PROJECT / "examples" / "torch-detector", repo.root, dirs_exist_ok=True)
    assert repo.commit({}).check(standin) == []
