"""What pip-tools printed, as it was recorded, becomes what uv would have said."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.errors import LiveCodeError
from live_code.tools.packages.index import UnreachableError
from live_code.tools.packages.messages import failures, pip_output
from tests.support.problems import failed, problem

STACK = 'Traceback (most recent call last):\n  File "/tools/pip/resolver.py", line 9, in resolve\n    raise x\n'
IMPOSSIBLE = f"{STACK}pip._vendor.resolvelib.resolvers.exceptions.ResolutionImpossible: ["
WANTS = "RequirementInformation(requirement=SpecifierRequirement("
END = f"]\n\n{STACK}pip._internal.exceptions.DistributionNotFound: ResolutionImpossible: for help visit https://pip.pypa.io"
OUTPUT = (
    "    error: subprocess-exited-with-error\n    \n    × Getting requirements to build wheel did not run"
    " successfully.\n"
    "    │ exit code: 1\n    ╰─> [2 lines of output]\n        Traceback (most recent call last):\n"
    '          File "<string>", line 1\n        {line}\n        [end of output]\n'
)
# What was asked for, what was printed, the message and words of the hint.
CASES = {
    "a conflict of a line with what the image needs": (
        "torch>=1.9\nsetuptools==59.5.0\n",
        f"{IMPOSSIBLE}{WANTS}'setuptools==59.5.0'), parent=None), {WANTS}'setuptools>=77.0.3'),"
        f" parent=LinkCandidate('file:///w/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl'))]{END}",
        "requirements.txt:2 asks for setuptools==59.5.0, but the image's torch 2.13.0+cpu needs setuptools>=77.0.3.",
        "loosen that",
    ),
    "a conflict of what a project needs": (
        "-e ./lib\n",
        f"{IMPOSSIBLE}{WANTS}'torch==2.13.0+cpu'), parent=None), {WANTS}'torch<2'),"
        f" parent=EditableCandidate('./lib'))]{END}",
        "lib needs torch<2, but the image ships torch 2.13.0+cpu.",
        "loosen that",
    ),
    "a name that no index has": (
        "nosuch\n",
        "  ERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)\n"
        f"{STACK}pip._internal.exceptions.DistributionNotFound: No matching distribution found for nosuch\n",
        "requirements.txt:1 asks for nosuch, which was not found in any index.",
        "Correct the name",
    ),
    "a version that there is not": (
        "tqdm==4.66.9\n",
        "  ERROR: Could not find a version that satisfies the requirement tqdm==4.66.9 (from versions: 4.0,"
        " 4.66.4, 4.66.5, 5.0)\n",
        "requirements.txt:1 asks for tqdm==4.66.9, but no index has such a version (near it: 4.0, 4.66.4, 4.66.5).",
        "Correct the version",
    ),
    "a version for another Python": (
        "scipy==1.7.3\n",
        "  ERROR: Ignored the following versions that require a different python version: 1.7.2"
        " Requires-Python >=3.7,<3.10;"
        " 1.7.3 Requires-Python >=3.7,<3.11; 1.8.0 Requires-Python >=3.8\n"
        "  ERROR: Could not find a version that satisfies the requirement scipy==1.7.3 (from versions: 0.8.0, 0.9.0)\n",
        "requirements.txt:1 asks for scipy==1.7.3, which needs Python>=3.7,<3.11, but the image has Python 3.11.7.",
        "an image with such a Python",
    ),
    "a build that fails": (
        "six\n./lib\n",
        OUTPUT.format(line="ModuleNotFoundError: No module named 'pkg_resources'")
        + f"{STACK}pip._internal.exceptions.FailedToPrepareCandidate: Failed to build 'file:///repo/lib' when getting"
        " requirements to build wheel\n",
        "requirements.txt:2: ./lib can't be built: ModuleNotFoundError: No module named 'pkg_resources'. All"
        " that it printed:",
        "setuptools<81",
    ),
    "a repository that has no such ref": (
        "lib @ git+https://host/lib.git\n",
        OUTPUT.format(line="fatal: repository 'https://host/lib.git/' not found")
        + f"{STACK}pip._internal.exceptions.FailedToPrepareCandidate: Failed to build 'lib' when git clone"
        f" --filter=blob:none"
        " --quiet https://host/lib.git /tmp/x\n",
        "git can't fetch https://host/lib.git: fatal: repository 'https://host/lib.git/' not found.",
        "Correct the URL",
    ),
    "a line with one =": (
        "tqdm=4.66.1\n",
        f"{STACK}pip._internal.exceptions._base.InstallationError: Invalid requirement: 'tqdm=4.66.1':"
        f" Expected semicolon\n"
        "    tqdm=4.66.1\n        ^ (from line 1 of requirements.txt)\nHint: = is not a valid operator.\n",
        "requirements.txt:1 can't be read as a requirement: tqdm has one = before its version.",
        "Is it tqdm==4.66.1?",
    ),
    "a file that a server has not": (
        "x @ https://host/x-1.0-py3-none-any.whl\n",
        f"{STACK}pip._internal.exceptions.network.NetworkConnectionError: 404 Client Error: Not Found for url:"
        " https://host/x-1.0-py3-none-any.whl\n",
        "requirements.txt:1 names https://host/x-1.0-py3-none-any.whl, which answers 404.",
        "Correct the URL",
    ),
    "conda's own list": (
        "attrs @ file:///croot/attrs_1/work\n",
        f"{STACK}FileNotFoundError: [Errno 2] No such file or directory: '/croot/attrs_1/work'\n",
        "requirements.txt:1 names /croot/attrs_1/work, a folder of the machine where that list was made.",
        "pip list --format=freeze",
    ),
    "what nothing is known of": (
        "a\n",
        f"{STACK}pip._internal.exceptions.OddError: it is odd\n",
        "requirements.txt can't be resolved: it is odd.",
        "details",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_told_like_uvs_and_without_the_names_of_classes(name: str, tmp_path: Path) -> None:
    asked, output, message, hint = CASES[name]
    words = pip_output.in_uv_words(output)
    error = failures.of_resolver(failed(words), problem(asked), tmp_path)
    assert isinstance(error, LiveCodeError)
    assert error.message.startswith(message)
    assert hint in error.hint
    assert "pip._" not in error.message + error.details
    assert "/tools/pip" not in error.message + error.details


def test_a_host_out_of_reach_is_an_index_out_of_reach(tmp_path: Path) -> None:
    output = (
        f"{STACK}pip._vendor.urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='host', port=443): Max"
        f" retries exceeded"
        " with url: /x/y (Caused by NameResolutionError(\"HTTPSConnection(host='host', port=443): Failed to"
        " resolve 'host'"
        ' ([Errno -2] Name or service not known)"))\n'
        f"{STACK}pip._internal.exceptions.network.ConnectionFailedError: <ConnectionFailedError: connection-failed>\n"
    )
    error = failures.of_resolver(failed(pip_output.in_uv_words(output)), problem("a\n"), tmp_path)
    assert isinstance(error, UnreachableError)
    assert error.url == "https://host/x/y"
    assert "[Errno -2] Name or service not known" in str(error)


def test_what_is_known_to_be_wrong_with_an_index_stands_at_the_end() -> None:
    missing = "ERROR: Could not find a version that satisfies the requirement a (from versions: none)\n"
    assert pip_output.in_uv_words(missing, "it is down").endswith("\nit is down")
