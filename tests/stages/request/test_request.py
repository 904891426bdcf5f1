from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError
from live_code.stages.request import hyperparameters, repo_settings, task_config
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import RepoSettings
from live_code.stages.request.task_config import Folders, PathMap, TaskConfig
from live_code.tools import settings
from tests.support.task_folder import TaskFolder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def load(folder: TaskFolder, environ: dict[str, str] | None = None) -> TaskConfig:
    return task_config.load(Folders(folder.in_dir, folder.out_dir), settings.task_files(environ or {}))


def request(folder: TaskFolder, **values: Any) -> Request:
    folder.env(run_training=True).config(**{"git_url": "https://host/repo", "commit": COMMIT, **values})
    return hyperparameters.read(load(folder))


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
            task_config.load(Folders(folder.in_dir.parent, folder.out_dir), {})

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


class TestRequest:
    @pytest.mark.parametrize("key", hyperparameters.REVISION_KEYS)
    def test_every_name_of_the_revision_is_understood(self, folder: TaskFolder, key: str) -> None:
        folder.env(run_training=True).config(git_url="https://host/repo", **{key: "v1.0"})
        asked = hyperparameters.read(load(folder))
        assert (asked.revision, asked.revision_key) == ("v1.0", key)

    def test_the_same_revision_said_twice_is_one(self, folder: TaskFolder) -> None:
        assert request(folder, git_branch=COMMIT).revision == COMMIT

    def test_empty_fields_of_the_form_do_not_count(self, folder: TaskFolder) -> None:
        assert request(folder, git_branch="", git_tag=None).revision_key == "commit"

    def test_values_of_a_form_are_typed(self, folder: TaskFolder) -> None:
        asked = request(folder, stop_grace_s="2.5", allow_framework_override="True", extra_index_url="a, b")
        assert asked.stop_grace_s == 2.5
        assert asked.allow_framework_override is True
        assert asked.extra_index_url == ("a", "b")

    def test_on_and_off_may_be_yamls_booleans(self, folder: TaskFolder) -> None:
        assert request(folder, git_lfs=False).git_lfs == "off"
        assert request(folder, git_submodules="auto").git_submodules == "auto"

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"git_url": ""}, "git_url is missing"),
            ({"commit": ""}, "no revision is given"),
            ({"commit": "", "git_brach": "main"}, "git_brach: is it git_branch?"),
            ({"git_branch": "main"}, f"different revisions: commit={COMMIT}, git_branch=main"),
            ({"commit": 123456}, "commit is the number 123456"),
            ({"commit": 1e5}, "no text"),
            ({"git_lfs": "maybe"}, "git_lfs is 'maybe'"),
            ({"stop_grace_s": "soon"}, "stop_grace_s is 'soon'"),
            ({"stop_grace_s": "-1"}, "no number of seconds"),
            ({"stall_timeout_s": "nan"}, "no number of seconds"),
            ({"git_url": {"a": 1}}, "no text"),
        ],
    )
    def test_bad_values_are_refused_by_name(self, folder: TaskFolder, values: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
            request(folder, **values)


def test_an_env_file_that_is_not_there_is_told_of_by_its_option(folder: TaskFolder) -> None:
    folders = task_config.Folders(folder.in_dir, folder.out_dir, folder.in_dir / "nothere.yaml")
    with pytest.raises(ConfigError, match=r"nothere.yaml can't be read: No such file.*\. --env names it"):
        task_config.load(folders, {})


class TestMerge:
    def merged(
        self, folder: TaskFolder, root: Path, repo: RepoSettings | None = None, **values: Any
    ) -> repo_settings.Merged:
        asked = request(folder, **values)
        return repo_settings.merge(load(folder), asked, repo or RepoSettings(), root)

    def test_the_task_wins_over_the_repo_wins_over_the_template(self, folder: TaskFolder, tmp_path: Path) -> None:
        (folder.root / "training-template.yaml").write_text("a: template\nb: template\nc: template\n")
        (tmp_path / "default.yaml").write_text("b: repo\nc: repo\n")
        folder.env(run_training=True, manifest_file=str(folder.root / "manifest.yaml"))
        folder.config(git_url="u", commit=COMMIT, code_config="default.yaml", c="task")
        task = load(folder)
        merged = repo_settings.merge(task, hyperparameters.read(task), RepoSettings(), tmp_path)
        assert {key: merged.values[key] for key in "abc"} == {"a": "template", "b": "repo", "c": "task"}
        assert {key: merged.origins[key] for key in "abc"} == {
            "a": "template",
            "b": "default.yaml",
            "c": "config.yaml",
        }

    def test_the_repos_own_code_config_counts_when_the_task_names_none(
        self, folder: TaskFolder, tmp_path: Path
    ) -> None:
        (tmp_path / "own.yaml").write_text("lr: 0.1\n")
        assert self.merged(folder, tmp_path, RepoSettings(code_config="own.yaml")).values["lr"] == 0.1

    def test_a_missing_code_config_is_named(self, folder: TaskFolder, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"^code_config \(config.yaml\) names conf/x.yaml, which is no file of t"):
            self.merged(folder, tmp_path, code_config="conf/x.yaml")

    def test_a_file_that_is_nearly_named_so_is_proposed(self, folder: TaskFolder, tmp_path: Path) -> None:
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs/default.yaml").write_text("lr: 0.1\n")
        with pytest.raises(ConfigError, match=r"\(live-code.yaml\) names configs/defaults.yaml") as told:
            self.merged(folder, tmp_path, RepoSettings(code_config="configs/defaults.yaml"))
        assert told.value.hint.startswith("Is it configs/default.yaml? ")

    def test_a_code_config_that_is_no_yaml_is_named_as_the_repo_has_it(
        self, folder: TaskFolder, tmp_path: Path
    ) -> None:
        (tmp_path / "own.yaml").write_text("a: b: c\n")
        with pytest.raises(ConfigError, match=r"^own.yaml is not valid YAML: .*\"own.yaml\", line 1") as told:
            self.merged(folder, tmp_path, code_config="own.yaml")
        assert str(tmp_path) not in str(told.value)
        assert told.value.hint == "Correct it there."

    @pytest.mark.parametrize("name", ["../secret.yaml", "/etc/hostname", "a/../../secret.yaml", "link.yaml"])
    def test_a_code_config_that_leaves_the_repo_is_refused(self, folder: TaskFolder, tmp_path: Path, name: str) -> None:
        root = tmp_path / "repo"
        root.mkdir()
        (tmp_path / "secret.yaml").write_text("token: abc\n")
        (root / "link.yaml").symlink_to(tmp_path / "secret.yaml")
        with pytest.raises(ConfigError, match="leaves the repo"):
            self.merged(folder, root, code_config=name)


class TestRepoSettings:
    def test_a_repo_needs_none(self, tmp_path: Path) -> None:
        assert repo_settings.read(tmp_path) == RepoSettings()

    def test_one_entrypoint_may_serve_all_tasks(self, tmp_path: Path) -> None:
        (tmp_path / "live-code.yaml").write_text("entrypoint: main.py\nrequirements: req.txt\n")
        assert repo_settings.read(tmp_path) == RepoSettings({"": "main.py"}, requirements="req.txt")

    def test_each_task_may_have_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "live-code.yaml").write_text("entrypoint:\n  training: train.py\n  mining: mine.py\n")
        assert repo_settings.read(tmp_path).entrypoint == {"training": "train.py", "mining": "mine.py"}

    def test_a_version_that_yaml_takes_for_a_number_is_asked_for_in_quotes(self, tmp_path: Path) -> None:
        (tmp_path / "live-code.yaml").write_text("python: 3.10\n")
        with pytest.raises(ConfigError, match=r"^python in live-code.yaml is 3.1, which is no text. Write"):
            repo_settings.read(tmp_path)

    def test_a_task_without_a_command_is_not_named(self, tmp_path: Path) -> None:
        (tmp_path / "live-code.yaml").write_text("entrypoint:\n  training: train.py\n  mining:\n")
        assert repo_settings.read(tmp_path).entrypoint == {"training": "train.py"}

    @pytest.mark.parametrize("text", ["entrypont: a.py\n", "entrypoint: {test: a.py}\n", "- a\n"])
    def test_what_is_not_known_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "live-code.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"live-code\.yaml"):
            repo_settings.read(tmp_path)


class TestPathMap:
    @given(st.text(), st.sampled_from(["/in", "/data/in"]))
    def test_only_whole_path_parts_are_mapped(self, rest: str, there: str) -> None:
        paths = PathMap(((there, "/here"),))
        assert paths(f"{there}/{rest}") == f"/here/{rest}"
        assert paths(f"x{there}/{rest}") == f"x{there}/{rest}"

    @given(st.recursive(st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False), st.lists))
    def test_what_is_no_path_stays_as_it_is(self, value: object) -> None:
        assert PathMap((("/in", "/here"),))(value) == value
