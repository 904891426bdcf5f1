"""What the repository says of itself, and its defaults under the task's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from live_code.errors import ConfigError
from live_code.stages.request import hyperparameters, repo_settings
from live_code.stages.request.repo_settings import RepoSettings
from tests.support.task_folder import TaskFolder
from tests.support.task_request import COMMIT, load, request


class TestMerge:
    def merged(
        self, folder: TaskFolder, root: Path, repo: RepoSettings | None = None, **values: Any
    ) -> repo_settings.Merged:
        asked = request(folder, **values)
        return repo_settings.merge(load(folder), asked, repo or RepoSettings(), root)

    @pytest.mark.parametrize("empty", ["", None, " "])
    def test_an_empty_code_config_of_the_form_is_no_key_for_repos_that_open_what_it_holds(
        self, folder: TaskFolder, tmp_path: Path, empty: str | None
    ) -> None:
        folder.env(run_training=True)
        merged = self.merged(folder, tmp_path, git_url="u", commit=COMMIT, code_config=empty)
        assert "code_config" not in merged.values
        assert "code_config" not in merged.origins
        assert merged.layers["config.yaml"]["code_config"] == empty

    @pytest.mark.parametrize("given", [{"code_config": ""}, {}])
    def test_a_code_config_that_the_repo_names_is_the_one_that_its_code_opens(
        self, folder: TaskFolder, tmp_path: Path, given: dict[str, str]
    ) -> None:
        (tmp_path / "default.yaml").write_text("a: 1\n")
        folder.env(run_training=True)
        repo = RepoSettings(code_config="default.yaml")
        merged = self.merged(folder, tmp_path, repo, git_url="u", commit=COMMIT, **given)
        assert (merged.values["code_config"], merged.origins["code_config"]) == ("default.yaml", "live-code.yaml")

    @pytest.mark.parametrize(
        ("name", "proposal"),
        [
            ("configs", "It is a folder with configs/default.yaml, configs/large.yml. Name a YAML file"),
            ("./configs/", "It is a folder with configs/default.yaml, configs/large.yml. Name a YAML file"),
            ("src", "It is a folder. Name a YAML file"),
            ("config/default.yaml", "Is it configs/default.yaml? Name a YAML file"),
            ("configs/default.py", "Is it configs/default.yaml? Name a YAML file"),
        ],
    )
    def test_only_yaml_files_are_proposed_for_one_that_is_none(
        self, folder: TaskFolder, tmp_path: Path, name: str, proposal: str
    ) -> None:
        for file in ("configs/default.yaml", "configs/large.yml", "configs/config.py", "src/configs.py"):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text("a: 1\n")
        folder.env(run_training=True)
        with pytest.raises(ConfigError) as caught:
            self.merged(folder, tmp_path, git_url="u", commit=COMMIT, code_config=name)
        assert caught.value.hint.startswith(proposal)

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
