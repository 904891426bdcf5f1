"""Hyper-parameters as the platform's form sends them."""

from types import SimpleNamespace

import pytest
from params import number


def test_texts_are_numbers():
    cfg = SimpleNamespace(param={"epochs": "3", "learning_rate": 1})
    assert (number(cfg, "epochs", int), number(cfg, "learning_rate")) == (3, 1.0)


@pytest.mark.parametrize("given", [{"epochs": "many"}, {"epochs": "1.5"}, {"epochs": None}, {}])
def test_what_is_none_is_told_with_its_name(given):
    with pytest.raises(ValueError, match="epochs must be a whole number"):
        number(SimpleNamespace(param=given), "epochs", int)
