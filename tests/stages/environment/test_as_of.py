"""Requirements resolved as of a date: what the index had then."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from live_code.errors import ConfigError, RequirementsError
from live_code.stages.code.checkout import Checkout
from live_code.stages.environment import lock
from live_code.stages.request.repo_settings import RepoSettings
from live_code.tools.machine import interpreter
from live_code.tools.store import Store
from tests.support import images, variables
from tests.support.workshop import REQUEST, Workshop, pins


@pytest.fixture
def dated(shop: Workshop) -> Workshop:
    shop.index.add("a", "1.0", "b", uploaded="2021-05-01T00:00:00Z").add("b", "1.0", uploaded="2021-05-01T00:00:00Z")
    shop.index.add("a", "2.0", "b", uploaded="2022-05-01T12:00:00Z").add("b", "2.0", uploaded="2023-05-01T00:00:00Z")
    return shop.write("a\n")


@pytest.mark.parametrize(
    ("as_of", "versions"),
    [
        ("2021-12-31", {"a": "1.0", "b": "1.0"}),
        ("2022-05-01", {"a": "2.0", "b": "1.0"}),
        ("2022-05-01T11:00:00Z", {"a": "1.0", "b": "1.0"}),
        ("2024-01-01", {"a": "2.0", "b": "2.0"}),
        ("now", {"a": "2.0", "b": "2.0"}),
    ],
)
def test_a_date_gives_what_there_was_at_its_end(as_of: str, versions: dict[str, str], dated: Workshop) -> None:
    assert pins(dated.lock(resolve_as_of=as_of)) == versions


def test_commit_gives_what_there_was_at_the_commits_time(dated: Workshop, tmp_path: Path) -> None:
    commit = committed(dated.root, "2022-06-01T00:00:00+0200")
    first = at(commit, dated, dated.store)
    assert pins(first) == {"a": "2.0", "b": "1.0"}
    assert "# as of: 2022-05-31T22:00:00Z" in first.text


def test_it_is_the_same_lock_from_an_empty_store_after_newer_releases(dated: Workshop, tmp_path: Path) -> None:
    commit = committed(dated.root, "2022-06-01T00:00:00Z")
    first = at(commit, dated, dated.store)
    dated.index.add("a", "3.0", uploaded="2024-01-01T00:00:00Z")
    second = at(commit, dated, Store(tmp_path / "other"))
    assert (second.key, second.text) == (first.key, first.text)


def test_what_the_image_has_may_be_newer(dated: Workshop) -> None:
    dated.image.has("b", "2.0")
    assert pins(dated.lock(resolve_as_of="2021-12-31")) == {"a": "1.0"}


def test_what_the_job_side_needs_is_of_today(dated: Workshop, tmp_path: Path) -> None:
    dated.index.add("EasyDict", "1.9", uploaded="2025-01-01T00:00:00Z")
    bare = dated._replace(image=images.venv(tmp_path / "bare"))
    assert pins(bare.lock(resolve_as_of="2021-12-31"))["easydict"] == "1.9"


def test_an_index_without_upload_times_is_told(dated: Workshop) -> None:
    dated.index.html_only = True
    with pytest.raises(RequirementsError, match="does not tell when releases were made"):
        dated.lock(resolve_as_of="2022-01-01")


def test_a_date_before_the_first_release_is_told(dated: Workshop) -> None:
    with pytest.raises(RequirementsError, match=r"no index has such a version as of 2019-01-01") as caught:
        dated.lock(resolve_as_of="2019-01-01")
    assert "a later resolve_as_of" in caught.value.hint


@pytest.mark.parametrize("word", ["yesterday", "2022", "2022-13"])
def test_another_word_is_refused(word: str, dated: Workshop) -> None:
    with pytest.raises(ConfigError, match="resolve_as_of"):
        dated.lock(resolve_as_of=word)


def committed(root: Path, when: str) -> str:
    environ = {
        **os.environ,
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), "a@b"),
        "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": when,
    }
    said = ""
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["rev-parse", "HEAD"]):
        said = subprocess.run(["git", *words], cwd=root, env=environ, check=True, capture_output=True, text=True).stdout
    return said.strip()


def at(commit: str, shop: Workshop, store: Store) -> lock.Lock:
    checkout = Checkout(shop.root, shop.root, commit=commit, tree="e" * 40, cached=False)
    request = REQUEST._replace(resolve_as_of="commit")
    image = interpreter.inspect(shop.image.python, store, variables.INHERITED)
    return lock.make(checkout, request, RepoSettings(), image, store, variables.packages(shop.around))
