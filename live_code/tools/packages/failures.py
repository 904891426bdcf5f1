"""What a resolver or an installer prints when it fails → the error that a user can act upon."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.errors import (
    BuildError,
    DownloadError,
    IndexUnreachableError,
    LiveCodeError,
    RequirementsError,
    StoreFullError,
)
from live_code.tools import files
from live_code.tools.diagnosis import Sign, diagnose
from live_code.tools.git.credentials import PROXY_FILE
from live_code.tools.packages import conflict
from live_code.tools.packages.access import CLIENT_CERT
from live_code.tools.packages.index import UnreachableError
from live_code.tools.packages.problem import Problem, in_repo
from live_code.tools.packages.secrets import FILE
from live_code.tools.processes import runner

_HINT_LOGIN = f"Give the container a login for it: a line https://user:token@host in the file that {FILE} names."
_HINT_BUILD = (
    "It needs a compiler or a library that is missing, or was made for another Python: ask for another version."
)
_HINT_INDEX = "Try again later, or name another index in pypi_mirror."
_HINT_GIT = "Correct the URL, or, if it is private, give the container a login for it."
_HINT_SPACE = "Enlarge the store, or run live-code cache gc."
_HINT_LINE = "Correct that line; or, if another index has it, name that in extra_index_url."
_HINT_LATER = "Try again later."
_HINT_CLIENT = f"If it wants a client certificate, name its file in {CLIENT_CERT}."
_HINT_CA = "Name a file with its authority in LIVE_CODE_CA_FILE."
_HINT_PROXY = f"Name a file with a line http://user:password@host:port in {PROXY_FILE}."

_AT = re.compile(r"(?:in|of) `(?P<file>[^`]+)` at position (?P<position>\d+)")
_AT_LINE = re.compile(r"(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+$", re.MULTILINE)
_URL = re.compile(r"https?://[^\s`)]+")
_BUILD = r"Failed to build(?: and install)? `(?P<project>[^`]+)`"
_REFUSED = (
    r"An index(?: URL)? \((?P<url>[^)]+)\) (?:could not be queried due to a lack of valid authentication credentials"
    r"|returned a 403 Forbidden error)"
)
_STATUS = r"HTTP status (?:client|server) error \((?P<status>%s)[^)]*\) for url \((?P<url>[^)]+)\)"
_GIT = r"(?sm)git fetch[^`]*'(?P<url>[a-z+]+://[^']+)'.*?^\s*(?P<why>(?:fatal|remote|error|ssh): [^\n]+?)\.*$"
_NO_SPACE = "No space left"

# Of each table the first that fits counts.
_LOGIN = (
    Sign(rf"{_REFUSED} \(\d+", RequirementsError, "the index {url} wants a login (401).", _HINT_LOGIN),
    Sign(_REFUSED, RequirementsError, "the index {url} refuses this login (403).", _HINT_LOGIN),
)
_RESOLVING = (
    Sign(_BUILD, RequirementsError, "{project} can't be built.", _HINT_BUILD),
    Sign(
        "missing an upload date",
        RequirementsError,
        "the index does not tell when releases were made, so {subject} can't be resolved as of a date.",
        "Name an index that does (PyPI) in pypi_mirror, or set resolve_as_of: now.",
    ),
    Sign(_NO_SPACE, StoreFullError, "there is no space left for what the index sends.", _HINT_SPACE),
)
_ANSWERED = (Sign(_GIT, RequirementsError, "git can't fetch {url}: {why}.", _HINT_GIT),)
_INSTALLING = (
    Sign(
        r"[Hh]ash mismatch",
        BuildError,
        "a file is not the one that was locked: {cause}.",
        "The index changed it, or it was damaged on the way.",
    ),
    Sign(_NO_SPACE, StoreFullError, "there is no space left for the environment.", _HINT_SPACE),
)
_NETWORK = (
    Sign("proxy authorization required", IndexUnreachableError, "the proxy wants another login (407).", _HINT_PROXY),
    Sign(
        "invalid peer certificate",
        IndexUnreachableError,
        "the certificate of {requested} can't be verified: {cause}.",
        _HINT_CA,
    ),
    Sign(_STATUS % "400", IndexUnreachableError, "the index answered {status} for {url}.", _HINT_CLIENT),
    Sign(_STATUS % r"\d+", IndexUnreachableError, "the index answered {status} for {url}.", _HINT_INDEX),
    Sign(
        r"(?i)certificate.?required|bad ?certificate|handshake.?failure",
        IndexUnreachableError,
        "the index does not let us in: {cause}.",
        _HINT_CLIENT,
    ),
    Sign(_GIT, IndexUnreachableError, "git can't fetch {url}: {why}.", _HINT_LATER),
    Sign(
        r"error sending request|dns error|onnection (?:refused|reset|closed)|timed out|retries exceeded|"
        r"Failed to (?:fetch|download)|error decoding response body|IncompleteBody|Network is unreachable",
        IndexUnreachableError,
        "the index can't be reached: {innermost}.",
        _HINT_INDEX,
    ),
)


def of_resolver(error: runner.ProcessError, problem: Problem, hints: str = "") -> LiveCodeError | UnreachableError:
    """Why requirements could not be resolved. ``hints``: what else the resolver printed."""
    output = error.output.stderr
    details = output.strip()
    return (
        diagnose(_LOGIN, output + hints, details=details)
        or diagnose(_RESOLVING, output, details=details, subject=problem.subject)
        or _answered_by_git(output, details)
        or conflict.explain(output, problem.all_texts, problem.protection)
        or _unreadable(output, problem)
        or _unreachable(output, IndexUnreachableError, error.last_lines)
        or RequirementsError(
            f"{problem.subject} can't be resolved: {_first_cause(output)}", hint=_HINT_LINE, details=details
        )
    )


def of_installer(error: runner.ProcessError, logs: Path) -> LiveCodeError | UnreachableError:
    """Why locked packages could not be installed. ``logs``: where the whole output of a failed build is kept."""
    output = error.output.stderr
    if built := re.search(_BUILD, output):
        log = logs / f"{re.sub(r'[^A-Za-z0-9.=-]', '_', built['project'])}.log"
        files.write_text(log, output)
        message = f"{built['project']} can't be built; all that it said: {log}"
        return BuildError(message, hint=_HINT_BUILD, details=_last(output))
    return (
        diagnose(_INSTALLING, output, details=error.last_lines, cause=_first_cause(output))
        or _unreachable(output, DownloadError, error.last_lines)
        or BuildError(f"the locked packages can't be installed: {_first_cause(output)}", details=error.last_lines)
    )


def of_index(output: str) -> str:
    """What is wrong with an index and what to do, in a line; '' when ``output`` names nothing."""
    return str(diagnose(_LOGIN, output) or _network(output) or output)


def url_of(output: str) -> str:
    """The URL that was being asked for, as far as the output names it."""
    match = _URL.search(output)
    return match[0] if match else ""


def _network(output: str) -> LiveCodeError | None:
    requested, innermost = url_of(output), _causes(output)[-1]
    where = f"{requested}: " if requested and requested not in innermost else ""
    reached = f"{where}{innermost.rstrip('.')}"
    return diagnose(_NETWORK, output, requested=requested, cause=_first_cause(output), innermost=reached)


def _unreachable(output: str, kind: type[LiveCodeError], details: str) -> UnreachableError | None:
    error = _network(output)
    return UnreachableError(url_of(output), kind(error.message, hint=error.hint, details=details)) if error else None


def _answered_by_git(output: str, details: str) -> LiveCodeError | None:
    """What a repository's host says, when it was reached."""
    match = re.search(_GIT, output)
    return diagnose(_ANSWERED, output, details=details) if match and "unable to access" not in match["why"] else None


