"""The task folder: env.yaml, config.yaml, where they lie, and how their paths are mapped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError
from live_code.stages.request import task_config
from live_code.stages.request.task_config import Folders, PathMap
from live_code.tools import settings
from tests.support.task_folder import TaskFolder
from tests.support.task_request import load


class TestLoad:
    def test_every_key_of_env_yaml_may_be_missing_but_the_task(self, folder: TaskFolder) -> None:
        folder.text("env.yaml", "run_mining: true\n").config()
        task = load(folder)
        assert task.tasks == ("mining",)
        assert (task.task_id, task.protocol_version) == ("", "")
        assert task.input["assets_dir"] == str(folder.in_dir / "assets")
        assert task.output["monitor_file"] == str(folder.out_dir / "monitor.txt")
        assert task.input["candidate_index_file"] == ""

    def test_an_empty_protocol_version_is_that_of_the_oldest_platforms(self, folder: TaskFolder) -> None:
        folder.env(run_infer=True, protocol_version="").config()
        assert load(folder).protocol_version == ""

    @pytest.mark.parametrize("on", [True, "True", "true", "1", 1, "yes"])
    @pytest.mark.parametrize("off", [False, "False", "0", 0, "", None])
    def test_switches_may_be_strings_of_a_web_form(self, folder: TaskFolder, on: object, off: object) -> None:
        folder.env(run_training=off, run_mining=on, run_infer=on).config()
        assert load(folder).tasks == ("mining", "infer")

    def test_paths_of_a_platform_folder_are_mapped_to_where_it_lies(self, folder: TaskFolder) -> None:
        folder.env(run_mining=True).config(
            model_params_path=["/in/models/best.pt"], note="/input/is/no/in", nested={"path": "/out/x"}
        )
        task = load(folder)
        assert task.input["candidate_index_file"] == f"{folder.in_dir}/candidate-index.tsv"
        assert task.given["model_params_path"] == [f"{folder.in_dir}/models/best.pt"]
        assert task.given["note"] == "/input/is/no/in"
        assert task.given["nested"] == {"path": f"{folder.out_dir}/x"}

    def test_a_task_id_in_the_config_stands_in_for_a_missing_one(self, folder: TaskFolder) -> None:
        folder.text("env.yaml", "run_mining: true\n").config(task_id="t42")
        assert load(folder).task_id == "t42"

    def test_environment_variables_move_the_two_files(self, folder: TaskFolder, tmp_path: Path) -> None:
        (tmp_path / "e.yaml").write_text("run_training: true\n")
        (tmp_path / "c.yaml").write_text("git_url: here\n")
        variables = {
            "DEFAULT_ENV_FILE_PATH": str(tmp_path / "e.yaml"),
            "DEFAULT_CONFIG_FILE_PATH": str(tmp_path / "c.yaml"),
        }
        assert task_config.load(Folders(), settings.task_files(variables)).given == {"git_url": "here"}

    def test_the_command_line_is_nearer_than_environment_variables(self, folder: TaskFolder) -> None:
        folder.env(run_training=True).config(epochs=3)
        assert load(folder, {"DEFAULT_ENV_FILE_PATH": "/nowhere"}).given == {"epochs": 3}

    def test_the_templates_of_all_tasks_of_a_start_count(self, folder: TaskFolder, tmp_path: Path) -> None:
        (tmp_path / "mining-template.yaml").write_text("batch: 1\nshared: mining\n")
        (tmp_path / "infer-template.yaml").write_text("conf: 0.1\nshared: infer\n")
        folder.env(run_mining=True, run_infer=True, manifest_file=str(tmp_path / "manifest.yaml")).config()
        assert load(folder).template == {"batch": 1, "conf": 0.1, "shared": "infer"}


class TestBadInput:
    def refused(self, folder: TaskFolder) -> str:
        with pytest.raises(ConfigError) as caught:
            load(folder)
        assert "\n" not in str(caught.value)
        assert caught.value.return_code == 300001
        return str(caught.value)

    def test_no_env_yaml(self, folder: TaskFolder) -> None:
        assert f"{folder.in_dir}/env.yaml can't be read" in self.refused(folder)

    def test_an_env_yaml_one_folder_below_is_proposed(self, folder: TaskFolder) -> None:
        folder.env(run_mining=True)
        with pytest.raises(ConfigError, match=f"There is one in {folder.in_dir}: name that with --in"):
            task_config.load(Folders(folder.in_dir.parent, folder.out_dir))

    def test_no_config_yaml(self, folder: TaskFolder) -> None:
        folder.env(run_training=True)
        assert "config.yaml can't be read" in self.refused(folder)

    def test_a_config_that_is_no_mapping(self, folder: TaskFolder) -> None:
        folder.env(run_training=True).text("config.yaml", "- a\n- b\n")
        assert "holds a list, not a mapping" in self.refused(folder)

    def test_a_config_that_is_no_yaml_names_the_line(self, folder: TaskFolder) -> None:
        folder.env(run_training=True).text("config.yaml", "a: 1\nb: [\n")
        assert "line" in self.refused(folder)

    def test_no_task_switched_on(self, folder: TaskFolder) -> None:
        folder.env().config()
        assert "no task is switched on" in self.refused(folder)

    def test_a_switch_that_is_neither(self, folder: TaskFolder) -> None:
        folder.env(run_training="perhaps").config()
        assert "'perhaps'" in self.refused(folder)

    def test_a_section_that_is_no_mapping(self, folder: TaskFolder) -> None:
        folder.env(run_training=True, input="/in").config()
        assert "input in" in self.refused(folder)


def test_an_env_file_that_is_not_there_is_told_of_by_its_option(folder: TaskFolder) -> None:
    folders = task_config.Folders(folder.in_dir, folder.out_dir, folder.in_dir / "nothere.yaml")
    with pytest.raises(ConfigError, match=r"nothere.yaml can't be read: No such file.*\. --env names it"):
        task_config.load(folders)


class TestPathMap:
    @given(st.text(), st.sampled_from(["/in", "/data/in"]))
    def test_only_whole_path_parts_are_mapped(self, rest: str, there: str) -> None:
        paths = PathMap(((there, "/here"),))
        assert paths(f"{there}/{rest}") == f"/here/{rest}"
        assert paths(f"x{there}/{rest}") == f"x{there}/{rest}"

    @given(st.recursive(st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False), st.lists))
    def test_what_is_no_path_stays_as_it_is(self, value: object) -> None:
        assert PathMap((("/in", "/here"),))(value) == value
