"""``live_code.values.NamedTuple`` makes what ``typing.NamedTuple`` makes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code import values
from tests.support import images


class Ours(values.NamedTuple):
    """Its own words."""

    path: str
    size: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @classmethod
    def empty(cls) -> Ours:
        return cls("")

    def __str__(self) -> str:
        return self.path


class Theirs(typing.NamedTuple):
    path: str
    size: int = 0
    note: str = ""


def test_it_has_fields_defaults_and_what_every_named_tuple_can() -> None:
    made = Ours("a/b")
    assert (made, made.size, made._replace(size=2)) == (("a/b", 0, ""), 0, Ours("a/b", 2))
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)
    assert repr(made) == "Ours(path='a/b', size=0, note='')"
    assert (Ours._make(["a", 1, "n"]), made._asdict()) == (Ours("a", 1, "n"), {"path": "a/b", "size": 0, "note": ""})
    assert (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), hash(made)) == (made, made, hash(Theirs("a/b")))
    assert type(pickle.loads(pickle.dumps(made))) is Ours


def test_it_keeps_its_words_and_its_methods() -> None:
    assert (Ours.__doc__, Ours.__name__, Ours.__module__) == ("Its own words.", "Ours", __name__)
    assert (Ours("a/b").name, str(Ours("a/b")), Ours.empty().path) == ("b", "a/b", "")


def test_it_can_be_taken_apart_by_a_pattern() -> None:
    match Ours("a", 1):
        case Ours(path, size=1):
            assert path == "a"
        case _:
            pytest.fail("no pattern fits")


def test_it_can_be_changed_by_nobody() -> None:
    with pytest.raises(AttributeError):
        Ours("a").size = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Ours("a").other = 1  # type: ignore[attr-defined]


CALLS: list[Callable[[type], object]] = [
    lambda kind: kind("a"),
    lambda kind: kind("a", 1, "n"),
    lambda kind: kind("a", note="n"),
    lambda kind: kind(note="n", path="a", size=2),
    lambda kind: kind(),
    lambda kind: kind(size=1),
    lambda kind: kind("a", 1, "n", "more"),
    lambda kind: kind("a", path="b"),
    lambda kind: kind("a", other=1),
    lambda kind: kind("a", 1, "n", note="again"),
    lambda kind: kind("a")._replace(note="n", size=3),
    lambda kind: kind("a")._replace(other=1),
    lambda kind: kind._make(["a", 1, "n", "more"]),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_gives_the_same_values_or_is_refused_alike(call: Callable[[type], object]) -> None:
    assert outcome(call, Ours) == outcome(call, Theirs)


def outcome(call: Callable[[type], object], kind: type) -> object:
    try:
        return call(kind)
    except (TypeError, ValueError):
        return "refused"


ON_ITS_OWN = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from live_code.values import NamedTuple
class Ours(NamedTuple):
    "Its own words."
    path: "str"
    size: "int" = 0
    def name(self): return self.path
made = Ours("a", size=2)
assert (made.path, made.size, made.name(), made._replace(path="b")) == ("a", 2, "a", ("b", 2))
assert repr(made) == "Ours(path='a', size=2)" and pickle.loads(pickle.dumps(made)) == made and Ours.__doc__
assert Ours._fields == ("path", "size") and "typing" not in sys.modules
print("good")
"""


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_it_works_on_every_python_that_live_code_runs_on(version: str) -> None:
    argv = [images.base_python(version), "-I", "-S", "-c", ON_ITS_OWN, Path(values.__file__).parents[1]]
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "good\n"
