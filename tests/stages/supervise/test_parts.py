"""The parts of supervision one by one: lines, the log's quota, limits, attempts, reports."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.job.ymir_exc import protocol
from live_code.stages.launch.plan import Entrypoint, Launch
from live_code.stages.supervise import Channel, Places, Rules, attempts, exceptions, timeouts
from live_code.stages.supervise.contract import HANGING_RANKS, MAX_DURATION, STALL
from live_code.stages.supervise.joblog import JobLog
from live_code.stages.supervise.lines import LONGEST, UPDATE_EVERY_S, Lines, Readable
from live_code.stages.supervise.panel import Monitor
from live_code.stages.supervise.timeouts import Seen

PIECES = st.lists(st.binary(max_size=50).filter(bool), max_size=20)


@given(PIECES)
def test_nothing_is_lost_between_pieces_and_lines(pieces: list[bytes]) -> None:
    lines = Lines()
    assert b"".join(lines.feed(piece) for piece in [*pieces, b""]) == b"".join(pieces)


@given(PIECES)
def test_only_whole_lines_come_out(pieces: list[bytes]) -> None:
    lines = Lines()
    assert all(out == b"" or out[-1:] in b"\r\n" for out in map(lines.feed, pieces))


def test_a_line_without_end_comes_out_in_parts() -> None:
    assert len(Lines().feed(b"x" * LONGEST)) == LONGEST


def test_much_that_comes_at_once_is_cut_at_the_end_of_a_line() -> None:
    assert Lines().feed(b"a line\n" * LONGEST + b"half") == b"a line\n" * LONGEST


@given(st.lists(st.text("ab \n", max_size=20), max_size=10))
def test_text_without_carriage_returns_stays_as_it_is(pieces: list[str]) -> None:
    lines, readable = Lines(), Readable()
    whole = [lines.feed(piece.encode()) for piece in pieces if piece]
    assert b"".join(readable.feed(text, 0.0) for text in whole if text) == b"".join(whole)


class TestProgressBars:
    def shown(self, *pieces: bytes, step: float = 0.0) -> bytes:
        readable = Readable()
        now = UPDATE_EVERY_S
        out = [readable.feed(pieces[0], now)]
        for piece in pieces[1:]:
            now += step
            out.append(readable.feed(piece, now))
        return b"".join(out)

    def test_the_last_state_stands_in_the_log(self) -> None:
        assert self.shown(b"10%\r20%\r100%\n") == b"100%\n"

    def test_states_stand_there_now_and_then(self) -> None:
        assert self.shown(b"1%\r", b"2%\r", b"3%\r", b"4%\n", step=UPDATE_EVERY_S / 2) == b"1%\n3%\n4%\n"

    def test_a_bar_that_is_never_ended_is_kept(self) -> None:
        assert self.shown(b"1%\r", b"2%\r", b"") == b"1%\n2%\n"

    def test_a_line_that_is_ended_after_its_state_is_that_state(self) -> None:
        assert self.shown(b"1%\r", b"100%\r", b"\nnext\n") == b"1%\n100%\nnext\n"

    def test_windows_line_ends_are_line_ends(self) -> None:
        assert self.shown(b"a\r\nb\r\n") == b"a\nb\n"


class TestLogQuota:
    def written(self, path: Path, quota: int, lines: int) -> str:
        with JobLog(path, quota) as log:
            for number in range(lines):
                log.write(b"line %06d\n" % number)
        return path.read_text()

    def test_within_it_all_is_kept(self, tmp_path: Path) -> None:
        assert len(self.written(tmp_path / "job.log", 12000, 500).splitlines()) == 500

    def test_over_it_head_and_tail_are_kept_and_the_gap_is_told(self, tmp_path: Path) -> None:
        text = self.written(tmp_path / "job.log", 12000, 100000)
        lines = text.splitlines()
        assert (lines[0], lines[-1]) == ("line 000000", "line 099999")
        assert len(text) < 12000 + 200
        assert len(text) > 12000 // 2 + 12000 // 4
        left_out = next(int(line.split()[1]) for line in lines if "left out" in line)
        assert left_out + 12 * sum(line.startswith("line") for line in lines) == 12 * 100000

    def test_nothing_else_stays_in_the_folder(self, tmp_path: Path) -> None:
        self.written(tmp_path / "job.log", 12000, 100000)
        assert [path.name for path in tmp_path.iterdir()] == ["job.log"]

    def test_a_second_attempt_goes_on_where_the_first_ended(self, tmp_path: Path) -> None:
        self.written(tmp_path / "job.log", 12000, 2)
        assert len(self.written(tmp_path / "job.log", 12000, 2).splitlines()) == 4


def test_the_time_that_is_left_is_told_by_the_speed_once_the_loading_is_over(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path / "monitor.txt", started=0.0)

    def left(now: float, percent: float) -> float | None:
        said = protocol.Monitor("t", 1.0, percent, protocol.STATE_RUNNING, 0, "")
        protocol.write_atomic(tmp_path / "monitor.txt", protocol.format_monitor(said))
        seen = monitor.progress(now)
        assert seen is not None
        return seen.left and round(seen.left, 6)

    moments = [(1.0, 0.0), (30.0, 0.1), (32.0, 0.2), (40.0, 0.2), (42.0, 0.7)]
    assert [left(*moment) for moment in moments] == [None, 270.0, 16.0, 8.0, 6.0]


class TestLimits:
    SEEN = Seen(now=100.0, started=0.0, output=0.0, progress=0.0, busy=0.0)

    @pytest.mark.parametrize(
        ("rules", "seen", "why"),
        [
            (Rules(), SEEN, ""),
            (Rules(max_duration=100), SEEN, MAX_DURATION),
            (Rules(max_duration=101), SEEN, ""),
            (Rules(stall_timeout=100), SEEN, STALL),
            (Rules(stall_timeout=100), SEEN._replace(output=1.0), ""),
            (Rules(stall_timeout=100), SEEN._replace(progress=1.0), ""),
            (Rules(stall_timeout=100), SEEN._replace(busy=1.0), ""),
            (Rules(max_duration=50, stall_timeout=50), SEEN, MAX_DURATION),
            (Rules(), SEEN._replace(rank_died=39.0), HANGING_RANKS),
            (Rules(), SEEN._replace(rank_died=41.0), ""),
            (Rules(), SEEN._replace(rank_died=10.0, output=50.0), ""),
        ],
    )
    def test_what_was_seen_breaks(self, rules: Rules, seen: Seen, why: str) -> None:
        assert timeouts.broken(rules, seen) == why


def test_what_is_no_report_is_passed_over(tmp_path: Path) -> None:
    good = {"type": "KeyError", "message": "'x'", "rank": None, "pid": 1, "time": 5.0, "frames": []}
    (tmp_path / "exception-1.json").write_text(json.dumps(good))
    for number, text in enumerate(("", "[]", "{}", '{"type": 1}', "\x00", '"words"')):
        (tmp_path / f"exception-x{number}.json").write_text(text)
    assert [report.text for report in exceptions.read(tmp_path)] == ["KeyError: 'x'"]


class TestAttempts:
    """Real jobs; only the pause between two is not waited for."""

    def attempted(self, folder: Path, code: str, retries: int, on: tuple[str, ...]) -> tuple[list[str], list[str]]:
        told: list[str] = []
        job = Launch((sys.executable, "-c", code), folder, {}, Entrypoint("t", "t", ("training",)))
        places = Places(folder / "job.log", folder / "monitor.txt")
        rules = Rules(retries=retries, retry_on=on)
        ended = attempts.run(job, places, rules, Channel(lambda: None, told.append), pause=lambda _: None)
        return [one.verdict for one in ended], told

    OFFLINE = "import sys; print('ConnectionRefusedError: [Errno 111] x', file=sys.stderr); sys.exit(1)"
    SECOND_TIME_LUCKY = f"import os, sys\nif not os.path.exists('been'):\n    open('been', 'w'); {OFFLINE[12:]}"

    def test_what_may_pass_is_tried_again(self, tmp_path: Path) -> None:
        verdicts, told = self.attempted(tmp_path, self.SECOND_TIME_LUCKY, 2, ("network",))
        assert verdicts == ["NETWORK", ""]
        assert "attempt 1 of 3" in told[0]

    def test_only_so_often(self, tmp_path: Path) -> None:
        assert self.attempted(tmp_path, self.OFFLINE, 2, ("network",))[0] == ["NETWORK"] * 3

    def test_only_for_the_classes_that_the_task_names(self, tmp_path: Path) -> None:
        assert self.attempted(tmp_path, self.OFFLINE, 2, ("infrastructure",))[0] == ["NETWORK"]

    def test_a_mistake_of_the_users_is_not_repeated(self, tmp_path: Path) -> None:
        verdicts, _ = self.attempted(tmp_path, "raise SystemExit(3)", 5, ("network", "infrastructure"))
        assert verdicts == ["JOB_FAILED"]

    def test_a_killed_job_is_an_infrastructure_failure(self, tmp_path: Path) -> None:
        killed = "import os; os.kill(os.getpid(), 9)"
        assert self.attempted(tmp_path, killed, 1, ("infrastructure",))[0] == ["KILLED", "KILLED"]


def test_the_variable_for_reports_is_the_hooks() -> None:
    assert protocol.REPORT_VARIABLE == "LIVE_CODE_REPORTS"