def _unreadable(output: str, problem: Problem) -> RequirementsError | None:
    place = _place(output, problem)
    message = f"{place} can't be read as a requirement."
    return RequirementsError(message, hint="Correct it.", details=output.strip()) if place else None


def _place(output: str, problem: Problem) -> str:
    """The file and line that a parser's complaint is about, '' when it is about none."""
    if matches := list(_AT.finditer(output)):
        match = matches[-1]  # the innermost of files that include each other
        name = in_repo(match["file"])
        text = next((text.text for text in problem.texts if text.name == name), "")
        line = text.encode()[: int(match["position"])].count(b"\n") + 1
        return f"{name}:{line}"
    at_line = _AT_LINE.search(output)
    return f"{in_repo(at_line['file'])}:{at_line['line']}" if at_line else ""


def _last(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-30:])


def _first_cause(output: str) -> str:
    """What went wrong, in one line."""
    return " ".join(_causes(output))[:400]


def _causes(output: str) -> list[str]:
    """What went wrong, each behind what it led to; '' when there is no output."""
    causes = (
        re.findall(r"^\s*cause: (.+(?:\n {9}.+)*)", output, re.MULTILINE) or output.strip().splitlines()[-1:] or [""]
    )
    return [" ".join(cause.split()).removeprefix("error: ") for cause in causes]
