"""Folders that go over the network in pieces."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_code.experiments.sweep import transfer
from live_code.experiments.sweep.transfer import PIECE, Changes, Piece


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there" / "out" / "models").mkdir(parents=True)
    return tmp_path / "there"


def sent(changes: Changes, *, all_of_it: bool = True) -> list[str]:
    return [piece.path for piece in changes.pieces(all_of_it=all_of_it)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200), extra=st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE]))
def test_a_file_arrives_as_it_was(there: Path, tmp_path: Path, data: bytes, extra: int) -> None:
    (there / "out" / "models" / "a.pt").write_bytes(data + bytes(extra))
    here = tmp_path / "here"
    for piece in Changes(there, ("out",)).pieces(all_of_it=True):
        transfer.put(here, piece)
    assert (here / "out" / "models" / "a.pt").read_bytes() == data + bytes(extra)


def test_only_what_has_changed_is_sent_again(there: Path) -> None:
    (there / "out" / "monitor.txt").write_text("one")
    (there / "log").write_text("said")
    (there / "lock").write_text("not asked for")
    changes = Changes(there, ("out", "log"))
    assert sent(changes) == ["log", "out/monitor.txt"]
    assert sent(changes) == []
    (there / "out" / "monitor.txt").write_text("two!")
    assert sent(changes) == ["out/monitor.txt"]


def test_what_names_other_files_comes_after_them(there: Path) -> None:
    for name in ("models/result.yaml", "models/z.pt", "zz.txt"):
        (there / "out" / name).write_text("x")
    (there / "out" / "live-code").mkdir()
    (there / "out" / "live-code" / "run.json").write_text("{}")
    order = ["out/models/z.pt", "out/zz.txt", "out/live-code/run.json", "out/models/result.yaml"]
    assert sent(Changes(there, ("out",))) == order


def test_a_large_file_that_is_being_written_waits_until_it_rests_or_all_is_over(there: Path) -> None:
    big = there / "out" / "big.log"
    big.write_bytes(bytes(2 << 20))
    changes = Changes(there, ("out",))
    assert sent(changes, all_of_it=False) == []
    os.utime(big, (1, 1))
    assert sent(changes, all_of_it=False) == []
    assert sent(changes, all_of_it=False) == ["out/big.log"]
    os.utime(big, (2, 2))
    assert sent(changes) == ["out/big.log"]


def test_links_and_half_written_files_are_left_out(there: Path) -> None:
    (there / "out" / ".hidden").write_text("x")
    (there / "out" / "a.json.7.tmp").write_text("x")
    (there / "out" / "link").symlink_to("/etc/passwd")
    assert sent(Changes(there, ("out",))) == []


def test_a_file_stands_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    transfer.put(tmp_path, Piece("models/a.pt", b"one ", first=True, last=False))
    assert not (tmp_path / "models" / "a.pt").exists()
    transfer.put(tmp_path, Piece("models/a.pt", b"two", first=False, last=True))
    assert (tmp_path / "models" / "a.pt").read_bytes() == b"one two"


@pytest.mark.parametrize("path", ["../a", "/tmp/a", "x/../../a"])
def test_a_piece_that_leaves_its_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match="leaves"):
        transfer.put(tmp_path / "here", Piece(path, b"", first=True, last=True))


def test_a_packed_folder_has_what_its_links_lead_to_and_not_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jpg").write_text("a picture")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "assets").symlink_to(tmp_path / "data")
    (tmp_path / "in" / "config.yaml").write_text("api_key: secret")
    packed = io.BytesIO()
    transfer.pack(tmp_path / "in", ("config.yaml",), packed)
    packed.seek(0)
    transfer.unpack(packed, tmp_path / "there")
    assert (tmp_path / "there" / "assets" / "a.jpg").read_text() == "a picture"
    assert os.listdir(tmp_path / "there") == ["assets"]
