"""What a resolver or an installer prints when it fails → the error that a user can act upon."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

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
from live_code.tools.packages.access import CLIENT_CERT
from live_code.tools.packages.framework import normalised
from live_code.tools.packages.index import UnreachableError
from live_code.tools.packages.messages import absent, backend, conflict, unreadable, uv_report
from live_code.tools.packages.messages.uv_report import Report
from live_code.tools.packages.problem import Problem, in_repo
from live_code.tools.packages.requirements import Line, is_list, lines
from live_code.tools.packages.secrets import FILE
from live_code.tools.processes import runner
from live_code.tools.settings import PackageSettings
from live_code.tools.store import Store

_HINT_LOGIN = f"Give the container a login for it: a line https://user:token@host in the file that {FILE} names."
_HINT_INDEX = "Try again later, or name another index in pypi_mirror."
_HINT_GIT = "Correct the URL, or, if it is private, give the container a login for it."
_HINT_SPACE = "Enlarge the store, or run live-code cache gc."
_HINT_LINE = "Its details have the resolver's own explanation."
_HINT_REF = "Correct the branch, tag or commit behind the @."
_HINT_LATER = "Try again later."
_HINT_CLIENT = f"If it wants a client certificate, name its file in {CLIENT_CERT}."
_HINT_CA = "Name a file with its authority in LIVE_CODE_CA_FILE."
_HINT_PROXY = f"Name a file with a line http://user:password@host:port in {PROXY_FILE}."

_AT = re.compile(r"(?:in|of) `(?P<file>[^`]+)` at position (?P<position>\d+)")
_AT_LINE = re.compile(r"^error: .* (?P<file>[^\s:]+):(?P<line>\d+):\d+$", re.MULTILINE)
_URL = re.compile(r"https?://[^\s`)]+")
_LOGIN_IN_URL = re.compile(r"(?P<scheme>\b(?:https?|ssh)://)(?!git@)[^/@\s'`]+@")
_BUILT = re.compile(r"Failed to (?:build|download and build|build and install|build wheels for) `(?P<project>[^`]+)`")
_FROZEN = re.compile(r"/(?:croot|feedstock_root|conda-bld)/|/(?:tmp|private)/.*build|/work$|/home/conda/")
_NOT_THERE = re.compile(r"(?:Distribution not found at: (?:file://)?|No such file or directory: ')(?P<path>/[^'\n]+)")
_REFUSED = (
    r"An index(?: URL)? \((?P<url>[^)]+)\) (?:could not be queried due to a lack of valid authentication credentials"
    r"|returned a 403 Forbidden error)"
)
_STATUS = r"HTTP status (?:client|server) error \((?P<status>%s)[^)]*\) for url \((?P<url>[^)]+)\)"
_GIT = r"(?sm)git fetch[^`]*'(?P<url>[a-z+]+://[^']+)'.*?^\s*(?P<why>(?:fatal|remote|error|ssh): [^\n]+?)\.*$"
_BEFORE_BUILDING = (
    r"Git operation|Network connectivity|does not appear to be a Python project|Distribution"
    r" not found|not match given name"
)
_NO_SPACE = "No space left"

# Of each table the first that fits counts.
_LOGIN = (
    Sign(rf"{_REFUSED} \(\d+", RequirementsError, "the index {url} wants a login (401).", _HINT_LOGIN),
    Sign(_REFUSED, RequirementsError, "the index {url} refuses this login (403).", _HINT_LOGIN),
)
_RESOLVING = (
    Sign(
        "missing an upload date",
        RequirementsError,
        "the index does not tell when releases were made, so {subject} can't be resolved as of a date.",
        "Name an index that does (PyPI) in pypi_mirror, or set resolve_as_of: now.",
    ),
    Sign(_NO_SPACE, StoreFullError, "there is no space left for what the index sends.", _HINT_SPACE),
)
_ANSWERED = (
    Sign(
        r"Requested extra not found: (?P<extra>\S+)",
        RequirementsError,
        "{subject} has no extra {extra}.",
        "Correct requirements in {origin}, or the extra's name there.",
    ),
    Sign(
        r"dependency group '(?P<group>[^']+)' was not found in the project: (?P<file>\S+)",
        RequirementsError,
        "{file} has no dependency group {group}.",
        "Correct requirements in {origin}, or the group's name there.",
    ),
    Sign(
        r"`(?P<project>[^`\s]+) @ (?P<url>[^`]+)`\n.*does not appear to be a Python project",
        RequirementsError,
        "{project} can't be installed: {url} has neither a pyproject.toml nor a setup.py.",
        "Name the folder that has one: #subdirectory=FOLDER at the end of the URL.",
    ),
    Sign(
        r"metadata name `(?P<name>[^`]+)` does not match given name `(?P<given>[^`]+)`",
        RequirementsError,
        "what stands at the URL of {given} is the package {name}.",
        "Write {name} @ in place of {given} @.",
    ),
    Sign(
        _GIT.replace("(?P<why>", r"(?P<why>(?=[^\n]*(?:remote ref|did not match|unadvertised|not our ref))"),
        RequirementsError,
        "git can't fetch {url}: {why}.",
        _HINT_REF,
    ),
    Sign(_GIT, RequirementsError, "git can't fetch {url}: {why}.", _HINT_GIT),
)
_INSTALLING = (
    Sign(
        r"[Hh]ash mismatch",
        BuildError,
        "a file is not the one that was locked: {cause}.",
        "The index changed it, it was damaged on the way, or the requirements have a wrong hash of it.",
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
    Sign(_STATUS % "401", IndexUnreachableError, "{url} wants a login (401).", _HINT_LOGIN),
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
        r"Failed to fetch|network timeout|error decoding response body|IncompleteBody|Network is unreachable",
        IndexUnreachableError,
        "the index can't be reached: {innermost}.",
        _HINT_INDEX,
    ),
)


def of_resolver(
    error: runner.ProcessError, problem: Problem, logs: Path, hints: str = ""
) -> LiveCodeError | UnreachableError:
    """Why requirements could not be resolved. ``logs``: where the whole output of a failed build is kept; ``hints``:
    what else the resolver printed."""
    printed = _public(error.output.stderr)
    output = uv_report.without_advice(printed)
    report, details = uv_report.read(printed), output.strip()
    return (
        diagnose(_LOGIN, output + hints, details=details)
        or diagnose(_RESOLVING, output, details=details, subject=problem.subject)
        or _of_build(report, printed, problem, logs)
        or _answered(output, problem)
        or _of_url(output, problem)
        or _unreachable(output, IndexUnreachableError, details)
        or conflict.explain(output, problem.all_texts, problem.protection, problem.subject)
        or conflict.among(output, problem.all_texts, problem.subject)
        or absent.explain(printed, problem)
        or _not_there(output, problem)
        or _unreadable(report, output, problem)
        or RequirementsError(
            f"{problem.subject} can't be resolved: {_sentence(_first_cause(output))}", hint=_HINT_LINE, details=details
        )
    )


def logs_in(settings: PackageSettings, store: Store) -> Path:
    """Where the whole output of a failed build is kept."""
    return Path(settings.logs) if settings.logs else store.path("logs")


def of_installer(error: runner.ProcessError, logs: Path) -> LiveCodeError | UnreachableError:
    """Why locked packages could not be installed. ``logs``: where the whole output of a failed build is kept."""
    printed = _public(error.output.stderr)
    output = uv_report.without_advice(printed)
    report, details = uv_report.read(printed), _last(output)
    if _is_of_build(report):
        return _unbuilt(BuildError, _project(report) or "a project of the repo", report, printed, logs)
    return (
        diagnose(_INSTALLING, output, details=details, cause=_first_cause(output))
        or _unreachable(output, DownloadError, details)
        or BuildError(f"the locked packages can't be installed: {_sentence(_first_cause(output))}", details=details)
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


def _answered(output: str, problem: Problem) -> LiveCodeError | None:
    """What is wrong with a project or a repository that was reached."""
    match = re.search(_GIT, output)
    if match and "unable to access" in match["why"]:
        return None
    origin, subject = problem.chosen.origin or "the task", problem.subject
    return diagnose(_ANSWERED, output, details=output.strip(), origin=origin, subject=subject)


def _is_of_build(report: Report) -> bool:
    """Whether a build failed by itself, and not for want of what it needs from the network."""
    failed = any(_BUILT.match(cause) or cause.startswith("The build backend") for cause in report.causes)
    causes = " ".join(report.causes)
    elsewhere = re.search(_BEFORE_BUILDING, causes) or any(re.search(sign.pattern, causes) for sign in _NETWORK)
    return failed and bool(report.stdout or report.stderr or not elsewhere)


def _project(report: Report) -> str:
    """The package that could not be built, without the place where that was tried."""
    named = next((match["project"] for cause in report.causes if (match := _BUILT.match(cause))), "")
    return "" if "://" in named.partition(" @ ")[0] else named.partition(" @ ")[0]


def _of_build(report: Report, printed: str, problem: Problem, logs: Path) -> RequirementsError | None:
    if not _is_of_build(report):
        return None
    project = _project(report)
    named = conflict.place(normalised(re.split(r"[=<>!~\[]", project)[0]), problem.texts) if project else None
    local = (
        [] if project else [line for line in _lines(problem) if re.match(r"(?:-e|--editable|\.|/|file:)", line.text)]
    )
    pyproject = next((text.text for text in problem.texts if text.name == problem.subject), "")
    if "[tool.poetry]" in pyproject and not re.search(r"^\[project\]", pyproject, re.MULTILINE):
        message = f"{problem.subject} has no [project], and what Poetry reads in its place can't be built here."
        return RequirementsError(message, hint=unreadable.POETRY, details=_last(uv_report.without_advice(printed)))
    if len(local) == 1:
        named, project = local[0], local[0].text
    place = f"{named}: " if named else ""
    return _unbuilt(RequirementsError, f"{place}{project or problem.subject}", report, printed, logs)


ERROR = TypeVar("ERROR", bound=LiveCodeError)


def _unbuilt(kind: type[ERROR], subject: str, report: Report, printed: str, logs: Path) -> ERROR:
    """``subject``: what could not be built, in words that may begin with its place."""
    project = subject.rpartition(": ")[2]
    reason = backend.reason(normalised(re.split(r"[=<>!~\[]", project)[0]), report.stdout, report.stderr, report.causes)
    log = logs / f"{re.sub(r'[^A-Za-z0-9.=-]+', '_', project).strip('._') or 'build'}.log"
    files.write_text(log, printed)
    message = f"{subject} can't be built: {_sentence(reason.line)} All that it printed: {log}."
    return kind(message, hint=reason.remedy, details=_last(uv_report.without_advice(printed)))


def _not_there(output: str, problem: Problem) -> RequirementsError | None:
    """A file or folder that a line names and that is not here."""
    match = _NOT_THERE.search(output)
    if not match:
        return None
    path = match["path"].strip()
    shown = path.removeprefix(f"{problem.root}/")
    line = next((line for line in _lines(problem) if shown in line.text), None)
    name = re.match(r"[\w.-]+", line.text) if line else None
    if _FROZEN.search(path):
        hint = f"Write {name[0] if name else 'the name'}==VERSION there: pip list --format=freeze lists them so."
        words = f"{path}, a folder of the machine where that list was made"
    else:
        hint = "Commit it to the repo, or name a version of an index instead."
        words = f"{shown}, which is not there"
    return RequirementsError(f"{line or problem.subject} names {words}.", hint=hint, details=output.strip())


def _of_url(output: str, problem: Problem) -> RequirementsError | None:
    """What a server says of a file that a line names: another try gets the same answer."""
    match = re.search(_STATUS % r"40[0134]|410", output)
    named = re.compile(rf"{re.escape(match['url'].partition('#')[0])}(?=[\s#;]|$)") if match else None
    asking = (line for line in _lines(problem) if not line.text.startswith(("-f", "-i", "--")))
    line = next((line for line in asking if named and named.search(line.text)), None)
    if not match or not line:
        return None
    message = f"{line} names {match['url']}, which answers {match['status']}."
    hint = _HINT_LOGIN if match["status"] in ("401", "403") else "Correct the URL, or name a version of an index."
    return RequirementsError(message, hint=hint, details=output.strip())


def _lines(problem: Problem) -> list[Line]:
    return [line for text in problem.texts if is_list(text.name) for line in lines(text)]


def _unreadable(report: Report, output: str, problem: Problem) -> RequirementsError | None:
    place = _place(output, problem)
    if not place:
        return None
    name = place.rpartition(":")[0]
    text = next((text for text in problem.texts if text.name == name), None)
    if text and (whole := unreadable.of_file(text)):
        return RequirementsError(f"{name} is no list of requirements: {whole.words}.", hint=whole.remedy)
    line = next((line.text for line in _lines(problem) if str(line) == place), "")
    reason = unreadable.of_line(line, _complaint(report, line))
    message = f"{place} can't be read as a requirement: {_sentence(reason.words)}"
    return RequirementsError(message, hint=reason.remedy, details=output.strip())


def _complaint(report: Report, line: str) -> str:
    """A parser's own words, without the line that it quotes and the place, which stand elsewhere."""
    words = report.causes[-1].partition(f" {line} ")[0] if report.causes else ""
    return re.sub(r": \S+:\d+:\d+$", "", words)


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


def _public(output: str) -> str:
    """Without the logins that a requirement's own URL may hold; those of the container never get here."""
    return _LOGIN_IN_URL.sub(r"\g<scheme>", output)


def _last(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-30:])


def _first_cause(output: str) -> str:
    """What went wrong, in one line."""
    return short(" ".join(_causes(output)))


def short(text: str, most: int = 400) -> str:
    """Cut at the end of a word, and marked so; the details have all of it."""
    return text if len(text) <= most else f"{text[:most].rpartition(' ')[0] or text[:most]} …"


def _sentence(text: str) -> str:
    text = short(text).strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _causes(output: str) -> list[str]:
    """What went wrong, each behind what it led to; '' when there is no output."""
    causes = uv_report.read(output).causes
    return [cause.removeprefix("error: ") for cause in causes[1:] or causes] or [""]
