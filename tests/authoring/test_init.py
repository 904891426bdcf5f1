"""`live-code init`: what it makes runs as it stands, on a laptop and in CI, and nothing of it is in anyone's way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from live_code.authoring import check, init
from live_code.commands import cli
from live_code.errors import InitError
from live_code.job.ymir_exc import protocol
from tests.support import platform, variables
from tests.support.standin import PROJECT, one_at_a_time

FRAMEWORKS = tuple(init.CHOICES)
IDENTITY = {f"GIT_{who}_{what}": "test@host" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
MXNET = ("mxnet==1.9.1", "numpy==1.23.5", "pillow")


@pytest.fixture(autouse=True)
def a_known_author(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in IDENTITY.items():
        monkeypatch.setenv(key, value)


@pytest.fixture(scope="session")
def mxnet_python() -> Path:
    """An interpreter with the mxnet of the image, made once."""
    folder = PROJECT / ".cache" / "mxnet"
    with one_at_a_time(folder.parent / "mxnet.lock"):
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", *MXNET], check=True)
            (folder / "done").touch()
    return folder / "bin" / "python"


def environ(tmp_path: Path, python: Path | str) -> dict[str, str]:
    """With the `live-code` of this checkout first on PATH."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LIVE_CODE_PYTHON": str(python),
        "LIVE_CODE_STORE": str(tmp_path / "store"),
    }


def run(argv: list[str | Path], cwd: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def steps(folder: Path) -> list[str]:
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "live-code.yml").read_text())
    return [step["run"] for step in workflow["jobs"]["sample"]["steps"] if "run" in step]


