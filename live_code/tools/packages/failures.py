"""What a resolver or an installer says when it fails → the error that a user can act upon."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from live_code.errors import BuildError, RequirementsError, StoreFullError
from live_code.job.ymir_exc import protocol
from live_code.tools import files
from live_code.tools.git.credentials import PROXY_FILE
from live_code.tools.packages import conflict
from live_code.tools.packages.access import CLIENT_CERT
from live_code.tools.packages.index import UnreachableError
from live_code.tools.packages.problem import PLAIN, Problem
from live_code.tools.packages.secrets import FILE
from live_code.tools.processes import runner

_AT = re.compile(r"(?:in|of) `(?P<file>[^`]+)` at position (?P<position>\d+)")
_AT_LINE = re.compile(r"(?P<file>[^\s:]+\.\w+):(?P<line>\d+):\d+$", re.MULTILINE)
_STATUS = re.compile(r"HTTP status (?:client|server) error \((?P<status>\d+)[^)]*\) for url \((?P<url>[^)]+)\)")
_REFUSED = re.compile(
    r"An index(?: URL)? \((?P<url>[^)]+)\) (?:could not be queried due to a lack of valid authentication credentials"
    r"|returned a 403 Forbidden error)(?: \((?P<status>\d+))?"
)
_URL = re.compile(r"https?://[^\s`)]+")
_BUILD = re.compile(r"Failed to build(?: and install)? `([^`]+)`")
_NETWORK = re.compile(
    r"error sending request|dns error|onnection (?:refused|reset|closed)|timed out|retries exceeded|"
    r"Failed to (?:fetch|download)|error decoding response body|IncompleteBody|Network is unreachable"
)


_GIT = re.compile(
    r"git fetch[^`]*'(?P<url>[a-z+]+://[^']+)'.*?^\s*(?P<why>(?:fatal|remote|error|ssh): [^\n]+)",
    re.DOTALL | re.MULTILINE,
)
_WANTS_CERTIFICATE = re.compile(r"certificate.?required|[Bb]ad ?[Cc]ertificate|handshake.?failure", re.IGNORECASE)


class IndexUnreachableError(RequirementsError):
    """The index did not answer, or not as an index does: trying again later may help."""

    kind = "INDEX"
    return_code = protocol.CODE_NETWORK
    retryable = True


class DownloadError(BuildError):
    """A locked file did not come."""

    kind = "DOWNLOAD"
    return_code = protocol.CODE_NETWORK
    retryable = True


def of_resolver(
    error: runner.ProcessError, problem: Problem, hints: str = ""
) -> RequirementsError | StoreFullError | UnreachableError:
    """Why requirements could not be resolved. ``hints``: what else the resolver said."""
    said = error.output.stderr
    if refused := _REFUSED.search(said + hints):
        return RequirementsError(f"the index {_about(refused)}.", hint=_HINT_LOGIN, details=said.strip())
    if built := _BUILD.search(said):
        return RequirementsError(f"{built[1]} can't be built.", hint=_HINT_BUILD, details=said.strip())
    if problem.cutoff and "missing an upload date" in said:
        return RequirementsError(
            f"the index does not tell when releases were made, so {problem.subject} can't be resolved as of a date.",
            hint="Name an index that does (PyPI) in pypi_mirror, or set resolve_as_of: now.",
            details=said.strip(),
        )
    if "No space left" in said:
        return StoreFullError("there is no space left for what the index sends.", hint=_HINT_SPACE)
    if (git := _GIT.search(said)) and "unable to access" not in git["why"]:  # it answered
        return RequirementsError(_not_fetched(git), hint=_HINT_GIT, details=said.strip())
    if found := conflict.explain(said, problem.texts, problem.protection):
        return found
    if place := _place(said, problem):
        return RequirementsError(f"{place} can't be read as a requirement.", hint="Correct it.", details=said.strip())
    if trouble := _network(said):
        down = IndexUnreachableError(trouble.words, hint=trouble.hint, details=error.last_lines)
        return UnreachableError(url_of(said), down)
    return RequirementsError(
        f"{problem.subject} can't be resolved: {_first_cause(said)}", hint=_HINT_LINE, details=said.strip()
    )


def of_installer(error: runner.ProcessError, logs: Path) -> BuildError | StoreFullError | UnreachableError:
    """Why locked packages could not be installed. ``logs``: where the whole output of a failed build is kept."""
    said = error.output.stderr
    if built := _BUILD.search(said):
        kept = logs / f"{re.sub(r'[^A-Za-z0-9.=-]', '_', built[1])}.log"
        files.write_text(kept, said)
        return BuildError(f"{built[1]} can't be built; all that it said: {kept}", hint=_HINT_BUILD, details=_last(said))
    if re.search(r"[Hh]ash mismatch", said):
        return BuildError(
            f"a file is not the one that was locked: {_first_cause(said)}.",
            hint="The index changed it, or it was damaged on the way.",
            details=error.last_lines,
        )
    if "No space left" in said:
        return StoreFullError("there is no space left for the environment.", hint=_HINT_SPACE)
    if trouble := _network(said):
        return UnreachableError(url_of(said), _download(trouble, error))
    return BuildError(f"the locked packages can't be installed: {_first_cause(said)}", details=error.last_lines)


def _download(trouble: _Trouble, error: runner.ProcessError) -> DownloadError:
    return DownloadError(trouble.words, hint=trouble.hint, details=error.last_lines)


def of_index(said: str) -> str:
    """What is wrong with an index and what to do, in a line; '' when ``said`` tells of nothing."""
    if refused := _REFUSED.search(said):
        return f"the index {_about(refused)}. {_HINT_LOGIN}"
    trouble = _network(said)
    return f"{trouble.words} {trouble.hint}" if trouble else said


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


def _place(said: str, problem: Problem) -> str:
    """The file and line that a parser's complaint is about, '' when it is about none."""
    if found := list(_AT.finditer(said)):
        match = found[-1]  # the innermost of files that include each other
        name = match["file"].rpartition(f"/{PLAIN}/")[2]
        text = next((text.text for text in problem.texts if text.name == name), "")
        line = text.encode()[: int(match["position"])].count(b"\n") + 1
        return f"{name}:{line}"
    at_line = _AT_LINE.search(said)
    return f"{at_line['file']}:{at_line['line']}" if at_line else ""


