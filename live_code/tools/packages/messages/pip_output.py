"""What pip-tools prints when it fails, in words like uv's and without pip's stack: one reader understands both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

# pip tells who needs what only in the repr of its exception; the candidate is named by its file.
_WANTED = re.compile(
    r"SpecifierRequirement\('(?P<what>[^']+)'\), parent=(?:None|\w+Candidate\('(?:\S*/)?(?P<file>[^/']+?)(?: |'|#))"
)
_REFUSED = re.compile(
    r"(?P<status>\d{3}) (?:Client|Server) Error: (?P<words>[^\n]*?) for url: (?P<url>\S+?)[.,]?(?:\s|$)"
)
_RETRIED = re.compile(
    r"(?P<scheme>HTTPS?)ConnectionPool\(host='(?P<host>[^']+)', port=\d+\): Max retries exceeded with url:"
    r" (?P<path>\S+)"
    r".*(?:\((?P<why>\[Errno[^)]*\)[^()\"']*)|: (?P<last>[^()\"']+))"
)
_MISSED = re.compile(r"satisfies the requirement (?P<what>\S.*?) \(from versions: (?P<versions>[^)]*)\)")
_OTHER_PYTHON = re.compile(r"require a different python version: (?P<listed>.*)")
_BUILD = re.compile(r"Failed to build '(?P<project>[^']+)' when (?P<step>.+)")
_BLOCK = re.compile(r"╰─> .*lines? of output\]\n(?P<text>.*?)\n\s*\[end of output\]", re.DOTALL)
_CLONE = re.compile(r"git clone .*? '?(?P<url>[a-z+]+://[^\s']+)'? ")
_INVALID = re.compile(
    r"Invalid requirement: (?P<why>.*?)\n.*\(from line (?P<line>\d+) of (?P<file>[^)\n]+)\)", re.DOTALL
)
_CLASS = re.compile(r"^(?:[A-Za-z_]\w*\.)+(?=[A-Z]\w*: )|^[A-Z]\w*(?:Error|NotFound|Exception|Candidate): ")


def in_uv_words(output: str, trouble: str = "") -> str:
    """``trouble``: what is wrong with an index, where that is known."""
    shown = next((words for form in _FORMS if (words := "\n".join(form(output)))), "") or _plain(output)
    return "\n".join(filter(None, [shown, trouble]))


def _build(output: str) -> Iterator[str]:
    failed, block = _BUILD.search(output), _BLOCK.search(output)
    if not failed:
        return
    text = block["text"].splitlines() if block else []
    indent = min((len(line) - len(line.lstrip()) for line in text if line.strip()), default=0)
    printed = [line[indent:] for line in text]
    if clone := _CLONE.search(f"{failed['step']} "):
        yield f"error: Failed to download and build `{failed['project']}`"
        yield "  cause: Git operation failed"
        yield f"  cause: process didn't exit successfully: `git fetch '{clone['url']}'`"
    else:
        yield f"error: Failed to build `{failed['project']}`"
        yield f"  cause: {failed['step']} failed"
        yield f"\n{' ' * 9}[stderr]"
    yield from (f"{' ' * 9}{line}" for line in printed)


def _missing(output: str) -> Iterator[str]:
    missed = _MISSED.search(output)
    if not missed:
        return
    what = re.sub(r"\s+", "", missed["what"].partition(";")[0])
    name, wanted = re.split(r"[=<>!~\[]", what)[0], re.search(r"==([^,]+)$", what)
    listed = _OTHER_PYTHON.search(output)
    python = _python_of(listed["listed"] if listed else "", wanted[1] if wanted else "")
    yield "error: No solution found when resolving dependencies"
    if python:
        yield (
            f"  cause: Because {what} depends on Python{python} and you require {what}, we can conclude"
            f" that nothing fits."
        )
    elif missed["versions"] == "none":
        yield (
            f"  cause: Because {name} was not found in the package registry and you require {what}, we can"
            f" conclude that nothing fits."
        )
    else:
        yield (
            f"  cause: Because there is no version of {what} and you require {what}, we can conclude that nothing fits."
        )
        yield f"{' ' * 9}only the following versions of {name} are available: {missed['versions']}"


def _python_of(listed: str, version: str) -> str:
    """What Python a release wants that was passed over for it."""
    match = re.search(rf"(?:^|; ){re.escape(version)} Requires-Python (?P<range>[^;]+)", listed) if version else None
    return re.sub(r"\s", "", match["range"]) if match else ""


def _impossible(output: str) -> Iterator[str]:
    if "ResolutionImpossible" not in output:
        return
    yield "error: No solution found when resolving dependencies"
    for match in dict.fromkeys(_WANTED.findall(output)):
        what, file = match
        name, _, version = unquote(file).partition("-")
        candidate = f"{name.replace('_', '-')}=={version.split('-')[0]}" if version else name
        by = f"{candidate} depends on" if file else "you require"
        yield (f"  cause: Because {by} {re.sub(r' ', '', what)}, we can conclude that nothing fits.")


def _refused(output: str) -> Iterator[str]:
    if refused := _REFUSED.search(output):
        yield f"error: Failed to fetch: {refused['url']}"
        status = f"{refused['status']} {refused['words']}"
        yield f"  cause: HTTP status client error ({status}) for url ({refused['url']})"


def _unconnected(output: str) -> Iterator[str]:
    if retried := _RETRIED.search(output):
        yield f"error: error sending request for url ({retried['scheme'].lower()}://{retried['host']}{retried['path']})"
        yield f"  cause: {(retried['why'] or retried['last']).strip()}"


def _unreadable(output: str) -> Iterator[str]:
    if invalid := _INVALID.search(output):
        yield f"error: {invalid['why']}: {invalid['file']}:{invalid['line']}:1"


def _plain(output: str) -> str:
    """The last exception without its class, and what pip said before."""
    lines = [line.strip() for line in output.splitlines()]
    said = [line for line in lines if line.startswith(("ERROR:", "Could not"))]
    last = [line for line in lines if _CLASS.match(line)][-1:] or lines[-1:]
    causes = [_CLASS.sub("", _CLASS.sub("", line)) for line in last]
    return "\n".join([*said, *(f"error: {cause}" for cause in causes)])


_FORMS = (_build, _missing, _impossible, _unreadable, _refused, _unconnected)
