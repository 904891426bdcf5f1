"""What a container lacks: a user's home and name, shared memory, room for code."""

from __future__ import annotations

import errno
import os
import pwd
import re
from pathlib import Path

import pytest

from live_code.tools.machine import container


@pytest.fixture
def without_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_user_with_a_home_and_a_name_keeps_both(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PATH": "/bin"}
    assert container.settled(environ) == environ


@pytest.mark.parametrize("home", [None, "", "/", "/nonexistent"])
def test_a_home_that_can_not_be_written_is_replaced_by_one_that_can(home: str | None) -> None:
    settled = container.settled({} if home is None else {"HOME": home})
    assert os.access(settled["HOME"], os.W_OK)
    assert settled["HOME"] not in ("", "/")


@pytest.mark.usefixtures("without_name")
def test_a_user_without_a_name_gets_one(tmp_path: Path) -> None:
    settled = container.settled({"HOME": str(tmp_path)})
    assert settled["USER"] == settled["LOGNAME"] == container.NAME


@pytest.mark.usefixtures("without_name")
def test_nss_wrapper_is_told_of_the_image_s_users_and_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "NSS_WRAPPER", tmp_path / "wrapper.so")
    container.NSS_WRAPPER.touch()
    settled = container.settled({"HOME": str(tmp_path), "LD_PRELOAD": "/lib/other.so"})
    assert container.settled(settled) == settled
    assert settled["LD_PRELOAD"].split() == ["/lib/other.so", str(container.NSS_WRAPPER)]
    lines = Path(settled["NSS_WRAPPER_PASSWD"]).read_text().splitlines()
    assert lines[-1] == f"{container.NAME}:x:{os.getuid()}:{os.getgid()}::{tmp_path}:/bin/bash"
    assert lines[0].startswith("root:")
    assert Path(settled["NSS_WRAPPER_GROUP"]).read_text().splitlines()[-1] == f"{container.NAME}:x:{os.getgid()}:"


@pytest.mark.parametrize(
    ("values", "megabytes", "told"),
    [
        ({"num_workers": 8}, 64, True),
        ({"workers_per_gpu": "2"}, 64, True),
        ({"num_workers": 8}, 16384, False),
        ({"num_workers": "0"}, 64, False),
        ({"workers": "auto"}, 64, False),
        ({"batch_size": 16}, 64, False),
    ],
)
def test_too_little_shared_memory_is_told_of_when_workers_are_asked_for(
    values: dict[str, object], megabytes: int, told: bool
) -> None:
    message = container.shortage_of_shared_memory(values, megabytes << 20)
    assert ("--shm-size" in message) == told


def test_a_folder_that_may_hold_code_is_not_told_of(tmp_path: Path) -> None:
    assert container.forbids_code(tmp_path / "not" / "yet") == ""


def test_an_output_folder_of_another_user_is_told_with_both_and_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    told = str(container.refused(tmp_path / "out" / "monitor.txt", PermissionError(errno.EACCES, "Permission denied")))
    who = f"user {os.getuid()}; {tmp_path} has owner {os.getuid()}, mode 750"
    assert f"{tmp_path}/out/monitor.txt can't be written: Permission denied ({who})" in told
    assert "mkdir it before" in told


def test_an_output_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    told = str(container.refused(tmp_path / "out", FileExistsError(errno.EEXIST, "File exists")))
    assert told.endswith("/out is a file. Name a folder.")


def test_of_a_full_output_folder_the_room_is_told(tmp_path: Path) -> None:
    told = str(container.refused(tmp_path, OSError(errno.ENOSPC, "No space left on device"), 1 << 20))
    assert re.search(r"\(\d+\.\d MB are free, 1\.0 MB are needed to begin\)\. Free some space there\.", told), told
