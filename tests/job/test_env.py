"""The task's description and its hyper-parameters, as every SDK generation gave them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from ymir_exc import env, settings, util

from .conftest import Task


def test_the_description_is_read_into_typed_fields(task: Task) -> None:
    config = env.get_current_env()
    assert (config.task_id, config.protocol_version, config.run_training, config.run_mining) == (
        "t01",
        "1.1.0",
        True,
        False,
    )
    assert config.input.assets_dir == str(task.root / "in" / "assets")


def test_every_key_may_be_missing(task: Task) -> None:
    task.env_file.write_text("run_mining: 'True'\ninput:\noutput: {}\nunknown: 1\n")
    config = env.get_current_env()
    assert (config.task_id, config.protocol_version, config.run_mining) == ("default-task", "0.0.1", True)
    assert config.output.training_result_file == "/out/models/result.yaml"
    assert config.input.training_index_file == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("# nothing\n", "is empty"), ("task_id: t\ninput: {root_di", "not valid YAML"),
     ("- a list\n", "must be a mapping"), ("just words", "must be a mapping"), ("input: [1]\n", "EnvInputConfig"),
     ("run_training: maybe\n", "run_training must be true or false"), ("task_id: [1]\n", "task_id must be text"),
     ("input: {assets_dir: {}}\n", "assets_dir must be text"), ("\x00", "not valid YAML")],
)  # fmt: skip
def test_a_description_that_is_none_is_a_clear_error(task: Task, text: str, message: str) -> None:
    task.env_file.write_text(text)
    with pytest.raises(ValueError, match=message):
        env.get_current_env()


def test_a_missing_description_is_named(task: Task) -> None:
    task.env_file.unlink()
    with pytest.raises(FileNotFoundError, match=r"no task description.*env\.yaml"):
        env.get_current_env()


def test_a_number_is_text_where_text_is_meant(task: Task) -> None:
    task.env_file.write_text("task_id: 17\nprotocol_version: 1.1\n")
    config = env.get_current_env()
    assert (config.task_id, config.protocol_version) == ("17", "1.1")


def test_a_patched_path_takes_effect_at_the_next_call(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env.get_current_env().task_id == "t01"
    other = tmp_path / "other.yaml"
    other.write_text("task_id: t02\n")
    monkeypatch.setattr(settings, "DEFAULT_ENV_FILE_PATH", str(other))
    assert env.get_current_env().task_id == "t02"


def test_a_rewritten_description_is_read_again(task: Task) -> None:
    assert env.get_current_env().task_id == "t01"
    task.describe(task_id="t03")
    assert env.get_current_env().task_id == "t03"


def test_changing_what_one_call_gave_changes_no_other(task: Task) -> None:
    config = env.get_current_env()
    config.output.models_dir = "/elsewhere"
    assert env.get_current_env().output.models_dir == str(task.models)


# --- behaviour of the models ------------------------------------------------------------------------------------------


def test_models_behave_like_the_ones_that_people_used(task: Task) -> None:
    config = env.get_current_env()
    assert env.EnvConfig.parse_obj(config.dict()) == config
    assert env.EnvConfig.parse_raw(config.json()) == config
    assert dict(config.input)["assets_dir"] == config.input.assets_dir
    assert config.input.get("nothing", 5) == 5
    assert config["input"]["assets_dir"] == config.input.assets_dir
    assert config.copy(update={"task_id": "t09"}).task_id == "t09"
    assert config.copy(deep=True).input is not config.input
    assert pickle.loads(pickle.dumps(config)) == config
    assert "task_id='t01'" in repr(config)
    assert config.dict(include={"task_id"}) == {"task_id": "t01"}
    assert "input" not in config.dict(exclude={"input"})


def test_sections_are_made_by_keywords() -> None:
    made = env.EnvConfig(task_id="t", input=env.EnvInputConfig(root_dir="/x"), output={"root_dir": "/y"})
    assert (made.input.root_dir, made.output.root_dir, made.run_infer) == ("/x", "/y", False)


# --- hyper-parameters -------------------------------------------------------------------------------------------------


def test_the_merged_config_has_both_halves_by_attribute(task: Task) -> None:
    task.configure(class_names=["cat"], nested={"depth": 3})
    cfg = util.get_merged_config()
    assert (cfg.param.class_names, cfg.param.nested.depth, cfg.param.get("none", 1)) == (["cat"], 3, 1)
    assert cfg.ymir.output.models_dir == str(task.models)
    cfg.param.added = 1
    assert cfg["param"]["added"] == 1


def test_code_config_stands_under_the_hyper_parameters(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(task.root)
    (task.root / "default.yaml").write_text("epochs: 10\nlr: 0.5\n")
    task.configure(git_url="https://example.org/x.git", code_config="default.yaml", epochs=3)
    assert (util.get_merged_config().param.epochs, util.get_merged_config().param.lr) == (3, 0.5)
    (task.root / "default.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"default\.yaml"):
        util.get_merged_config()


@pytest.fixture
def merged(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bootstrapper has merged the config already, and moved both files by variables."""
    path = tmp_path / "merged.yaml"
    path.write_text("who: merged\ngit_url: u\ncode_config: not/there.yaml\n")
    task.configure(who="task")
    monkeypatch.setenv("LIVE_CODE_CONFIG", str(path))
    monkeypatch.setattr(settings, "_ENV_FILE_AT_START", str(task.env_file))
    return path