class TestFolder:
    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_it_is_a_clean_repository_with_one_commit(self, framework: str, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", framework, variables.INHERITED)
        env = {**os.environ}
        assert run(["git", "rev-parse", "HEAD"], made.folder, env).strip() == made.commit
        assert run(["git", "status", "--porcelain"], made.folder, env) == ""
        assert run(["git", "ls-files"], made.folder, env).split() == sorted(made.files)

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_no_mark_is_left_and_each_script_compiles(self, framework: str, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", framework, variables.INHERITED)
        for name in made.files:
            if not name.endswith(".png"):
                text = (made.folder / name).read_text()
                assert [mark for mark in ("__NAME__", *init.CHOICES["torch"]) if mark in text] == [], name
            if name.endswith(".py"):
                compile((made.folder / name).read_text(), name, "exec")

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_both_ci_files_do_the_same(self, framework: str, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", framework, variables.INHERITED)
        gitlab = yaml.safe_load((made.folder / ".gitlab-ci.yml").read_text())
        assert gitlab["sample"]["script"] == steps(made.folder)

    def test_the_sample_is_what_its_tests_draw(self, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", "plain", variables.INHERITED)
        run([sys.executable, "tests/draw.py", "sample/in"], made.folder, os.environ)
        assert run(["git", "status", "--porcelain"], made.folder, os.environ) == ""

    def test_the_name_is_the_folders_or_the_one_given(self, tmp_path: Path) -> None:
        first, second = (
            init.make(tmp_path / "one", "plain", variables.INHERITED),
            init.make(tmp_path / "two", "plain", variables.INHERITED, name="Boxes"),
        )
        assert (first.folder / "README.md").read_text().startswith("# one\n")
        assert (second.folder / "README.md").read_text().startswith("# Boxes\n")

    def test_the_readme_names_files_that_are_there(self, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", "plain", variables.INHERITED)
        rows = [line for line in (made.folder / "README.md").read_text().splitlines() if line.startswith("| `")]
        names = [name for row in rows for name in row.split("|")[1].replace("`", "").replace(",", " ").split()]
        assert [name for name in names if "." in name and not (made.folder / name).exists()] == []

    def test_an_empty_folder_will_do(self, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        assert init.make(tmp_path / "new", "plain", variables.INHERITED).commit

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InitError, match="not empty"):
            init.make(tmp_path, "plain", variables.INHERITED)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_file_in_its_place_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "new").write_text("mine")
        with pytest.raises(InitError, match="not empty"):
            init.make(tmp_path / "new", "plain", variables.INHERITED)

    def test_without_an_author_git_says_so_and_the_files_are_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for key in IDENTITY:
            monkeypatch.setenv(key, "")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        assert cli.main(["init", str(tmp_path / "new")]) == 0
        assert "Commit them before you run them" in capsys.readouterr().out
        assert (tmp_path / "new" / "start.py").is_file()


class TestPlain:
    def test_its_own_tests_pass(self, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", "plain", variables.INHERITED)
        assert " passed" in run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], made.folder, os.environ)

    def test_the_sample_task_runs_and_its_results_are_what_the_platform_reads(self, tmp_path: Path) -> None:
        sample(init.make(tmp_path / "new", "plain", variables.INHERITED).folder, environ(tmp_path, sys.executable))

    def test_a_hyper_parameter_that_is_no_number_is_named_to_the_platform(self, tmp_path: Path) -> None:
        folder = init.make(tmp_path / "new", "plain", variables.INHERITED).folder
        config = folder / "sample" / "in" / "config.yaml"
        config.write_text(config.read_text() + "epochs: many\n")
        argv: list[str | Path] = ["live-code", "run", "--in", "sample/in", "--out", tmp_path / "out"]
        env = environ(tmp_path, sys.executable)
        assert subprocess.run(argv, cwd=folder, env=env, capture_output=True, check=False).returncode == 1
        told = protocol.parse_monitor((tmp_path / "out" / "monitor.txt").read_text())
        said = "hyper-parameter epochs must be a whole number, not 'many' (params.py:"
        assert told.message.startswith(f"the job failed: ValueError: {said}")
        assert told.return_code == protocol.CODE_CONFIG

    @pytest.mark.parametrize(
        ("key", "env_file"), [("pretrained_model_params", ""), ("model_params_path", "infer.yaml")]
    )
    def test_models_that_can_not_be_used_fail_the_task_as_a_matter_of_the_model(
        self, tmp_path: Path, key: str, env_file: str
    ) -> None:
        folder = init.make(tmp_path / "new", "plain", variables.INHERITED).folder
        (folder / "sample/in/models").mkdir()
        (folder / "sample/in/models/other.pt").write_text("weights of something else")
        config = folder / "sample" / "in" / "config.yaml"
        values = {**yaml.safe_load(config.read_text()), key: ["/in/models/other.pt"]}
        config.write_text(yaml.safe_dump(values))
        argv: list[str | Path] = ["live-code", "run", "--in", "sample/in", "--out", tmp_path / "out"]
        argv += ["--env", f"sample/in/{env_file}"] if env_file else []
        env = environ(tmp_path, sys.executable)
        assert subprocess.run(argv, cwd=folder, env=env, capture_output=True, check=False).returncode != 0
        line = protocol.parse_monitor((tmp_path / "out" / "monitor.txt").read_text())
        assert (line.state, line.return_code) == (protocol.STATE_ERROR, protocol.CODE_MODEL_FILE)
        assert f"{key} names no .npz file that is there" in line.message

    def test_a_platform_of_the_old_protocol_reads_its_training(self, tmp_path: Path) -> None:
        folder = init.make(tmp_path / "new", "plain", variables.INHERITED).folder
        env_file = folder / "sample/in/env.yaml"
        values = yaml.safe_load(env_file.read_text())
        del values["protocol_version"]
        env_file.write_text(yaml.safe_dump(values))
        argv: list[str | Path] = ["live-code", "run", "--in", "sample/in", "--out", tmp_path / "out"]
        run(argv, folder, environ(tmp_path, sys.executable))
        assert platform.take_training(tmp_path / "out" / "models", "1.0")["model"]

    def test_check_finds_nothing(self, tmp_path: Path) -> None:
        made = init.make(tmp_path / "new", "plain", variables.INHERITED)
        env = environ(tmp_path, sys.executable)
        assert check.examine(str(made.folder), "", check.Image(Path(sys.executable)), variables.read(env)) == []


@pytest.mark.slow
def test_the_steps_of_ci_pass_on_a_machine_with_nothing_but_python(tmp_path: Path) -> None:
    python = tmp_path / "machine" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "machine"], check=True)
    env = {**environ(tmp_path, python), "LIVE_CODE": str(PROJECT)}
    env["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    run([python, "-m", "pip", "install", "--quiet", PROJECT], tmp_path, env)
    run(["live-code", "init", "new"], tmp_path, env)  # as it was installed: the templates are in the wheel
    for step in steps(tmp_path / "new"):
        run(["bash", "-euo", "pipefail", "-c", step], tmp_path / "new", env)
    assert (tmp_path / "new" / "out" / "infer" / "infer-result.json").is_file()


@pytest.mark.slow
def test_the_torch_repo_is_clean_and_runs(standin: Path, tmp_path: Path) -> None:
    framework_repo("torch", standin, tmp_path)


@pytest.mark.slow
def test_the_mxnet_repo_is_clean_and_runs(mxnet_python: Path, tmp_path: Path) -> None:
    framework_repo("mxnet", mxnet_python, tmp_path)


def framework_repo(framework: str, python: Path, tmp_path: Path) -> None:
    made = init.make(tmp_path / "new", framework, variables.INHERITED)
    env = environ(tmp_path, python)
    assert check.examine(str(made.folder), "", check.Image(python), variables.read(env)) == []
    sample(made.folder, env)
    # Its own tests, on the image's Python with the pytest of ours: that is pure Python.
    trained = "import sys; sys.path.append(sys.argv.pop(1)); import pytest; sys.exit(pytest.main(['-q']))"
    site = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    assert " passed" in run([python, "-c", trained, site], made.folder, env)


def sample(folder: Path, env: Mapping[str, str]) -> None:
    said = run(["bash", "sample/run.sh", "out"], folder, env)
    assert "training: 2 stages" in said
    assert "mining: 2 images scored" in said
    assert "infer: 2 images, " in said
    models = folder / "out" / "training" / "models"
    result = yaml.safe_load((models / "result.yaml").read_text())
    assert result["mAP"] > 0.9
    # Tools beside the platform hand on what lies there, and nothing below.
    assert all((models / file).is_file() for stage in result["model_stages"].values() for file in stage["files"])
    assert run(["git", "status", "--porcelain"], folder, env) == ""
