"""`live-code runs`: finding, picking and listing records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from live_code.commands import cli
from live_code.errors import ConfigError
from live_code.records import listing
from live_code.records.listing import Term
from tests.support import made_records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made_records.put(tmp_path / "old", 1, results__stages=[], state="failed", error=made_records.ERROR)
    made_records.put(tmp_path / "new", 3, source__commit="c" * 40, config__values={"epochs": "10", "name": "big"})
    made_records.put(tmp_path / "mid", 2)
    return tmp_path


def picked(folder: Path, condition: str) -> list[str]:
    return [record.out.name for record in listing.find(folder, condition)]


def test_newest_first(folder: Path) -> None:
    assert picked(folder, "") == ["new", "mid", "old"]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("mAP>0.5", ["new", "mid"]),
        ("mAP > 0.5 and commit = ccc", ["new"]),
        ("commit!=ccc", ["mid", "old"]),
        ("state=failed", ["old"]),
        ("error=GIT", ["old"]),
        ("epochs>=10", ["new"]),
        ("epochs=3.0", ["mid", "old"]),
        ("name=big", ["new"]),
        ("name!=big", ["mid", "old"]),
        ("name~'i'", ["new"]),
        ("nothing>1", []),
        ("ref~main AND seconds<100", ["new", "mid", "old"]),
    ],
)
def test_conditions(folder: Path, condition: str, names: list[str]) -> None:
    assert picked(folder, condition) == names


def test_a_name_that_no_record_has_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert picked(folder, "stat=failed and mAP>0") == []
    told = capsys.readouterr().err
    assert "no record has 'stat'; is it 'state'? there are: " in told
    assert told.count("no record has") == 1


def test_a_condition_is_read_into_its_terms() -> None:
    assert listing.parse("mAP>0.5 and name='a b'") == (Term("mAP", ">", "0.5"), Term("name", "=", "a b"))


@pytest.mark.parametrize("condition", ["mAP", "mAP>", ">1", "mAP=1 or mAP=2", "mAP=1 and"])
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(ConfigError, match="is no condition"):
        listing.parse(condition)


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs", str(folder), "--where", "commit=aaa"]) == 0
    head, mid, old = (line.split() for line in capsys.readouterr().out.splitlines())
    assert head == ["id", "task", "commit", "ref", "metric", "duration", "state", "folder"]
    assert mid[1:] == ["training", "a" * 12, "main", "mAP", "0.7", "1", "min", "30", "s", "done", str(folder / "mid")]
    assert old[-3:] == ["failed:", "GIT", str(folder / "old")]


def test_a_run_is_named_as_it_can_be_given_to_other_commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    assert cli.main(["runs", folder.name]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == [
        f"{folder.name}/{name}" for name in ("new", "mid", "old")
    ]


def test_the_id_that_is_shown_or_its_beginning_names_a_run_below_this_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = made_records.put(folder / "last", 4, id="20260101T000000Z-0badf00d")
    monkeypatch.chdir(folder)
    new = listing.find(Path("new"))[0]
    assert cli.main(["compare", new.id, "2026", "--offline"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [shown[0].split()[-1], shown[1].split()[-1]] == [str(new.path), str(last.path)]


def test_an_id_that_begins_none_or_several_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for name, why in (
        ("2025", "the ids of 3 runs begin with 2025: 2025"),
        ("x", "nor the id of a run below it"),
    ):
        assert cli.main(["compare", name, "new"]) == 1
        assert why in capsys.readouterr().err


def test_a_good_run_that_another_followed_in_its_folder_is_listed_by_its_file(tmp_path: Path) -> None:
    good = made_records.put(tmp_path / "out", 1)
    good.path.rename(good.path.with_name("run-before.json"))
    bad = made_records.put(tmp_path / "out", 2, state="failed", error=made_records.ERROR)
    lines = list(listing.show(listing.find(tmp_path)))
    assert lines[1].startswith(bad.id)
    assert lines[1].endswith("out")
    assert lines[2].startswith(good.id)
    assert lines[2].endswith("out/live-code/run-before.json")


def test_json_has_paths_and_metrics(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["runs", str(folder), "--json"])
    first = json.loads(capsys.readouterr().out)[0]
    assert first["path"] == str(folder / "new/live-code/run.json")
    assert first["metrics"] == {"mAP": 0.7, "mAR": 0.6}


def test_a_damaged_record_is_warned_of_and_the_others_are_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mid/live-code/run.json").write_text("{")
    assert picked(folder, "") == ["new", "old"]
    assert "mid/live-code/run.json is no JSON" in capsys.readouterr().err


def test_an_empty_folder_has_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs", str(tmp_path / "typo")]) == 1
    assert "typo is no folder." in capsys.readouterr().err
