"""PyYAML as yamlfile loads it in a process of its own: quicker, and with all that it can do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import live_code
from live_code.tools.files import yamlfile
from tests.support import images

LOADERS = ("CSafeLoader", "SafeLoader")
VALUES = """
import datetime
text = "day: 2026-11-21\\nat: 2026-11-21T10:00:00Z\\nreal: 1.5e+3\\nhex: 0x10\\non: yes\\nnothing: ~\\nword: 値\\n"
assert yaml.load(text, loader) == {
    "day": datetime.date(2026, 11, 21),
    "at": datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.timezone.utc),
    "real": 1500.0, "hex": 16, True: True, "nothing": None, "word": "値",
}
"""
FORBIDDEN = """
try:
    yaml.load("word: a\\x07b", loader)
except yaml.YAMLError:
    sys.exit(0)
sys.exit("it was read")
"""
WAITING = """
import re
assert type(re.compile("a")) is re.Pattern
waits = yamlfile._WhenUsed
assert type(yaml.reader.Reader.NON_PRINTABLE) is waits
values = [(name, value) for name, at in sys.modules.items() for value in vars(at).values()]
values += [(name, inner) for name, value in values if isinstance(value, type) for inner in vars(value).values()]
print(*sorted({name for name, value in values if type(value) is waits}))
"""


def in_a_new_process(code: str, loader: str = LOADERS[0], python: Path = Path(sys.executable)) -> str:
    paths = [str(Path(live_code.__file__).parents[1]), str(Path(yaml.__file__).parents[1])]
    head = f"import sys\nsys.path[:0] = {paths}\nfrom live_code.tools.files import yamlfile\nimport yaml\n"
    argv = [python, "-c", f"{head}loader = yaml.{loader}\n{code}"]
    done = subprocess.run(argv, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("loader", LOADERS)
def test_every_kind_of_value_is_read_with_libyaml_and_without(loader: str) -> None:
    in_a_new_process(VALUES, loader)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_character_that_yaml_forbids_is_refused_with_libyaml_and_without(loader: str) -> None:
    in_a_new_process(FORBIDDEN, loader)


def test_no_pattern_but_yamls_own_waits_for_its_use() -> None:
    holders = in_a_new_process(WAITING).split()
    assert holders
    assert {name.split(".")[0] for name in holders} == {"yaml"}, holders


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_patterns_wait_on_every_python_that_live_code_runs_on(version: str) -> None:
    """Without libyaml, which the tests' own Python alone has."""
    python = images.base_python(version)
    in_a_new_process(VALUES, LOADERS[1], python)
    assert {name.split(".")[0] for name in in_a_new_process(WAITING, LOADERS[1], python).split()} == {"yaml"}


def test_a_mapping_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    values = {"name": "值", "lr": 0.1, "day": "2026-11-21", "switch": "on", "nothing": None}
    yamlfile.write_mapping(tmp_path / "a.yaml", values)
    assert yamlfile.read_mapping(tmp_path / "a.yaml", hint="") == values
