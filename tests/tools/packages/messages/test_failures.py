"""From what uv printed when it failed, as it was recorded, to the line and the advice that a user reads."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from live_code.errors import BuildError, IndexUnreachableError, LiveCodeError, RequirementsError, StoreFullError
from live_code.tools.packages.index import UnreachableError
from live_code.tools.packages.messages import failures
from live_code.tools.packages.problem import Problem
from tests.support.problems import failed, problem

UNSOLVED = "error: No solution found when resolving dependencies\n  cause: "
NOT = "we can conclude that your requirements are unsatisfiable.\n"
STEP = "Call to `setuptools.build_meta:__legacy__.get_requires_for_build_wheel` failed (exit status: 1)"
ADVICE = "\nhint: Build failures usually indicate a problem with the package or the build environment\n"
EXTRA_BUILD = (
    "\nhint: This error likely indicates that `a@1` depends on `x`, but doesn't declare it. Add it under:\n\n"
    '[tool.uv.extra-build-dependencies]\na = ["x"]\n'
)


def unbuilt(project: str, *stderr: str, advice: str = ADVICE) -> str:
    lines = "\n".join(f"         {line}".rstrip() for line in stderr)
    return (
        f"error: Failed to build `{project}`\n  cause: The build backend returned an error\n  cause: {STEP}\n\n"
        f"         [stderr]\n{lines}\n{advice}"
    )


def local(*stderr: str) -> str:
    return unbuilt("x", *stderr, advice="").replace("Failed to build `x`\n  cause: ", "")


class Case(NamedTuple):
    asked: str
    output: str
    message: str
    hint: str


CASES = {
    "a version that there is not": Case(
        "tqdm==99.1\n",
        f"{UNSOLVED}Because there is no version of tqdm==99.1 and you require tqdm==99.1, {NOT}",
        "requirements.txt:1 asks for tqdm==99.1, but no index has such a version.",
        "Correct the version; or, if another index has it, name that in extra_index_url.",
    ),
    "the versions near it": Case(
        "tqdm==4.66.9\n",
        f"{UNSOLVED}Because there is no version of tqdm==4.66.9 and you require tqdm==4.66.9, {NOT}"
        "         only the following versions of tqdm are available: 4.66.2, 4.66.3, 4.66.4, 4.66.5, 4.67.0\n",
        "requirements.txt:1 asks for tqdm==4.66.9, but no index has such a version (near it: 4.66.3, 4.66.4, 4.66.5).",
        "Correct the version",
    ),
    "a maker's own version": Case(
        "torchaudio==0.8.1+cu111\n",
        f"{UNSOLVED}Because there is no version of torchaudio==0.8.1+cu111 and you require"
        f" torchaudio==0.8.1+cu111, {NOT}",
        "requirements.txt:1 asks for torchaudio==0.8.1+cu111, but no index has such a version.",
        "Drop the +cu111, or name the index",
    ),
    "a name that no index has": Case(
        "six\nnosuch>=1\n",
        f"{UNSOLVED}Because nosuch was not found in the package registry and you require nosuch>=1, {NOT}",
        "requirements.txt:2 asks for nosuch>=1, which was not found in any index.",
        "Correct the name; or, if another index has it, name that in extra_index_url.",
    ),
    "a module's name": Case(
        "cv2\n",
        f"{UNSOLVED}Because cv2 was not found in the package registry and you require cv2, {NOT}",
        "requirements.txt:1 asks for cv2, which was not found in any index.",
        "Is it opencv-python-headless? Else correct the name",
    ),
    "a line of Debian's pip freeze": Case(
        "pkg-resources==0.0.0\n",
        f"{UNSOLVED}Because pkg-resources was not found in the package registry and you require"
        f" pkg-resources==0.0.0, {NOT}",
        "requirements.txt:1 asks for pkg-resources==0.0.0, which was not found in any index.",
        "Remove that line",
    ),
    "what only another package asks for": Case(
        "outer\n",
        f"{UNSOLVED}Because inner was not found in the package registry and outer==1 depends on inner>=2, we"
        f" can conclude"
        f" that outer==1 cannot be used. And because you require outer, {NOT}",
        "requirements.txt:1: outer==1 needs inner>=2, which was not found in any index.",
        "Correct the name",
    ),
    "a Python that is too old": Case(
        "numpy==2.5.0\n",
        f"{UNSOLVED}Because the current Python version (3.11.7) does not satisfy Python>=3.12 and numpy==2.5.0"
        f" depends on"
        f" Python>=3.12, we can conclude that numpy==2.5.0 cannot be used.\n         And because you require"
        f" numpy==2.5.0, {NOT}",
        "requirements.txt:1 asks for numpy==2.5.0, which needs Python>=3.12, but the image has Python 3.11.7.",
        "Ask for another version of it, or use an image with such a Python.",
    ),
    "a Python that is too new": Case(
        "onnxruntime==1.10.0\n",
        f"{UNSOLVED}Because onnxruntime==1.10.0 has no wheels with a matching Python ABI tag (e.g., `cp311`)"
        f" and you require"
        f" onnxruntime==1.10.0, {NOT}\nhint: You require CPython 3.11 (`cp311`), but we only found wheels for"
        f" `onnxruntime`"
        " (v1.10.0) with the following Python ABI tags: `cp38`, `cp39`\n",
        "requirements.txt:1 asks for onnxruntime==1.10.0, but there is no wheel of it for the image's Python 3.11 on"
        " linux-x86_64 (only for cp38, cp39).",
        "Ask for another version of it, or use an image with a Python that it has a wheel for.",
    ),
    "releases that were withdrawn": Case(
        "odd<2\n",
        f"{UNSOLVED}Because odd<2 was yanked (reason: broken) and you require odd<2, {NOT}",
        "requirements.txt:1 asks for odd<2, which was withdrawn (broken).",
        "Ask for another version of it.",
    ),
    "requirements that exclude each other": Case(
        "a==1\na==2\n",
        f"{UNSOLVED}Because you require a==1 and a==2, {NOT}",
        "requirements.txt:1 asks for a==1, but requirements.txt:2 asks for a==2.",
        "Loosen one of the two.",
    ),
    "conda's own list": Case(
        "six\nattrs @ file:///croot/attrs_1668696182826/work\n",
        "error: Distribution not found at: file:///croot/attrs_1668696182826/work\n",
        "requirements.txt:2 names /croot/attrs_1668696182826/work, a folder of the machine where that list was made.",
        "Write attrs==VERSION there: pip list --format=freeze lists them so.",
    ),
    "a wheel that is not in the repo": Case(
        "./wheels/x-1.0-py3-none-any.whl\n",
        "error: Distribution not found at: file:///repo/wheels/x-1.0-py3-none-any.whl\n",
        "requirements.txt:1 names wheels/x-1.0-py3-none-any.whl, which is not there.",
        "Commit it to the repo",
    ),
    "a file that a server has not": Case(
        "x @ https://host/x-1.0-py3-none-any.whl\n",
        "error: Failed to download `x @ https://host/x-1.0-py3-none-any.whl`\n"
        "  cause: Failed to fetch: https://host/x-1.0-py3-none-any.whl\n"
        "  cause: HTTP status client error (404 Not Found) for url (https://host/x-1.0-py3-none-any.whl)\n",
        "requirements.txt:1 names https://host/x-1.0-py3-none-any.whl, which answers 404.",
        "Correct the URL",
    ),
    "an extra that a project has not": Case(
        "",
        "error: Requested extra not found: gpu\n",
        "requirements.txt has no extra gpu.",
        "Correct requirements in config.yaml",
    ),
    "a group that a project has not": Case(
        "",
        "error: The dependency group 'dev' was not found in the project: pyproject.toml\n",
        "pyproject.toml has no dependency group dev.",
        "Correct requirements in config.yaml",
    ),
    "a branch that a repository has not": Case(
        "lib @ git+https://host/lib.git@nosuch\n",
        "error: Failed to download and build `lib @ git+https://host/lib.git@nosuch`\n  cause: Git operation failed\n"
        "  cause: process didn't exit successfully: `/usr/bin/git fetch --force 'https://host/lib.git' '+x'`"
        " (exit status: 128)\n"
        "         --- stderr\n         fatal: couldn't find remote ref refs/tags/nosuch\n",
        "git can't fetch https://host/lib.git: fatal: couldn't find remote ref refs/tags/nosuch.",
        "Correct the branch, tag or commit behind the @.",
    ),
    "a repository that wants a login": Case(
        "lib @ git+https://me:secret@host/lib.git\n",
        "error: Failed to download and build `lib @ git+https://me:secret@host/lib.git`\n  cause: Git"
        " operation failed\n"
        "  cause: process didn't exit successfully: `/usr/bin/git fetch 'https://me:secret@host/lib.git' '+x'`\n"
        "         --- stderr\n         fatal: Authentication failed for 'https://me:secret@host/lib.git/'\n",
        "git can't fetch https://host/lib.git: fatal: Authentication failed for 'https://host/lib.git/'.",
        "Correct the URL, or, if it is private, give the container a login for it.",
    ),
    "a repository without a project": Case(
        "lib @ git+https://host/lib.git\n",
        "error: Failed to download and build `lib @ git+https://host/lib.git`\n"
        "  cause: `/cache/x` does not appear to be a Python project, as neither `pyproject.toml` nor"
        " `setup.py` are present\n",
        "lib can't be installed: git+https://host/lib.git has neither a pyproject.toml nor a setup.py.",
        "Name the folder that has one: #subdirectory=FOLDER",
    ),
    "another package at the URL": Case(
        "lib @ git+https://host/lib.git\n",
        "error: Failed to build `lib @ git+https://host/lib.git`\n"
        "  cause: Package metadata name `real` does not match given name `lib`\n",
        "what stands at the URL of lib is the package real.",
        "Write real @ in place of lib @.",
    ),
    "what nothing is known of": Case(
        "a\n",
        "error: Odd\n  cause: something odder\n",
        "requirements.txt can't be resolved: something odder.",
        "Its details have",
    ),
    "a line with one =": Case(
        "six\ntqdm=4.66.1\n",
        "error: Couldn't parse requirement in `requirements.txt` at position 4\n"
        '  cause: no such comparison operator "=", must be one of ~= == != <= >= < > ===\n'
        "         tqdm=4.66.1\n             ^^^^^^^\n",
        "requirements.txt:2 can't be read as a requirement: tqdm has one = before its version.",
        "Is it tqdm==4.66.1?",
    ),
    "an option behind a requirement": Case(
        "tqdm --config-settings a=b\n",
        'error: Expected `--hash`, found `"--config-settings"`: requirements.txt:1:6\n',
        "requirements.txt:1 can't be read as a requirement: the option --config-settings can't stand behind a"
        " requirement.",
        "Remove it there.",
    ),
    "a line of no known kind": Case(
        "tqdm; sys_platform\n",
        "error: Couldn't parse requirement in `requirements.txt` at position 0\n  cause: Expected an operator\n"
        "         tqdm; sys_platform\n               ^^^^^^^\n",
        "requirements.txt:1 can't be read as a requirement: Expected an operator.",
        "Correct it.",
    ),
}


def resolved(case_problem: Problem, output: str, logs: Path, hints: str = "") -> LiveCodeError:
    error = failures.of_resolver(failed(output), case_problem, logs, hints)
    assert isinstance(error, LiveCodeError)
    return error


@pytest.mark.parametrize("name", CASES)
def test_the_line_and_the_advice_that_helps(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    error = resolved(problem(case.asked), case.output, tmp_path)
    assert isinstance(error, RequirementsError)
    assert error.message == case.message
    assert error.hint.startswith(case.hint)
    assert not error.retryable
    assert list(tmp_path.iterdir()) == []


def test_a_date_is_named_where_no_version_is_old_enough(tmp_path: Path) -> None:
    output = f"{UNSOLVED}Because there is no version of a==1 and you require a==1, {NOT}"
    error = resolved(problem("a==1\n", cutoff="2019-01-01T00:00:00Z"), output, tmp_path)
    assert error.message.endswith("no index has such a version as of 2019-01-01T00:00:00Z.")
    assert error.hint == "Set a later resolve_as_of, or ask for an older version."


BUILDS = {
    "a package's own words": (
        "sklearn\n",
        unbuilt(
            "sklearn==0.0.post12",
            "The 'sklearn' PyPI package is deprecated, use 'scikit-learn'",
            "rather than 'sklearn' for pip commands.",
            "",
            "More is at",
            "https://host/page",
        ),
        "requirements.txt:1: sklearn==0.0.post12 can't be built: The 'sklearn' PyPI package is deprecated, use"
        " 'scikit-learn'.",
        "Write scikit-learn in place of sklearn.",
    ),
    "a project of the repo, that the message does not name": (
        "six\n./cuda\n",
        local(
            "Traceback (most recent call last):",
            '  File "<string>", line 3, in <module>',
            "OSError: CUDA_HOME environment variable is not set. Please set it.",
        ),
        "requirements.txt:2: ./cuda can't be built: OSError: CUDA_HOME environment variable is not set. Please set it.",
        "use an image with the CUDA toolkit",
    ),
    "one of several": (
        "./a\n./b\n",
        local("ValueError: no"),
        "requirements.txt can't be built: ValueError: no.",
        "",
    ),
    "a repository": (
        "lib @ git+https://host/lib.git\n",
        unbuilt("lib @ git+https://host/lib.git@abc", "ValueError: no"),
        "requirements.txt:1: lib can't be built: ValueError: no.",
        "",
    ),
    "with a secret in its URL": (
        "lib @ git+https://me:secret@host/lib.git\n",
        unbuilt("lib @ git+https://me:secret@host/lib.git", "E: secret@no"),
        "requirements.txt:1: lib can't be built: E: secret@no.",
        "",
    ),
}


@pytest.mark.parametrize("name", BUILDS)
def test_a_builds_own_reason_is_the_message_and_all_that_it_printed_is_kept(name: str, tmp_path: Path) -> None:
    asked, output, message, hint = BUILDS[name]
    error = resolved(problem(asked), output, tmp_path)
    (log,) = tmp_path.iterdir()
    assert error.message == f"{message} All that it printed: {log}."
    assert hint in error.hint
    assert "compiler" not in str(error)
    assert "me:secret" not in log.read_text() + str(error) + error.details
    assert log.read_text() == output.replace("me:secret@", "")


def test_uvs_advice_for_its_own_users_is_not_passed_on(tmp_path: Path) -> None:
    error = resolved(problem("a\n"), unbuilt("a==1", "ValueError: no", advice=EXTRA_BUILD), tmp_path)
    for text in (error.details, str(error)):
        assert "tool.uv" not in text
        assert "hint:" not in text
    installed = failures.of_installer(failed(unbuilt("a==1", "ValueError: no", advice=EXTRA_BUILD)), tmp_path)
    assert isinstance(installed, BuildError)
    assert "tool.uv" not in installed.details + str(installed)


def test_an_installers_build_is_told_like_a_resolvers(tmp_path: Path) -> None:
    output = unbuilt("x @ file:///tmp/build-1/source/gcc", "error: command 'gcc' failed: No such file or directory")
    error = failures.of_installer(failed(output), tmp_path)
    assert isinstance(error, BuildError)
    assert error.message == (
        "x can't be built: error: command 'gcc' failed: No such file or directory. All that it printed: "
        f"{tmp_path / 'x.log'}."
    )
    assert "Debian: build-essential" in error.hint
    assert (tmp_path / "x.log").read_text() == output


def test_poetrys_form_of_a_project_is_named(tmp_path: Path) -> None:
    asked = problem('[tool.poetry]\nname = "x"\n', file="pyproject.toml")
    error = resolved(asked, local("ValueError: no"), tmp_path)
    assert error.message.startswith("pyproject.toml has no [project]")
    assert "poetry export" in error.hint
    both = problem('[project]\nname = "x"\n[tool.poetry]\n', file="pyproject.toml")
    assert "can't be built: ValueError: no." in resolved(both, local("ValueError: no"), tmp_path).message


@pytest.mark.parametrize(
    "output",
    [
        "error: Failed to fetch: `https://host/simple/a/`\n  cause: error sending request for url (https://host/simple/a/)\n"
        "  cause: Connection refused (os error 111)\n",
        "error: Failed to build `a==1`\n  cause: Failed to resolve requirements from `setup.py` build\n"
        "  cause: error sending request for url (https://host/simple/setuptools/)\n",
    ],
)
def test_an_index_that_is_down_is_not_a_builds_fault(output: str, tmp_path: Path) -> None:
    error = failures.of_resolver(failed(output), problem("a\n"), tmp_path)
    assert isinstance(error, UnreachableError)
    assert isinstance(error.error, IndexUnreachableError)
    assert error.url.startswith("https://host/simple/")


def test_what_a_build_needs_and_no_index_has_is_its_reason(tmp_path: Path) -> None:
    output = (
        "error: Failed to build `a==1`\n  cause: Failed to resolve requirements from `build-system.requires`\n"
        "  cause: No solution found when resolving: `setuptools<40`\n"
        "  cause: Because there is no version of setuptools<40 and you require setuptools<40, we can conclude that x.\n"
    )
    error = resolved(problem("a\n"), output, tmp_path)
    assert error.message.startswith(
        "requirements.txt:1: a==1 can't be built: What its build needs can't be had: Because"
    )


def test_a_full_disk_is_told_before_all_else(tmp_path: Path) -> None:
    error = resolved(problem("a\n"), unbuilt("a==1", "OSError: [Errno 28] No space left on device"), tmp_path)
    assert isinstance(error, StoreFullError)


def test_a_login_that_uv_tells_of_only_when_it_is_asked_again(tmp_path: Path) -> None:
    output = f"{UNSOLVED}Because a was not found in the package registry and you require a, {NOT}"
    hints = (
        "hint: An index URL (https://host/simple) could not be queried due to a lack of valid"
        " authentication credentials (401 Unauthorized)."
    )
    error = resolved(problem("a\n"), output, tmp_path, hints)
    assert error.message == "the index https://host/simple wants a login (401)."


def test_a_long_explanation_is_cut_at_a_word_and_marked() -> None:
    assert failures.short("one two three", most=9) == "one two …"
    assert failures.short("one two", most=7) == "one two"
    assert failures.short("x" * 20, most=5) == "xxxxx …"


def test_the_details_of_a_long_one_have_all_of_it(tmp_path: Path) -> None:
    error = resolved(problem("a\n"), f"error: Odd\n  cause: {'word ' * 200}end\n", tmp_path)
    assert error.message.endswith("word …")
    assert len(error.message) < 450
    assert error.details.endswith("word end")


URL = "https://host/simple/a/"
FETCH = f"error: Failed to fetch: `{URL}`\n  cause: "
# What uv printed; the message; words of the hint.
NETWORK = {
    "a login": (
        f"error: An index URL ({URL}) could not be queried due to a lack of valid authentication credentials (401 X).",
        f"the index {URL} wants a login (401).",
        "Give the container a login for it: a line https://user:token@host in the file that",
    ),
    "another login": (
        f"error: An index URL ({URL}) returned a 403 Forbidden error.",
        f"the index {URL} refuses this login (403).",
        "Give the container a login for it",
    ),
    "a proxy's login": (
        f"{FETCH}proxy authorization required",
        "the proxy wants another login (407).",
        "Name a file with a line",
    ),
    "a certificate": (
        f"{FETCH}client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer",
        f"the certificate of {URL} can't be verified: client error (Connect) invalid peer certificate: UnknownIssuer.",
        "Name a file with its authority in LIVE_CODE_CA_FILE.",
    ),
    "a client's certificate, by status": (
        f"{FETCH}HTTP status client error (400 Bad Request) for url ({URL})",
        f"the index answered 400 for {URL}.",
        "If it wants a client certificate, name its file in LIVE_CODE_",
    ),
    "a client's certificate, by alert": (
        f"{FETCH}received fatal alert: CertificateRequired",
        "the index does not let us in: received fatal alert: CertificateRequired.",
        "If it wants a client certificate",
    ),
    "an index out of order": (
        f"{FETCH}HTTP status server error (503 Service Unavailable) for url ({URL})",
        f"the index answered 503 for {URL}.",
        "Try again later, or name another index in pypi_mirror.",
    ),
    "an index that is not there": (
        f"{FETCH}tcp connect error\n  cause: Connection refused (os error 111).",
        f"the index can't be reached: {URL}: Connection refused (os error 111).",
        "Try again later, or name another index in pypi_mirror.",
    ),
    "the URL in the last cause alone": (
        f"{FETCH}error sending request for url ({URL})",
        f"the index can't be reached: error sending request for url ({URL}).",
        "Try again later, or name another index in pypi_mirror.",
    ),
    "a git host out of reach": (
        "error: x\n  cause: process didn't exit: `git fetch 'https://host/lib.git' '+x'`\n         --- stderr\n"
        "         fatal: unable to access 'https://host/lib.git/': Could not resolve host: host\n",
        "git can't fetch https://host/lib.git: fatal: unable to access 'https://host/lib.git/': Could not resolve host:"
        " host.",
        "Try again later.",
    ),
}


@pytest.mark.parametrize("name", NETWORK)
def test_what_is_wrong_with_the_way_to_an_index(name: str, tmp_path: Path) -> None:
    output, message, hint = NETWORK[name]
    error = failures.of_resolver(failed(output), problem("a\n"), tmp_path)
    known = error.error if isinstance(error, UnreachableError) else error
    assert isinstance(known, LiveCodeError)
    assert known.message == message
    assert known.hint.startswith(hint)
    if "git" not in name:
        assert failures.of_index(output) == f"{message} {known.hint}"


def test_of_an_index_that_nothing_is_known_of_its_words_are_given() -> None:
    assert failures.of_index("odd") == "odd"


def test_an_url_in_an_option_is_none_that_a_requirement_names(tmp_path: Path) -> None:
    output = f"{FETCH}HTTP status client error (404 Not Found) for url ({URL})"
    for asked in ("a\n", f"b @ {URL}b.whl\n", f"-f {URL}\na\n", f"--find-links {URL}\na\n"):
        assert isinstance(failures.of_resolver(failed(output), problem(asked), tmp_path), UnreachableError)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "error: Hash mismatch for `a==1`\n  cause: Expected: x",
            "a file is not the one that was locked: Expected: x.",
        ),
        ("error: No space left on device", "there is no space left for the environment."),
        ("error: odd\n  cause: odder", "the locked packages can't be installed: odder."),
    ],
)
def test_an_installer_that_fails_without_a_build(output: str, message: str, tmp_path: Path) -> None:
    error = failures.of_installer(failed(output), tmp_path)
    assert isinstance(error, LiveCodeError)
    assert error.message == message


def test_a_file_that_is_no_list_is_told_as_a_whole(tmp_path: Path) -> None:
    output = "error: Unexpected '[', expected '-c', '-e', '-r' or the start of a requirement: Pipfile:1:1\n"
    error = resolved(problem("[[source]]\n", file="Pipfile"), output, tmp_path)
    assert error.message == "Pipfile is no list of requirements: it is Pipenv's own file."


def test_a_project_that_can_not_be_told_from_others(tmp_path: Path) -> None:
    error = failures.of_installer(failed(local("ValueError: no")), tmp_path)
    assert isinstance(error, BuildError)
    assert error.message.startswith("a project of the repo can't be built: ValueError: no.")


def test_a_full_disk_is_told_with_what_helps(tmp_path: Path) -> None:
    error = resolved(problem("a\n"), "error: No space left on device", tmp_path)
    assert str(error) == (
        "there is no space left for what the index sends. Enlarge the store, or run live-code cache gc."
    )


def test_an_index_without_dates_is_told(tmp_path: Path) -> None:
    error = resolved(problem("a\n"), "error: a-1.whl is missing an upload date", tmp_path)
    assert "does not tell when releases were made, so requirements.txt can't be resolved" in error.message
    assert error.hint == "Name an index that does (PyPI) in pypi_mirror, or set resolve_as_of: now."


def test_an_installers_details_are_the_last_thirty_lines(tmp_path: Path) -> None:
    error = failures.of_installer(failed("\n".join(map(str, range(100)))), tmp_path)
    assert isinstance(error, LiveCodeError)
    assert error.details.splitlines() == [str(number) for number in range(70, 100)]


def test_blank_and_indented_lines_of_a_build_do_not_end_what_it_printed(tmp_path: Path) -> None:
    output = unbuilt("a==1", "!!", "", "        ********", "", "", "  more", "ValueError: mine")
    assert "a==1 can't be built: ValueError: mine." in resolved(problem("a\n"), output, tmp_path).message
