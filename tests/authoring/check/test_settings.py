"""What `live-code check` says of entrypoints, of live-code.yaml, of hyper-parameters and their defaults."""

from __future__ import annotations

import pytest

from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL
from tests.support.checked_repo import CONFIGURED, Repo, brief


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

    def test_each_unknown_key_is_told_with_what_may_be_meant(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "", "live-code.yaml": "\nentrypont: x.py\ncodeconfig: c.yaml\n"}).check()
        assert found[0].place == "live-code.yaml:3"
        assert "codeconfig, entrypont" in found[0].what
        assert found[0].remedy.startswith("codeconfig: is it code_config? entrypont: is it entrypoint? Known keys")

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

    def test_all_places_that_read_it_are_named(self, repo: Repo) -> None:
        read = "def f(cfg): return cfg.param.rate\n"
        (found,) = repo.commit({"start.py": f"import train\n{read}", "train.py": read * 4, **CONFIGURED}).check()
        assert found.place == "start.py:2"
        assert "is read (at train.py:1, train.py:2, train.py:3, 1 more too)" in found.what

    @pytest.mark.parametrize(
        "use", ["range(cfg.param.epochs)", "1 + cfg.param['epochs']", "cfg.param.epochs > 5", "cfg.param.epochs / 2.0"]
    )
    def test_a_number_that_a_form_may_send_as_a_text_may_fail(self, use: str, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": f"def f(cfg): return {use}\n", **CONFIGURED}).check()
        assert (found.severity, found.rule, found.place) == (MAY_FAIL, "text-param", "start.py:1")

    @pytest.mark.parametrize(
        "use",
        [
            "range(int(cfg.param.epochs))",
            "float(cfg.param.epochs) * 2",
            "cfg.param.gpu_count > 1",
            "'%s' % cfg.param.epochs",
            "cfg.param.epochs + '.pt'",
            "cfg.param.epochs == 3",
        ],
    )
    def test_what_works_with_a_text_is_left_alone(self, use: str, repo: Repo) -> None:
        assert repo.commit({"start.py": f"def f(cfg): return {use}\n", **CONFIGURED}).check() == []

    def test_without_a_code_config_nothing_is_known(self, repo: Repo) -> None:
        found = repo.commit({"start.py": "def f(cfg): return cfg.param.rate\n"}).check()
        assert brief(found) == [(NOTE, "code-config", "the repo")]
