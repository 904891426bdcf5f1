"""From what a program prints to the error that it means."""

from __future__ import annotations

import re

from live_code.errors import BuildError, NetworkError, StoreFullError
from live_code.tools.diagnosis import Sign, diagnose

SIGNS = (
    Sign("no space", StoreFullError, "there is no space left."),
    Sign(r"HTTP (?P<status>\d+)", NetworkError, "{host} answered {status}.", "Ask {host} later."),
    Sign("broken", BuildError, "it broke."),
)


def test_the_first_sign_of_the_table_counts_wherever_it_stands() -> None:
    assert isinstance(diagnose(SIGNS, "broken: HTTP 500, no space", host="h"), StoreFullError)


def test_message_and_hint_name_what_was_found_and_what_the_caller_knows() -> None:
    error = diagnose(SIGNS, "HTTP 503", details="all of it", host="h{}")
    assert isinstance(error, NetworkError)
    assert (error.message, error.hint, error.details) == ("h{} answered 503.", "Ask h{} later.", "all of it")


def test_what_is_not_in_the_table_is_left_to_the_caller() -> None:
    assert diagnose(SIGNS, "odd", host="h") is None


def test_a_table_may_be_read_without_regard_to_case() -> None:
    assert diagnose(SIGNS, "Broken") is None
    assert diagnose(SIGNS, "Broken", flags=re.IGNORECASE)
