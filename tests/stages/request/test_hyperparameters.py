"""The hyper-parameters that the executor reads."""

from __future__ import annotations

from typing import Any

import pytest

from live_code.errors import ConfigError
from live_code.stages.request import hyperparameters
from tests.support.task_folder import TaskFolder
from tests.support.task_request import COMMIT, load, request


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
