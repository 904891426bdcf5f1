"""What a record says, what it hides, and that what was written once can be read for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from live_code.errors import ConfigError, RecordError
from live_code.stages.record import document, reading
from live_code.stages.record.journal import Ending, Journal
from live_code.stages.record.serialize import plain
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import PathMap, TaskConfig
from live_code.stages.results import provenance
from live_code.tools.git import url as git_url
from tests.support.schema import breaches


class Value(NamedTuple):
    path: Path
    url: str
    environ: dict[str, str]
    score: float = 0.5


def journal_of(*values: object) -> Journal:
    journal = Journal()
    for number, value in enumerate(values):
        journal.step(f"phase{number}", lambda value=value: value)
    return journal


def test_each_phase_leaves_its_value_and_its_time() -> None:
    written = document.as_json(journal_of(Value(Path("/a"), "u", {})), Ending(0))
    assert written["phase0"] == {"path": "/a", "url": "u", "environ": [], "score": 0.5}
    assert written["phases"][0]["name"] == "phase0"
    assert (written["state"], written["error"], written["schema_version"]) == ("done", None, 2)


def test_a_phase_that_failed_stands_with_its_time_and_no_value() -> None:
    journal = Journal()

    def fail() -> None:
        raise ConfigError("no.", hint="Do it.")

    with pytest.raises(ConfigError) as caught:
        journal.step("config", fail)
    written = document.as_json(journal, Ending(1, caught.value))
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
    assert plain(Value(Path("/a"), url, {}))["url"] == recorded


def test_variables_are_recorded_by_name_only() -> None:
    assert plain(Value(Path("/a"), "u", {"TOKEN": "hunter2"}))["environ"] == ["TOKEN"]


def test_the_file_is_strict_json(tmp_path: Path) -> None:
    path = document.write(tmp_path / "live-code", journal_of(float("nan"), {1: (Path("x"), None)}), Ending(0))
    written = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert written["phase0"] == "nan"
    assert written["phase1"] == {"1": ["x", None]}


def test_an_address_is_recorded_as_its_text() -> None:
    assert plain(git_url.parse("git@host:a/b.git")) == "git@host:a/b.git"


@pytest.mark.parametrize("name", ["wandb_token", "API-KEY", "aws_secret", "password"])
def test_a_hyper_parameter_whose_name_says_secret_is_hidden(name: str) -> None:
    assert plain({name: "hunter2hunter2"}) == {name: "***"}


@pytest.mark.parametrize("values", [{"max_tokens": "1000000000"}, {"pad_token": "<pad>"}, {"tokenizer": "gpt-2-large"}])
def test_a_hyper_parameter_that_only_sounds_like_it_is_not(values: dict[str, str]) -> None:
    assert plain(values) == values


def task_at(place: Path) -> TaskConfig:
    paths = PathMap((("/in", f"{place}/in"), ("/out", f"{place}/out")))
    indexes = {"candidate_index_file": f"{place}/in/index.tsv", "val_index_file": f"{place}/in/none.tsv"}
    given = {"model": f"{place}/in/models/a.pt", "seed": 3}
    out = {"root_dir": f"{place}/out", "models_dir": f"{place}/out/models"}
    return TaskConfig("t", "1.1.0", ("mining",), indexes, out, place / "in/env.yaml", "", {}, given, {}, paths)


def test_a_task_is_recorded_in_its_own_terms_wherever_it_lay(tmp_path: Path) -> None:
    journal = Journal()
    task = journal.step("task", task_at, tmp_path)
    journal.step("config", Merged, task.given, {"model": "config.yaml"}, {"config.yaml": task.given})
    written = document.as_json(journal, Ending(0))
    assert written["task"]["input"]["candidate_index_file"] == "/in/index.tsv"
    assert written["task"]["env_file"] == "/in/env.yaml"
    assert written["task"]["paths"] == {"/in": f"{tmp_path}/in", "/out": f"{tmp_path}/out"}
    assert written["config"]["values"]["model"] == written["config"]["layers"]["config.yaml"]["model"]
    assert written["config"]["values"]["model"] == "/in/models/a.pt"
    assert written["seeds"] == {"seed": 3}


def test_a_run_that_goes_on_has_a_record_too() -> None:
    written = document.as_json(journal_of(), None)
    assert (written["state"], written["exit_code"]) == ("running", None)
    assert breaches(written) == []


class TestImage:
    def test_its_labels_and_its_names_digest_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "labels").write_text("org.opencontainers.image.revision=abc\norg.opencontainers.image.source=\n\n")
        found = provenance.image("reg:5000/i:1@sha256:0af", tmp_path / "none", tmp_path / "labels")
        assert (found.name, found.digest) == ("reg:5000/i:1@sha256:0af", "sha256:0af")
        assert found.labels == {"org.opencontainers.image.revision": "abc", "org.opencontainers.image.source": ""}

    def test_outside_an_image_nothing_is_told(self, tmp_path: Path) -> None:
        assert provenance.image("", tmp_path / "none", tmp_path / "none") == provenance.Image("", "", "", {})


class TestDataset:
    def test_an_index_is_known_by_its_hash_and_counts(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in/index.tsv").write_text("/in/a.jpg\t/in/a.txt\n\n/in/b.jpg\n")
        found = provenance.dataset(task_at(tmp_path))
        assert list(found) == ["candidate_index_file"]
        index = found["candidate_index_file"]
        assert (index.images, index.annotations, index.bytes, index.content) == (2, 1, 31, "")

    def test_contents_have_the_same_hash_wherever_they_lie(self, tmp_path: Path) -> None:
        hashes = set()
        for name in ("one", "other"):
            place = tmp_path / name
            (place / "in").mkdir(parents=True)
            (place / "in/index.tsv").write_text("/in/a.jpg\n/in/gone.jpg\n")
            (place / "in/a.jpg").write_text("picture")
            task = task_at(place)
            index = provenance.content(provenance.dataset(task), task, lambda: False)["candidate_index_file"]
            assert index.missing == 1
            hashes.add(index.content)
        assert len(hashes) == 1

    def test_hashing_contents_is_given_up_when_the_job_is_over(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in/index.tsv").write_text("/in/a.jpg\n")
        task = task_at(tmp_path)
        assert provenance.content(provenance.dataset(task), task, lambda: True)["candidate_index_file"].content == ""


class TestReading:
    def test_a_record_of_version_1_is_read_as_todays(self) -> None:
        old = reading.read(Path(__file__).with_name("version-1.json"))
        assert breaches(old.document) == []
        assert old.commit == old.get("checkout", "commit") != ""
        assert old.get("interpreter", "version") == "3.11.7"
        assert old.get("config", "layers", "code_config", "epochs") == 7
        assert old.metrics == {"mAP": 0.5}
        assert old.get("lock", "packages") == {"idna": "3.10"}

    @pytest.mark.parametrize("name", ["out", "out/live-code", "out/live-code/run.json", ""])
    def test_a_record_is_found_from_its_folders(self, tmp_path: Path, name: str) -> None:
        document.write(tmp_path / "out" / "live-code", journal_of(), Ending(0))
        assert reading.read(tmp_path / name).state == "done"

    def test_a_record_of_a_newer_version_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text('{"schema_version": 99}')
        with pytest.raises(RecordError, match=r"version 99.*Use a newer live-code"):
            reading.read(tmp_path / "run.json")

    @pytest.mark.parametrize("text", ["", "[]", "{}", "\xff"])
    def test_a_file_that_is_no_record_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(RecordError):
            reading.read(tmp_path / "run.json")

    def test_records_are_found_below_a_folder_but_not_in_what_runs_fill(self, tmp_path: Path) -> None:
        for place in ("a/out", "b", "store/env/x"):
            document.write(tmp_path / place / "live-code", journal_of(), Ending(0))
        assert [path.relative_to(tmp_path).parts[0] for path in reading.find(tmp_path)] == ["a", "b"]
