"""`live-code compare`: what differs, and what happened in the repository between the runs' commits."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from live_code.commands import cli
from live_code.records import compare
from live_code.records.compare import history, text
from live_code.stages.record.reading import Record
from live_code.tools.git import fetch, url
from live_code.tools.git.fetch import Wanted
from tests.support import layers, made_records, repos, variables


def names(records: list[Record]) -> list[tuple[str, str]]:
    return [(difference.section, difference.name) for difference in compare.between(records)]


def test_equal_runs_do_not_differ(tmp_path: Path) -> None:
    assert names([made_records.put(tmp_path / "a", 1), made_records.put(tmp_path / "b", 2)]) == []


def test_causes_come_in_the_order_of_likelihood(tmp_path: Path) -> None:
    host = {**made_records.BASE["host"], "driver": "550.2", "gpus": []}
    index = {**made_records.BASE["dataset"]["training_index_file"], "images": 9, "sha256": "e" * 64}
    other = made_records.put(
        tmp_path / "b",
        2,
        host=host,
        dataset={"training_index_file": index},
        interpreter__version="3.12.1",
        lock__packages={"idna": "3.11"},
        config__values={"epochs": 4, "lr": 0.01},
        source__commit="c" * 40,
    )
    assert names([made_records.put(tmp_path / "a", 1), other]) == [
        ("code", "commit"),
        ("config", "epochs"),
        ("packages", "idna"),
        ("image", "python"),
        ("data", "training_index_file images"),
        ("data", "training_index_file sha256"),
        ("hardware", "GPUs"),
        ("hardware", "driver"),
    ]


def test_images_built_from_the_same_at_another_time_are_the_same(tmp_path: Path) -> None:
    def built(name: str, created: str, revision: str) -> Record:
        labels = {"org.opencontainers.image.created": created, "org.opencontainers.image.revision": revision}
        return made_records.put(tmp_path / name, image={"name": "", "manifest_sha256": "", "labels": labels})

    first = built("a", "2026-01-01", "abc")
    assert names([first, built("b", "2026-01-02", "abc")]) == []
    assert names([first, built("c", "2026-01-01", "def")]) == [("image", "image revision")]


def test_a_number_and_its_text_are_the_same_setting(tmp_path: Path) -> None:
    other = made_records.put(tmp_path / "b", config__values={"epochs": "3", "lr": "0.01"})
    assert names([made_records.put(tmp_path / "a"), other]) == []


def test_a_locks_package_stands_for_the_images(tmp_path: Path) -> None:
    one = made_records.put(tmp_path / "a", lock__packages={"numpy": "2.0"})
    other = made_records.put(
        tmp_path / "b", interpreter__packages={"torch": "2.13.0", "numpy": "2.0"}, lock__packages={}
    )
    assert names([one, other]) == []


def test_what_only_one_run_has_is_none_in_the_other(tmp_path: Path) -> None:
    other = made_records.put(tmp_path / "b", config__values={"epochs": 3, "lr": 0.01, "width": 8})
    [difference] = compare.between([made_records.put(tmp_path / "a"), other])
    assert difference.values == (None, "8")


def ended_early(folder: Path, number: int) -> Record:
    """A run that failed on its code_config, before anything later was known."""
    request = {**made_records.BASE["request"], "code_config": "missing.yaml"}
    later = dict.fromkeys(("config", "interpreter", "lock", "job", "results", "dataset", "host"))
    error = {**made_records.ERROR, "phase": "config", "message": "missing.yaml is not there."}
    return made_records.put(folder, number, state="failed", error=error, request=request, **later)


def test_runs_are_compared_as_far_as_all_came(tmp_path: Path) -> None:
    made = [made_records.put(tmp_path / "a", 1), ended_early(tmp_path / "b", 2)]
    [difference] = compare.between(made)
    assert difference == compare.Difference("config", "code_config", ("", "missing.yaml"))
    assert compare.unreached(made) == dict.fromkeys(("config", "packages", "image", "data", "hardware"), (1,))


def test_those_that_came_further_are_compared_further(tmp_path: Path) -> None:
    made = [made_records.put(tmp_path / "a", 1), ended_early(tmp_path / "b", 2)]
    made.append(made_records.put(tmp_path / "c", 3, lock__packages={"idna": "3.11"}))
    rows = [row for row in compare.between(made) if row.section == "packages"]
    assert rows == [compare.Difference("packages", "idna", ("3.10", None, "3.11"))]


def test_a_failed_run_is_told_with_its_cause_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [made_records.put(tmp_path / "a", 1), ended_early(tmp_path / "b", 2)]
    assert cli.main(["compare", *(str(record.path) for record in made), "--offline"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert " failed " in shown[1]
    assert shown[2] == "   config: missing.yaml is not there."
    assert "B ended before its packages were known" in shown


def test_more_than_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    made = [made_records.put(tmp_path / str(n), n, config__values={"epochs": n, "lr": 0.01}) for n in range(3)]
    assert compare.between(made)[0].values == ("0", "1", "2")


def test_equal_metrics_are_told_too(tmp_path: Path) -> None:
    scores = compare.metrics([made_records.put(tmp_path / "a"), made_records.put(tmp_path / "b")])
    assert [(score.name, score.values) for score in scores] == [("mAP", ("0.7", "0.7")), ("mAR", ("0.6", "0.6"))]


@pytest.mark.parametrize(("values", "said"), [(("0.5", "0.75"), "+0.25"), (("0.5", "0.5"), ""), ((None, "1"), "")])
def test_the_change_of_a_metric(values: tuple[str | None, ...], said: str) -> None:
    assert text.change(values) == said


def test_runs_are_lettered() -> None:
    assert [text.letter(number) for number in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


class TestHistory:
    @pytest.fixture
    def repo(self, tmp_path: Path) -> repos.Repo:
        made = repos.make(tmp_path / "repo")
        made.commit("First", train__py="a = 1\n", data__bin="\0\1")
        made.commit("Second", train__py="a = 2\nb = 3\n")
        made.commit("Third", model___net__py="x\n", data__bin="\0\2")
        return made

    def pair(self, tmp_path: Path, repo: repos.Repo) -> tuple[Record, Record]:
        commits = repo.git("rev-list", "--reverse", "HEAD").splitlines()
        made = [
            made_records.put(tmp_path / name, source__url=str(repo.path), source__commit=commit)
            for name, commit in (("a", commits[0]), ("b", commits[-1]))
        ]
        return made[0], made[1]

    def told(self, tmp_path: Path, records: tuple[Record, Record], offline: bool = False) -> history.History:
        environ = {**os.environ, "LIVE_CODE_STORE": str(tmp_path / "store")}
        found = history.between(*records, variables.read(environ), offline=offline)
        assert found is not None
        return found

    def test_the_commits_and_files_between(self, tmp_path: Path, repo: repos.Repo) -> None:
        found = self.told(tmp_path, self.pair(tmp_path, repo))
        assert [entry.subject for entry in found.log] == ["Third", "Second"]
        assert found.files == (
            compare.FileChange("data.bin", -1, -1),
            compare.FileChange("model/net.py", 1, 0),
            compare.FileChange("train.py", 2, 1),
        )

    def test_commits_of_another_branch_are_told_as_lost(self, tmp_path: Path, repo: repos.Repo) -> None:
        one, other = self.pair(tmp_path, repo)
        repo.git("checkout", "-q", "-b", "side", one.commit)
        side = made_records.put(tmp_path / "c", source__url=str(repo.path), source__commit=repo.commit("Aside", a="1"))
        entries = self.told(tmp_path, (side, other)).log
        assert {entry.subject: entry.lost for entry in entries} == {"Third": False, "Second": False, "Aside": True}

    def test_a_commit_that_no_branch_leads_to_is_told_in_our_words_and_the_files_are_told_too(
        self, tmp_path: Path, repo: repos.Repo
    ) -> None:
        one, other = self.pair(tmp_path, repo)
        self.told(tmp_path, (one, other))
        repo.git("reset", "-q", "--hard", "HEAD~1")
        found = self.told(tmp_path, (one, other))
        said = f"the commits between, as {other.commit[:12]} is on no branch or tag of {repo.path}."
        assert found.missing.startswith(said)
        assert [file.path for file in found.files] == ["data.bin", "model/net.py", "train.py"]

    def test_without_the_server_the_files_come_from_the_store(self, tmp_path: Path, repo: repos.Repo) -> None:
        records = self.pair(tmp_path, repo)
        self.told(tmp_path, records)
        repo.path.rename(tmp_path / "gone")
        found = self.told(tmp_path, records, offline=True)
        assert [file.path for file in found.files] == ["data.bin", "model/net.py", "train.py"]
        assert found.log == ()

    def test_each_commit_may_lie_in_another_layer_of_the_store(
        self, tmp_path: Path, repo: repos.Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        below, both = layers.two(tmp_path)
        records = self.pair(tmp_path, repo)
        for record, store in zip(records, (below, both), strict=True):
            fetch.ensure(Wanted(url.parse(str(repo.path)), record.commit), store, variables.git())
        repo.path.rename(tmp_path / "gone")
        monkeypatch.setattr(history.store, "find", lambda _: both)
        found = self.told(tmp_path, records, offline=True)
        assert [file.path for file in found.files] == ["data.bin", "model/net.py", "train.py"]

    def test_without_store_and_server_the_reason_is_told(self, tmp_path: Path, repo: repos.Repo) -> None:
        records = self.pair(tmp_path, repo)
        shutil.rmtree(repo.path)
        assert self.told(tmp_path, records).missing

    def test_the_same_commit_has_no_history(self, tmp_path: Path, repo: repos.Repo) -> None:
        one, _ = self.pair(tmp_path, repo)
        assert history.between(one, one, variables.read(), offline=False) is None


def test_the_table_and_the_json_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = made_records.put(tmp_path / "a", 1)
    other = made_records.put(tmp_path / "b", 2, config__values={"epochs": 4, "lr": 0.01}, results__best_stage="epoch1")
    argv = ["compare", str(one.path), str(other.out), "--offline"]
    assert cli.main(argv) == 0
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.startswith(("epochs", "mAP"))] == [
        ["epochs", "3", "4"],
        ["mAP", "0.7", "0.5", "-0.2"],
    ]
    cli.main([*argv, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == [{"section": "config", "name": "epochs", "values": ["3", "4"]}]
    assert told["metrics"][0] == {"name": "mAP", "values": [0.7, 0.5]}


def test_a_run_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(made_records.put(tmp_path).path)]) == 1
    assert "Name two runs or more." in capsys.readouterr().err


class TestWhatIsNotSaid:
    def test_what_nobody_looked_at_is_named_and_nothing_is_called_the_same(self, tmp_path: Path) -> None:
        records = [made_records.put(tmp_path / name) for name in "ab"]
        said = "\n".join(text.show(records, compare.between(records), (), ()))
        assert "nothing that was recorded differs" in said
        assert "not looked at: the images and annotations that the index files name (record_content_hashes)" in said

    def test_long_values_are_shown_where_they_differ(self) -> None:
        same = "x" * 300
        cells = text.cells((f"{same}one", f"{same}two"), 30)
        assert cells == ["…xxxxxxxxone", "…xxxxxxxxtwo"]
        assert text.cells(("short", "sharp"), 30) == ["short", "sharp"]