def test_the_config_that_was_merged_before_is_taken_as_it_is(merged: Path) -> None:
    assert util.get_merged_config().param.who == "merged"
    assert env.get_executor_config()["who"] == "merged"


def test_an_assigned_config_path_counts_where_the_description_names_none(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("who: own\n")
    task.configure(who="task")
    monkeypatch.setattr(settings, "DEFAULT_CONFIG_FILE_PATH", str(own))
    assert util.get_merged_config().param.who == "task"
    task.describe(input={})
    assert util.get_merged_config().param.who == "own"


def test_a_test_that_patches_the_description_gets_its_config(
    merged: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_ENV_FILE_AT_START", "/in/env.yaml")
    assert util.get_merged_config().param.who == "task"


@pytest.mark.parametrize("variable", ["DEFAULT_CONFIG_FILE_PATH", None])
def test_the_config_path_of_the_container_counts(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    moved = tmp_path / "moved.yaml"
    moved.write_text("who: moved\n")
    task.configure(who="task")
    monkeypatch.setattr(settings, "_ENV_FILE_AT_START", str(task.env_file))
    if variable:
        monkeypatch.setenv(variable, str(moved))
        monkeypatch.setattr(settings, "DEFAULT_CONFIG_FILE_PATH", str(moved))
    assert util.get_merged_config().param.who == ("moved" if variable else "task")


# --- boxes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rw() -> Any:
    from ymir_exc import result_writer

    return result_writer


def test_boxes_behave_like_the_models_that_people_used(rw: Any) -> None:
    made = rw.Annotation(class_name="cat", score=0.5, box=rw.Box(x=1, y=2, w=3, h=4))
    plain = {"class_name": "cat", "score": 0.5, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}
    assert made.dict() == plain
    assert rw.Annotation.parse_obj(plain) == made
    assert rw.Annotation(**plain) == made
    assert rw.Annotation.parse_raw(made.json()) == made
    twin = made.copy(deep=True)
    twin.box.x = 9
    assert made.box.x == 1
    assert pickle.loads(pickle.dumps(made)) == made


def test_fractions_of_pixels_are_rounded_with_a_note_once(rw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ymir_exc._annotation._noted", set())
    with pytest.warns(UserWarning, match="rounded") as notes:
        assert rw.Box(x=1.5, y=-0.6, w=2.4, h=3.0).dict() == {"x": 2, "y": -1, "w": 2, "h": 3}
    assert len(notes) == 1


def test_numbers_of_array_libraries_become_plain(rw: Any) -> None:
    numpy = pytest.importorskip("numpy")
    made = rw.Annotation(class_name=numpy.str_("cat"), score=numpy.float32(0.5), box=rw.Box(*numpy.arange(4)))
    assert [type(value) for value in (made.class_name, made.score, made.box.x)] == [str, float, int]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"x": float("nan")}, "Box.x is nan"), ({"h": None}, "Box.h is missing"),
     ({"y": "left"}, "Box.y must be one number"), ({"w": float("inf")}, "Box.w is inf")],
)  # fmt: skip
def test_a_box_that_is_none_is_refused_by_field(rw: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rw.Box(**{"x": 1, "y": 2, "w": 3, "h": 4, **values})


def test_a_box_of_negative_size_is_kept_with_a_note_once(rw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ymir_exc._annotation._noted", set())
    with pytest.warns(UserWarning, match="negative size") as notes:
        assert [rw.Box(x=1, y=2, w=-3, h=4).w, rw.Box(x=1, y=2, w=3, h=-4).h] == [-3, -4]
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [({"score": None}, "score is missing"), ({"box": None}, "mapping"),
     ({"class_name": None}, "class_name is missing"), ({"box": {"x": 1}}, "Box.y is missing")],
)  # fmt: skip
def test_an_annotation_that_is_none_is_refused_by_field(rw: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rw.Annotation(**{"class_name": "cat", "score": 0.5, "box": {"x": 1, "y": 2, "w": 3, "h": 4}, **values})


def test_importing_the_writers_loads_no_yaml() -> None:
    import subprocess
    import sys

    from live_code import job

    source = (
        "import sys; bare = set(sys.modules); from ymir_exc import monitor, result_writer;"
        "print(*sorted((set(sys.modules) - bare) & {'yaml', 'typing', 'json', 'logging', 'contextlib', 'dataclasses'}))"
    )
    environ = {**os.environ, "PYTHONPATH": job.JOB_PATH}
    done = subprocess.run([sys.executable, "-S", "-c", source], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
