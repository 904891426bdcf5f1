"""What `live-code check` knows of the SDK, and whether a repo gives the results that a task is for."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.authoring import check
from live_code.authoring.check import sdk
from live_code.authoring.check.finding import MAY_FAIL, NOTE, WILL_FAIL
from tests.support.checked_repo import CONFIGURED, RESULTS, Repo, brief


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
