"""A rank's lines on their way: each marked, whole, in time, also when the rank is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from live_code import job

RANK = Path(job.JOB_PATH) / "_live_code_rank.py"


def start(code: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-S", str(RANK), sys.executable, "-c", "import os, sys, time\n" + code]
    return subprocess.Popen(argv, env={**os.environ, "RANK": "3"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        ("print('a'); print('b', file=sys.stderr)", b"[rank3]:a\n", b"[rank3]:b\n"),
        ("print('a\\n\\nb', end='')", b"[rank3]:a\n[rank3]:\n[rank3]:b\n", b""),
        ("os.write(1, b'\\r1%\\r2%\\r\\n')", b"\r[rank3]:1%\r[rank3]:2%\r\n", b""),
        ("os.write(1, b'\\xff\\n')", b"[rank3]:\xff\n", b""),
    ],
    ids=["two streams", "no end of line", "progress bar", "no text"],
)
def test_each_line_begins_with_the_rank(code: str, out: bytes, err: bytes) -> None:
    assert start(code).communicate(timeout=30) == (out, err)


def test_nothing_of_many_lines_is_lost() -> None:
    said = start("for n in range(100_000): print(n)").communicate(timeout=60)[0]
    assert said == b"".join(b"[rank3]:%d\n" % n for n in range(100_000))


def test_lines_come_while_the_rank_goes_on() -> None:
    with start("print('a', flush=True); time.sleep(60)") as rank:
        assert rank.stdout
        assert rank.stdout.readline() == b"[rank3]:a\n"
        rank.kill()


def test_the_last_words_of_a_rank_that_is_killed_come_out() -> None:
    rank = start("print('a', flush=True); os.kill(os.getpid(), 9)")
    assert rank.communicate(timeout=30) == (b"[rank3]:a\n", b"")
    assert rank.returncode == -signal.SIGKILL


def test_the_rank_has_its_code_and_no_child_that_it_did_not_start() -> None:
    rank = start("try: os.wait()\nexcept ChildProcessError: sys.exit(7)")
    rank.communicate(timeout=30)
    assert rank.returncode == 7
