"""A hyper-parameter that nobody gives, and one that is nearly named so."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest
from easydict import EasyDict

from .conftest import Task, sdk

_config, util = sdk("_config"), sdk("util")


@pytest.fixture(autouse=True)
def nothing_noted() -> None:
    _config._noted.clear()


def test_a_name_that_is_nearly_one_is_asked_for_once(task: Task) -> None:
    task.configure(learning_rate=0.1)
    param = util.get_merged_config().param
    with pytest.warns(UserWarning, match="no hyper-parameter learning_rat; is it learning_rate?"):
        assert param.get("learning_rat") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert param.get("learning_rat", 3) == 3
        assert param.get("learning_rate") == 0.1
        assert param.get("momentum") is None


def test_the_parameters_are_an_easydict_to_everybody(task: Task) -> None:
    task.configure(learning_rate=0.1, classes={"a": 1})
    param = util.get_merged_config().param
    assert isinstance(param, EasyDict)
    assert param.classes.a == 1
    assert pickle.loads(pickle.dumps(param)) == param == copy.deepcopy(param)
    assert dict(param) == {**param}
