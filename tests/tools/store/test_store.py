import os

import pytest

from live_code.errors import StoreError
from live_code.tools import store
from live_code.tools.store import MARKER, Store
from tests.support import variables


@pytest.fixture
def here(tmp_path):
    return Store(tmp_path / "store")


def fill(text):
    def fill(path, lock):
        (path / "file").write_text(text)

    return fill


def well(_):
    return None


def test_a_folder_is_filled_once_and_then_found(here):
    first = here.folder("env", "key", fill("one"), well, "x")
    second = here.folder("env", "key", fill("two"), well, "x")
    assert (first.cached, second.cached) == (False, True)
    assert (second.path / "file").read_text() == "one"


def test_a_folder_whose_filling_failed_leaves_nothing(here):
    def fail(path, lock):
        (path / "half").write_text("")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        here.folder("env", "key", fail, well, "x")
    assert not here.path("env", "key").exists()


def test_a_folder_whose_filling_was_cut_off_is_filled_again(here):
    (here.path("env", "key")).mkdir(parents=True)
    (here.path("env", "key") / "half").write_text("")
    entry = here.folder("env", "key", fill("one"), well, "x")
    assert (entry.cached, entry.why) == (False, "its build was cut off")
    assert {path.name for path in entry.path.iterdir()} == {"file", MARKER}


def test_a_folder_that_does_not_prove_itself_is_filled_again_and_the_reason_told(here):
    here.folder("env", "key", fill("one"), well, "x")
    entry = here.folder("env", "key", fill("two"), lambda path: "its interpreter is gone", "x")
    assert (entry.cached, entry.why) == (False, "its interpreter is gone")


def test_a_text_is_made_once_and_then_read(here):
    assert here.text("lock", "key", lambda: "one", "x")[0] == "one"
    text, entry = here.text("lock", "key", lambda: "two", "x")
    assert (text, entry.cached) == ("one", True)


def test_a_store_that_can_not_be_written_is_an_error_that_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="LIVE_CODE_STORE"):
        Store(tmp_path / "file").text("lock", "key", lambda: "x", "x")


def test_an_entry_is_marked_as_used(here):
    here.folder("env", "key", fill("one"), well, "x")
    assert here.used("env", "key").exists()


def test_the_store_is_the_one_that_the_container_names(tmp_path):
    assert store.find(variables.read({"LIVE_CODE_STORE": str(tmp_path)}).store).root == tmp_path


@pytest.mark.skipif(os.access("/cache", os.W_OK), reason="this machine has a /cache")
def test_the_store_of_a_laptop_is_in_the_users_cache_folder(tmp_path):
    assert store.find(variables.read({"HOME": str(tmp_path)}).store).root == tmp_path / ".cache" / "live-code"
    assert (
        store.find(variables.read({"HOME": "/", "XDG_CACHE_HOME": str(tmp_path / "x")}).store).root
        == tmp_path / "x" / "live-code"
    )


@pytest.mark.skipif(os.access("/cache", os.W_OK), reason="this machine has a /cache")
def test_the_store_of_a_user_without_a_home_is_in_tmp():
    assert store.find(variables.read({}).store).root.parts[:2] == ("/", "tmp")
