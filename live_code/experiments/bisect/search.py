"""Which commit to try next, and when the culprit is known. Pure: it knows what was seen and nothing of runs."""

from __future__ import annotations

from collections.abc import Mapping

from live_code.values import NamedTuple

GOOD, BAD, UNCLEAR = "good", "bad", "unclear"


class Step(NamedTuple):
    """Where a search stands. ``try_next``: an index, -1 when there is nothing left to try.

    ``suspects``: the indexes that the culprit is among, as things stand; one when it is found, more when runs between
    stayed unclear. ``surprise``: why nothing was found at all, '' otherwise.
    """

    try_next: int
    suspects: range
    surprise: str = ""


def step(count: int, seen: Mapping[int, str]) -> Step:
    """Commits 0 (said to be good) to ``count - 1`` (said to be bad) in their order; ``seen``: the verdicts so far.

    What was said of the two ends is believed as long as anything between them is untried. Before the culprit is named,
    it was itself seen bad and the commit before it good: so a wrong word about an end comes out, for one run more.
    """
    bad = min((index for index, verdict in seen.items() if verdict == BAD), default=count - 1)
    good = max((index for index, verdict in seen.items() if verdict == GOOD and index < bad), default=0)
    suspects = range(good + 1, bad + 1)
    if between := [index for index in suspects[:-1] if index not in seen]:
        middle = (good + bad) / 2
        return Step(min(between, key=lambda index: (abs(index - middle), index)), suspects)
    if seen.get(bad) == GOOD:
        return Step(-1, range(0), "the commit that was said to be bad is good")
    if seen.get(good) == BAD:
        return Step(-1, range(0), "the commit that was said to be good is bad")
    if unproved := [index for index in (bad, good) if index not in seen]:
        return Step(unproved[0], suspects)
    return Step(-1, suspects)


def judge(verdicts: tuple[str, ...], times: int) -> str:
    """The verdict of a commit that is run up to ``times`` times: what most say; '' while more runs could turn it."""
    good, bad = verdicts.count(GOOD), verdicts.count(BAD)
    left = times - len(verdicts)
    if good > bad + left:
        return GOOD
    if bad > good + left:
        return BAD
    return UNCLEAR if left <= 0 else ""
