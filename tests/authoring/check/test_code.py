"""What `live-code check` says of code: lines that will or may fail, and those that are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.authoring import check
from live_code.authoring.check.finding import MAY_FAIL, WILL_FAIL
from tests.support import images, variables
from tests.support.checked_repo import CONFIGURED, Repo, brief, but

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
        found = but(check.examine(str(repo.root), "", check.Image(old), variables.read(environ)), "no-result")
        assert ("will fail", "syntax", "start.py:1") in brief(found)
        assert "Python 3.8" in found[0].what
