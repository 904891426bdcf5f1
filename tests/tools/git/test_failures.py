"""What a server's or git's words come to, as a table; the words are git's own."""

from __future__ import annotations

import pytest

from live_code.errors import AuthError, NetworkError, NotFoundError, RefMissingError, RefusedError, SourceError
from live_code.tools.git.failures import classify
from live_code.tools.git.submodules import of_submodule

URL = "https://git.test/a.git"
RETURNED = "fatal: unable to access '" + URL + "/': The requested URL returned error: {}"


@pytest.mark.parametrize(
    ("output", "kind", "says", "again"),
    [
        (RETURNED.format(429), NetworkError, "answered 429, too many requests", True),
        (RETURNED.format(500), NetworkError, "answered 500", True),
        (RETURNED.format(503), NetworkError, "answered 503", True),
        (RETURNED.format(302), RefusedError, "answers 302, which leads elsewhere", False),
        (f"fatal: {URL}/info/refs not valid: is this a git repository?", NotFoundError, "a web page", False),
        ("fatal: unable to update url base from redirection:\n  asked for: x\n  redirect: y", NotFoundError,
         "a web page", False),
        ("fatal: dumb http transport does not support shallow capabilities", RefusedError, "dumb HTTP", False),
        ("error: Could not read 0a\nfatal: bad tree object\nfatal: the remote end hung up unexpectedly\n"
         "remote: aborting due to possible repository corruption on the remote side.\nfatal: early EOF",
         SourceError, "damaged on the server", False),
    ],
)  # fmt: skip
def test_what_answered_is_named(output: str, kind: type[SourceError], says: str, again: bool) -> None:
    error = classify(output, URL)
    assert type(error) is kind
    assert says in error.message
    assert error.retryable is again
    assert "See the details" not in error.hint


def test_a_refusal_without_credentials_does_not_speak_of_some() -> None:
    assert "credentials that were given" in classify(RETURNED.format(403), URL, has_credentials=True).message
    error = classify(RETURNED.format(403), URL, has_credentials=False)
    assert isinstance(error, AuthError)
    assert "none were given" in error.message


def test_an_error_of_a_submodule_names_its_path_and_the_way_to_do_without() -> None:
    inner = of_submodule(RefMissingError("the commit is not in https://x/y."), "deep", "0" * 40)
    error = of_submodule(inner, "libs/common", "1" * 40)
    assert error.message == "the submodule libs/common/deep (at 000000000000): the commit is not in https://x/y."
    assert "git_submodules: off" in error.hint
