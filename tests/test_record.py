from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from live_code import record
from live_code.errors import ConfigError


class Value(NamedTuple):
    path: Path
    url: str
    environ: dict[str, str]
    score: float = 0.5


def journal_of(*values: object) -> record.Journal:
    journal = record.Journal()
    for number, value in enumerate(values):
        journal.step(f"phase{number}", lambda value=value: value)
    return journal


def test_each_phase_leaves_its_value_and_its_time() -> None:
    written = record.as_json(journal_of(Value(Path("/a"), "u", {})), record.Ending(0))
    assert written["phase0"] == {"path": "/a", "url": "u", "environ": [], "score": 0.5}
    assert written["phases"][0]["name"] == "phase0"
    assert (written["state"], written["error"], written["schema_version"]) == ("done", None, 1)


def test_a_phase_that_failed_stands_with_its_time_and_no_value() -> None:
    journal = record.Journal()

    def fail() -> None:
        raise ConfigError("no.", hint="Do it.")

    with pytest.raises(ConfigError) as caught:
        journal.step("config", fail)
    written = record.as_json(journal, record.Ending(1, caught.value))
    assert "config" not in written
    assert written["phases"][0]["failed"] is True
    assert written["error"]["return_code"] == 300001
    assert (written["state"], written["exit_code"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://token@host/r.git", "https://***@host/r.git"),
        ("https://user:pass@host/r", "https://***@host/r"),
        ("git+https://t@host/r", "git+https://***@host/r"),
        ("ssh://git:pass@host/r", "ssh://***@host/r"),
        ("ssh://git@host/r", "ssh://git@host/r"),
        ("git@host:r.git", "git@host:r.git"),
        ("see https://a:b@c and https://d@e", "see https://***@c and https://***@e"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_no_credential_of_a_url_is_recorded(url: str, recorded: str) -> None:
    assert record.plain(Value(Path("/a"), url, {}))["url"] == recorded


def test_variables_are_recorded_by_name_only() -> None:
    assert record.plain(Value(Path("/a"), "u", {"TOKEN": "hunter2"}))["environ"] == ["TOKEN"]


def test_the_file_is_strict_json(tmp_path: Path) -> None:
    path = record.write(tmp_path / "live-code", journal_of(float("nan"), {1: (Path("x"), None)}), record.Ending(0))
    written = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert written["phase0"] == "nan"
    assert written["phase1"] == {"1": ["x", None]}
