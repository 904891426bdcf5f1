"""The search for the first bad commit: what is tried next, and what is said in the end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.experiments.bisect import search
from live_code.experiments.bisect.search import BAD, GOOD, UNCLEAR


def play(count: int, culprit: int, unclear: frozenset[int] = frozenset()) -> tuple[search.Step, list[int]]:
    """Searches among commits that are bad from ``culprit`` on; returns the last step and what was tried."""
    seen: dict[int, str] = {}
    while (now := search.step(count, seen)).try_next >= 0:
        assert now.try_next not in seen
        seen[now.try_next] = UNCLEAR if now.try_next in unclear else BAD if now.try_next >= culprit else GOOD
    return now, list(seen)


@given(st.data())
def test_the_culprit_is_found(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 300))
    culprit = data.draw(st.integers(1, count - 1))
    last, tried = play(count, culprit)
    assert last == search.Step(-1, range(culprit, culprit + 1))
    assert len(tried) <= math.ceil(math.log2(count - 1)) + (2 if count == 2 else 1)


@pytest.mark.parametrize("culprit", range(1, 65))
def test_sixty_four_commits_take_seven_runs_at_most(culprit: int) -> None:
    last, tried = play(65, culprit)
    assert (last.suspects, len(tried) <= 7) == (range(culprit, culprit + 1), True)


@given(st.data())
def test_unclear_commits_stay_suspects_and_never_hide_the_culprit(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 60))
    culprit = data.draw(st.integers(1, count - 1))
    unclear = data.draw(st.frozensets(st.integers(0, count - 1)))
    last, _ = play(count, culprit, unclear)
    assert not last.surprise
    assert culprit in last.suspects
    assert all(index in unclear for index in last.suspects[:-1])


def test_the_culprit_and_the_commit_before_it_were_both_run() -> None:
    for culprit in (1, 2, 8):
        _, tried = play(9, culprit)
        assert {culprit, culprit - 1} <= set(tried)


def test_an_end_that_was_said_to_be_bad_and_is_good_comes_out() -> None:
    last, _ = play(9, culprit=100)
    assert last.surprise == "the commit that was said to be bad is good"


def test_an_end_that_was_said_to_be_good_and_is_bad_comes_out() -> None:
    last, _ = play(9, culprit=0)
    assert last.surprise == "the commit that was said to be good is bad"


def test_what_earlier_runs_have_shown_is_not_tried_again() -> None:
    assert search.step(9, {3: GOOD, 4: BAD}) == search.Step(-1, range(4, 5))


@pytest.mark.parametrize(
    ("verdicts", "times", "said"),
    [
        ((), 1, ""),
        ((GOOD,), 1, GOOD),
        ((UNCLEAR,), 1, UNCLEAR),
        ((GOOD,), 3, ""),
        ((GOOD, GOOD), 3, GOOD),
        ((GOOD, BAD), 3, ""),
        ((GOOD, BAD, BAD), 3, BAD),
        ((GOOD, UNCLEAR, BAD), 3, UNCLEAR),
        ((GOOD, UNCLEAR, UNCLEAR), 3, GOOD),
    ],
)
def test_of_several_runs_the_majority_counts_and_no_more_are_made_than_it_needs(
    verdicts: tuple[str, ...], times: int, said: str
) -> None:
    assert search.judge(verdicts, times) == said
