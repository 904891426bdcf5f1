"""``live_code.values.NamedTuple`` makes what ``typing.NamedTuple`` makes."""

from __future__ import annotations

import pickle
import typing

import pytest

from live_code import values


class Ours(values.NamedTuple):
    """Its own words."""

    path: str
    size: int = 0

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return self.path


class Theirs(typing.NamedTuple):
    path: str
    size: int = 0


def test_it_has_fields_defaults_and_what_every_named_tuple_can() -> None:
    made = Ours("a/b")
    assert (made, made.size, made._replace(size=2)) == (("a/b", 0), 0, Ours("a/b", 2))
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)
    assert repr(made) == "Ours(path='a/b', size=0)"
    assert pickle.loads(pickle.dumps(made)) == made


def test_it_keeps_its_words_and_its_methods() -> None:
    assert (Ours.__doc__, Ours.__name__, Ours.__module__) == ("Its own words.", "Ours", __name__)
    assert (Ours("a/b").name, str(Ours("a/b"))) == ("b", "a/b")


def test_it_takes_no_further_field_and_no_other_value() -> None:
    with pytest.raises(TypeError):
        Ours("a", 1, 2)
    with pytest.raises(AttributeError):
        Ours("a").size = 1  # type: ignore[misc]