def _not_fetched(git: re.Match[str]) -> str:
    return f"git can't fetch {git['url']}: {git['why'].rstrip('.')}."


def _about(refused: re.Match[str]) -> str:
    wants = "wants a login (401)" if refused["status"] else "refuses this login (403)"
    return f"{refused['url']} {wants}"


def url_of(said: str) -> str:
    """The URL that was being asked for, as far as it is told."""
    match = _URL.search(said)
    return match[0] if match else ""


class _Trouble(NamedTuple):
    words: str
    hint: str


def _network(said: str) -> _Trouble | None:
    cause = _first_cause(said)
    if "proxy authorization required" in said:
        return _Trouble("the proxy wants another login (407).", _HINT_PROXY)
    if "invalid peer certificate" in said:
        return _Trouble(f"the certificate of {url_of(said)} can't be verified: {cause}.", _HINT_CA)
    if match := _STATUS.search(said):
        hint = _HINT_CLIENT if match["status"] == "400" else _HINT_INDEX
        return _Trouble(f"the index answered {match['status']} for {match['url']}.", hint)
    if _WANTS_CERTIFICATE.search(said):
        return _Trouble(f"the index does not let us in: {cause}.", _HINT_CLIENT)
    if match := _GIT.search(said):
        return _Trouble(_not_fetched(match), _HINT_LATER)
    if not _NETWORK.search(said):
        return None
    innermost = _causes(said)[-1]
    where = url_of(said)
    at = f"{where}: " if where and where not in innermost else ""
    return _Trouble(f"the index can't be reached: {at}{innermost.rstrip('.')}.", _HINT_INDEX)


def _last(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-30:])


def _first_cause(said: str) -> str:
    """What went wrong, in one line."""
    return " ".join(_causes(said))[:400]


def _causes(said: str) -> list[str]:
    """What went wrong, each behind what it led to; '' when nothing is told."""
    causes = re.findall(r"^\s*cause: (.+(?:\n {9}.+)*)", said, re.MULTILINE) or said.strip().splitlines()[-1:] or [""]
    return [" ".join(cause.split()).removeprefix("error: ") for cause in causes]
