"""The files of /img-man, and the locks that images are made of."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from live_code.commands.images import FORM
from live_code.job.ymir_exc import protocol
from live_code.stages.request.hyperparameters import Request
from live_code.tools.files.yamlfile import read_mapping

ROOT = Path(__file__).parents[2]
IMG_MAN = ROOT / "img-man"


@pytest.mark.parametrize("task", protocol.TASKS)
def test_a_template_is_flat_and_has_the_form_s_keys(task: str) -> None:
    values = read_mapping(IMG_MAN / f"{task}-template.yaml", hint="")
    assert set(FORM) <= set(values)
    assert not any(isinstance(value, dict) for value in values.values())


@pytest.mark.parametrize("task", protocol.TASKS)
def test_a_template_names_the_model_as_the_platform_does(task: str) -> None:
    values = read_mapping(IMG_MAN / f"{task}-template.yaml", hint="")
    assert ("pretrained_model_params" if task == "training" else "model_params_path") in values


@pytest.mark.parametrize("task", protocol.TASKS)
def test_a_template_s_defaults_are_the_executor_s_own(task: str) -> None:
    values = read_mapping(IMG_MAN / f"{task}-template.yaml", hint="")
    defaults = {**Request._field_defaults, "git_url": ""}
    assert {key: value for key, value in values.items() if key in defaults} == {
        key: default for key, default in defaults.items() if key in values
    }


def test_code_access_has_the_form_s_keys() -> None:
    assert tuple(read_mapping(IMG_MAN / "code-access.yaml", hint="")) == FORM


def test_the_manifest_switches_the_form_on() -> None:
    assert read_mapping(IMG_MAN / "manifest.yaml", hint="")["enable_livecode"] is True


def test_the_lock_of_the_images_has_all_that_the_package_depends_on() -> None:
    block = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert block
    wanted = {name.lower() for name in re.findall(r'"([A-Za-z0-9_.-]+?)(?:\[|>|=|<|")', block[1])}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "image.txt").read_text(), re.MULTILINE))
    assert wanted <= locked, "run scripts/lock"


@pytest.mark.parametrize("python", ["3.8", "3.9.18", "2.7", "python3"])
def test_a_base_whose_python_is_too_old_names_the_argument_that_helps(tmp_path: Path, python: str) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\necho 3.8\n")
    (tmp_path / "python3").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "EXECUTOR_PYTHON": python}
    step = ["bash", ROOT / "scripts" / "image-steps", "environment", "/nowhere.txt"]
    done = subprocess.run(step, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs 3.10 or newer" in done.stderr
    assert "--build-arg EXECUTOR_PYTHON=3.12" in done.stderr


def test_the_job_s_side_brings_no_framework() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "job.txt").read_text(), re.MULTILINE))
    assert {"pyyaml", "easydict", "tensorboard", "tensorboardx", "tqdm", "loguru", "imagesize"} <= locked
    assert not {name for name in locked if re.match(r"numpy|torch|triton|nvidia|mxnet", name)}
