"""A store of layers: what a read-only one has is used, what they lack is made on top, nothing is written below."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live_code.errors import StoreFullError
from live_code.stages.code import checkout, source
from live_code.stages.code.checkout import Checkout
from live_code.stages.request.hyperparameters import Request
from live_code.tools.git import access, contents, fetch, lfs, repository
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.url import parse
from live_code.tools.machine import interpreter
from live_code.tools.store import Store, eviction
from tests.support import variables as container
from tests.support.layers import TROUBLE, Layers, two, unwritten
from tests.support.servers.lfs import pointer
from tests.support.servers.repos import Repo
from tests.tools.git.test_signature import needs_ssh_keygen, signed


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return two(tmp_path)


def fill(text: str) -> Callable[[Path, int], None]:
    def fill(path: Path, _: int) -> None:
        (path / "file").write_text(text)

    return fill


def whole(_: Path) -> None:
    return None


def never() -> str:
    raise AssertionError("it was made though a layer has it")


class TestText:
    def test_that_a_lower_layer_has_is_read_from_there(self, layers: Layers) -> None:
        layers.below.text("lock", "key", lambda: "below", "")
        with unwritten(layers.below):
            text, entry = layers.store.text("lock", "key", never, "")
        assert (text, entry.cached, entry.path) == ("below", True, layers.below.path("lock", "key"))
        assert not layers.store.root.exists()

    def test_that_no_layer_has_is_made_on_top(self, layers: Layers) -> None:
        layers.below.text("lock", "another", lambda: "", "")
        with unwritten(layers.below):
            assert layers.store.text("lock", "key", lambda: "new", "")[0] == "new"
            assert layers.store.text("lock", "key", never, "")[0] == "new"
        assert layers.made == {"lock/key"}

    def test_that_both_have_is_read_from_the_lower_one(self, layers: Layers) -> None:
        layers.store.text("lock", "key", lambda: "top", "")
        layers.below.text("lock", "key", lambda: "below", "")
        assert layers.store.text("lock", "key", never, "")[0] == "below"

    @pytest.mark.parametrize("broken", ["a folder", "no text"])
    def test_that_can_not_be_read_below_is_made_on_top(self, broken: str, layers: Layers) -> None:
        path = layers.below.path("lock", "key")
        path.parent.mkdir(parents=True)
        path.mkdir() if broken == "a folder" else path.write_bytes(b"\xff")
        with unwritten(layers.below):
            assert layers.store.text("lock", "key", lambda: "new", "")[0] == "new"


class TestFolder:
    def test_that_a_lower_layer_has_is_used_from_there_without_a_mark(self, layers: Layers) -> None:
        layers.below.folder("env", "key", fill("below"), whole, "")
        with unwritten(layers.below):
            entry = layers.store.folder("env", "key", fill("top"), whole, "")
        assert (entry.cached, entry.path) == (True, layers.below.path("env", "key"))
        assert not layers.store.root.exists()

    def test_that_is_broken_below_is_built_on_top_and_used_from_there(self, layers: Layers) -> None:
        layers.below.folder("env", "key", fill("below"), whole, "")

        def check(path: Path) -> str | None:
            return None if (path / "file").read_text() == "top" else "it is broken"

        with unwritten(layers.below):
            first = layers.store.folder("env", "key", fill("top"), check, "")
            second = layers.store.folder("env", "key", fill("third"), check, "")
        assert [(one.cached, one.path) for one in (first, second)] == [
            (False, layers.store.path("env", "key")),
            (True, layers.store.path("env", "key")),
        ]

    def test_whose_build_below_was_cut_off_is_built_on_top(self, layers: Layers) -> None:
        layers.below.path("env", "key").mkdir(parents=True)
        with unwritten(layers.below):
            assert layers.store.folder("env", "key", fill("top"), whole, "").path == layers.store.path("env", "key")

    def test_that_is_made_on_top_is_marked_as_used(self, layers: Layers) -> None:
        layers.store.folder("env", "key", fill("top"), whole, "")
        assert layers.store.used("env", "key").exists()
        assert layers.store.is_used("env", "key")


class TestWarning:
    def test_it_is_silent_while_the_lower_layer_has_all(
        self, layers: Layers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        layers.below.text("lock", "key", lambda: "below", "")
        layers.store.text("lock", "key", never, "")
        assert TROUBLE not in capsys.readouterr().err

    def test_that_the_lower_layer_lacks_something_is_said_once(
        self, layers: Layers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for key in ("one", "two", "two"):
            layers.store.text("lock", key, lambda: "new", "")
        assert capsys.readouterr().err.count(TROUBLE) == 1


class TestInterpreter:
    def test_what_a_lower_layer_knows_is_used(self, layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
        known = interpreter.inspect(Path(sys.executable), layers.below, container.INHERITED)
        monkeypatch.setattr(interpreter, "ask", None)
        with unwritten(layers.below):
            assert interpreter.inspect(Path(sys.executable), layers.store, container.INHERITED) == known
        assert not layers.store.root.exists()

    def test_what_is_known_of_an_earlier_state_is_asked_anew_on_top(self, layers: Layers) -> None:
        interpreter.inspect(Path(sys.executable), layers.below, container.INHERITED)
        (known,) = layers.below.path("python").iterdir()
        known.write_text(known.read_text().replace('"stamp": "', '"stamp": "earlier '))
        with unwritten(layers.below):
            interpreter.inspect(Path(sys.executable), layers.store, container.INHERITED)
        assert layers.made == {f"python/{known.name}"}


class Shelf:
    """A repository that is served, and two layers to check its commits out of."""

    def __init__(self, root: Path, layers: Layers) -> None:
        self.repo, self.layers, self.root = Repo(root / "repo"), layers, root
        self.url = parse(self.repo.url)

    def check_out(self, store: Store, commit: str, place: str, **variables: str) -> Checkout:
        request, known = Request(self.repo.url, commit, "commit"), container.git({**os.environ, **variables})
        return checkout.make(source.resolve(request, store, known), request, store, self.root / place, known)

    def vanish(self) -> None:
        self.repo.path.rename(self.root / "gone")

    def held(self, commit: str, store: Store) -> Path:
        return repository.holding(self.url, commit, store).path


@pytest.fixture
def shelf(tmp_path: Path, layers: Layers) -> Shelf:
    return Shelf(tmp_path, layers)


class TestCommit:
    def test_that_a_lower_layer_holds_is_checked_out_without_fetching_or_writing(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        commit = shelf.repo.commit({"a": "1"})
        shelf.check_out(below, commit, "first")
        shelf.vanish()
        with unwritten(below):
            made = shelf.check_out(store, commit, "second")
        assert (made.cached, (made.place / "a").read_text()) == (True, "1")
        assert not store.root.exists()

    def test_that_no_layer_holds_is_fetched_into_the_top(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        first, second = shelf.repo.commit({"a": "1"}), shelf.repo.commit({"a": "2"})
        shelf.check_out(below, first, "first")
        with unwritten(below):
            assert not shelf.check_out(store, second, "second").cached
            shelf.vanish()
            assert shelf.check_out(store, second, "third").cached
        assert (shelf.held(first, store), shelf.held(second, store)) == (
            repository.find(shelf.url, below).path,
            repository.find(shelf.url, store).path,
        )

    def test_that_both_hold_is_taken_from_the_lower_one(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        commit = shelf.repo.commit({"a": "1"})
        shelf.check_out(store.top, commit, "first")
        shelf.check_out(below, commit, "second")
        assert shelf.held(commit, store) == repository.find(shelf.url, below).path

    def test_whose_objects_are_damaged_below_is_made_anew_on_top(
        self, shelf: Shelf, capsys: pytest.CaptureFixture[str]
    ) -> None:
        below, store = shelf.layers
        commit = shelf.repo.commit({"a": "1"})
        shelf.check_out(below, commit, "first")
        bare = repository.find(shelf.url, below).path
        for path in [*bare.glob("objects/pack/*.pack"), *bare.glob("objects/[0-9a-f][0-9a-f]/*")]:
            path.unlink()
        with unwritten(below):
            made = shelf.check_out(store, commit, "second")
            assert "is damaged and is made anew" in capsys.readouterr().err
            shelf.vanish()
            again = shelf.check_out(store, commit, "third")
        assert [(one.place / "a").read_text() for one in (made, again)] == ["1", "1"]
        assert repository.find(shelf.url, store).holds(commit)

    def test_gits_settings_for_it_are_those_of_the_lower_layer_where_it_has_any(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        commits = [shelf.repo.commit({"a": str(number)}) for number in range(2)]
        fetch.ensure(Wanted(shelf.url, commits[0]), below, container.git())
        here, top = (repository.find(shelf.url, layer) for layer in (below, store))
        assert repository.home(here, store) == top.path / repository.HOME
        shelf.check_out(below, commits[1], "first")
        assert repository.home(here, store) == here.path / repository.HOME

    def test_what_it_holds_is_kept_on_top_when_the_lower_layer_does_not_tell(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        wanted = Wanted(shelf.url, shelf.repo.commit({"a": "1"}))
        fetch.ensure(wanted, below, container.git())
        with unwritten(below):
            first = contents.read(wanted, store, container.git())
        home = f"git/{repository.name(shelf.url)}/live-code"
        assert shelf.layers.made == {f"{home}/.gitconfig", f"{home}/{wanted.commit}.json"}
        assert contents.read(wanted, store, {"PATH": "/nowhere"}) == first

    @needs_ssh_keygen
    def test_whose_signature_is_demanded_is_believed_from_the_lower_layer(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        commit, signer = signed(shelf.repo, shelf.root / "ada")
        (shelf.root / "signers").write_text(signer)
        shelf.check_out(below, commit, "first")
        shelf.vanish()
        demanded = {"LIVE_CODE_VERIFY_SIGNATURE": "required", "LIVE_CODE_ALLOWED_SIGNERS": f"{shelf.root}/signers"}
        with unwritten(below):
            assert shelf.check_out(store, commit, "second", **demanded).cached
        assert not store.root.exists()

    def test_all_that_are_wanted_at_once_are_fetched_but_for_those_below(self, shelf: Shelf) -> None:
        below, store = shelf.layers
        commits = [shelf.repo.commit({"a": str(number)}) for number in range(3)]
        fetch.ensure_all(shelf.url, commits[:2], below, container.git())
        with unwritten(below):
            fetch.ensure_all(shelf.url, commits[:2], store, container.git())
            assert not store.root.exists()
            fetch.ensure_all(shelf.url, commits, store, container.git())
        assert [repository.find(shelf.url, store).holds(commit) for commit in commits] == [False, False, True]


def test_host_keys_that_a_lower_layer_believed_are_believed(layers: Layers) -> None:
    with access.opened(container.git({**os.environ, "LIVE_CODE_SSH_TRUST_FIRST": "1"}), layers.store) as opened:
        said = opened.env["GIT_SSH_COMMAND"]
    top, below = (f'"{store.path("ssh", "known_hosts")}"' for store in (layers.store, layers.below))
    assert f"UserKnownHostsFile={top} {below}" in said


class TestLfs:
    def test_an_object_of_a_lower_layer_is_used_and_one_that_is_lacking_is_fetched_into_the_top(
        self, shelf: Shelf
    ) -> None:
        below, store = shelf.layers
        attributes = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}
        commits = []
        for number, content in enumerate((b"below", b"above")):
            oid = hashlib.sha256(content).hexdigest()
            served = lfs.object_path(shelf.repo.path / ".git", oid)
            served.parent.mkdir(parents=True)
            served.write_bytes(content)
            commits.append(shelf.repo.commit({**attributes, f"{number}.bin": pointer(content)}))
        shelf.check_out(below, commits[0], "first")
        lfs.object_path(shelf.repo.path / ".git", hashlib.sha256(b"below").hexdigest()).unlink()
        with unwritten(below):
            made = shelf.check_out(store, commits[1], "second")
        assert [(made.place / f"{number}.bin").read_bytes() for number in (0, 1)] == [b"below", b"above"]
        objects = [name.rpartition("/")[2] for name in shelf.layers.made if "/lfs/objects/" in name]
        assert objects == [hashlib.sha256(b"above").hexdigest()]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB, for the upper layer."""
    (tmp_path / "top").mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path / "top")]
    if subprocess.run(words, check=False).returncode:
        pytest.skip("only root can mount a disk")
    yield tmp_path / "top"
    subprocess.run(["umount", "--lazy", str(tmp_path / "top")], check=True)


def test_a_full_upper_layer_is_told_as_full(tiny: Path, shelf: Shelf) -> None:
    (shelf.repo.path / "large").write_bytes(random.Random(7).randbytes(3_000_000))
    commit = shelf.repo.commit({})
    with unwritten(shelf.layers.below), pytest.raises(StoreFullError, match="no space left"):
        shelf.check_out(shelf.layers.store, commit, "place")


class TestRoom:
    def test_it_is_made_on_top_only(self, layers: Layers) -> None:
        layers.below.text("lock", "below", lambda: "below", "")
        layers.store.text("lock", "top", lambda: "top", "")
        with unwritten(layers.below):
            eviction.make_room(layers.store, 0, idle_s=0)
        assert [item.key for layer in layers.store.layers for item in eviction.items(layer)] == ["below"]
