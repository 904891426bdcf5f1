"""Hints to an exception: what it has to do with the hyper-parameters, or with a habit that `check` knows.

Each function of ``_TABLE`` knows one mistake; the first that recognises its own gives the hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from live_code.errors import nearest
from live_code.job.ymir_exc import protocol
from live_code.stages.request.hyperparameters import Request
from live_code.stages.request.repo_settings import Merged
from live_code.stages.request.task_config import PLATFORM_KEYS
from live_code.stages.supervise import symptoms
from live_code.tools import remedies
from live_code.values import NamedTuple

_QUOTED = re.compile(r"'([^'\n]{1,200})'|\"([^\"\n]{1,200})\"")
_NO_KEY = re.compile(r"AttributeError: 'EasyDict' object has no attribute '(\w+)'|KeyError: '(\w+)'")
_NO_PATH = re.compile(r"(?:FileNotFound|Permission|NotADirectory)Error: .*?'(/[^'\n]*)'")
_READ_ONLY = re.compile(r"OSError: \[Errno 30\] .*'/in/")
_NO_NUMBER = re.compile(r"ValueError: (?:could not convert string to float|invalid literal for int\(\).*): '\s*'")
_TEXT = re.compile(r"TypeError: .*(?:\bstr\b|sequence by non-int)")
_OF_CODE = re.compile(r"(?:Name|UnboundLocal|Syntax|Indentation|Tab|Import)Error\b")
_NEEDS_NUMBER = re.compile(r"interpreted as an integer|not supported between|by non-int|real number, not str")
_NO_PART = re.compile(
    r"ImportError: cannot import name '(?P<part>_\w+|\w+_(?:ext|cuda|cpp|gpu|cpu|ops?))' from (?:partially"
    r" initialized module )?"
    r"'(?P<package>[\w.]+)' .*\((?P<file>/[^)\n]+)\)"
)
_LIKE_A_NUMBER = re.compile(r"\s*[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")
_NOT_THE_REPOS = frozenset({*PLATFORM_KEYS, *Request._fields})
_OF_IMAGES = ("/app", "/in", "/out")
_SETTING = ("SETTING", protocol.CODE_CONFIG)
_TASK, _REPO, _IMAGE = "task", "repo", "image"

# What a label of which class_names has no name does to a loss, to a list of names, to a table by ids.
_OF_LABELS = re.compile(
    r"IndexError|index -?\d+ is out of bounds|Target -?\d+ is out of bounds|device-side assert|KeyError: -?\d+$"
    r"|Class values must be (?:smaller|non-negative)|class_id|label (?:value )?-?\d+"
)
LABELS_REMEDY = "Give class_names all classes of the annotations, or leave out what has other ids."


class Failure(NamedTuple):
    """An exception ('' for none), the repo's own line that it came through ('' if none is known), this run's folders,
    and the message about a model that is not there."""

    text: str
    line: str
    folders: tuple[str, ...]
    merged: Merged
    missing_model: str = ""


class Hint(NamedTuple):
    """``kind`` and ``code``: what the failure is then, if it is known better so."""

    message: str
    remedy: str
    kind: str = ""
    code: int = 0


def may_be_labels(text: str) -> bool:
    return bool(_OF_LABELS.search(text))


def of(failure: Failure) -> Hint | None:
    return next(filter(None, (find(failure) for find in _TABLE)), None)


def _no_metric(failure: Failure) -> Hint | None:
    return Hint("", remedies.MAIN_METRIC) if failure.text.startswith("ValueError: no main metric (") else None


def _read_only(failure: Failure) -> Hint | None:
    return Hint("The task's input is read-only.", remedies.WRITE_BELOW) if _READ_ONLY.match(failure.text) else None


def _fixed_path(failure: Failure) -> Hint | None:
    """A path that the code has written out, and not one that it was given."""
    path = _NO_PATH.match(failure.text)
    given = (*failure.folders, "/in") if "/out" in failure.folders else failure.folders
    if not path or remedies.lies_in(path[1], given):
        return None
    if not (remedies.lies_in(path[1], _OF_IMAGES) or failure.text.startswith("Permission") or path[1] in failure.line):
        return None
    fixed = remedies.of_fixed_path(path[1])
    return Hint(*fixed) if fixed else None


def _no_part(failure: Failure) -> Hint | None:
    """The compiled part of a package: nobody built it, or the repo's folder hides the package that has it."""
    match = _NO_PART.match(failure.text)
    if not match:
        return None
    part, package = match["part"], match["package"].partition(".")[0]
    if remedies.lies_in(match["file"], failure.folders[:1]):
        message = f"{package} is imported from the repo, whose folder has no compiled {part}."
        return Hint(message, remedies.HIDDEN.format(package=package))
    return Hint(f"{package} is installed without its compiled {part}.", remedies.NOT_COMPILED)


def _missing(failure: Failure) -> Hint | None:
    """A hyper-parameter that is read and that nothing gives; what is no `cfg.param.NAME` may be something else."""
    match = _NO_KEY.match(failure.text)
    key = (match[1] or match[2]) if match else ""
    if not match or key in failure.merged.values or re.search(rf"ymir\.|\w*(?:cfg|config|conf)\.{key}\b", failure.line):
        return None
    sure = re.search(rf"param(?:\.|\[['\"]){key}\b", failure.line)
    if match[2] and not sure:
        return None
    file = _defaults(failure.merged) or "a code_config"
    close = nearest(key, failure.merged.values)
    message = f"{key} is neither in this task's settings nor in {file}{f'; is it {close}?' if close else '.'}"
    remedy = f"Give {key} in the task, or a default for it in {file}."
    return Hint(message, remedy, *_SETTING) if sure else Hint(message, remedy)


def _empty(failure: Failure) -> Hint | None:
    if not _NO_NUMBER.match(failure.text):
        return None
    keys = _repos(failure, lambda value: isinstance(value, str) and not value.strip())
    return _wrong([key for key in keys if _stands(key, failure.line)], failure)


def _text(failure: Failure) -> Hint | None:
    """A number that is a text, as a form sends it, and as YAML reads 1e-3."""
    if not _TEXT.match(failure.text):
        return None
    numeric = _repos(failure, lambda value: isinstance(value, str) and bool(_LIKE_A_NUMBER.fullmatch(value)))
    only = numeric if len(numeric) == 1 and _NEEDS_NUMBER.search(failure.text) else []
    keys = [key for key in numeric if _stands(key, failure.line)] or only
    if not keys:
        return None
    remedy = f"Use int(...) or float(...) where the code reads {' and '.join(keys)}: numbers may come as texts."
    return Hint(f"{_values(keys, failure.merged)} That is a text.", remedy)


def _quoted(failure: Failure) -> Hint | None:
    """The settings whose value, a word as a form sends it, stands in quotes in what an exception says."""
    words = {first or second for first, second in _QUOTED.findall(failure.text)}
    values = failure.merged.values.items()
    hint = _wrong(
        [key for key, value in values if isinstance(value, str) and value.strip() and value in words], failure
    )
    if hint and not failure.text.startswith("ValueError"):
        return Hint(hint.message, "")
    return hint


def _wrong(keys: list[str], failure: Failure) -> Hint | None:
    """Values that can't be used, and whose they are."""
    if not keys:
        return None
    names, owner = " or ".join(keys), _owner(keys[0], failure.merged)
    remedy = f"Correct {names} in the task."
    if owner != _TASK:
        remedy = f"Whoever maintains the {owner} should correct it; until then give another {names} in the task."
    elif any(_stands(key, failure.text) for key in keys):
        return Hint("", remedy, *_SETTING)
    return Hint(_values(keys, failure.merged), remedy, *_SETTING)


def _no_model(failure: Failure) -> Hint | None:
    if not failure.missing_model or _OF_CODE.match(failure.text):
        return None
    cause = symptoms.MODEL_FILE
    return Hint(f"{failure.missing_model}.", cause.hint, cause.kind, cause.code)


def _repos(failure: Failure, fits: Callable[[Any], bool]) -> list[str]:
    """The repo's hyper-parameters that have such a value."""
    return [key for key, value in failure.merged.values.items() if key not in _NOT_THE_REPOS and fits(value)]


def _stands(key: str, text: str) -> bool:
    return bool(re.search(rf"\b{re.escape(key)}\b", text))


def _values(keys: list[str], merged: Merged) -> str:
    """Where each key has its value from."""
    phrases = [f"{key} is {merged.values[key]!r} {_place(key, merged)}" for key in keys]
    return f"{' and '.join(phrases)}."


def _place(key: str, merged: Merged) -> str:
    owner = _owner(key, merged)
    if owner == _REPO:
        return f"in the repo's {merged.origins[key]}"
    return "in this task's settings" if owner == _TASK else "in the image's template"


def _owner(key: str, merged: Merged) -> str:
    if key in merged.layers.get("config.yaml", ()):
        return _TASK
    return _REPO if key in merged.layers.get("code_config", ()) else _IMAGE


def _defaults(merged: Merged) -> str:
    """The name of the file that code_config names; '' when there is none."""
    named = (merged.origins[key] for key in merged.layers.get("code_config", ()) if _owner(key, merged) != _TASK)
    return next(named, str(merged.values.get("code_config") or ""))


_TABLE: tuple[Callable[[Failure], Hint | None], ...] = (
    _no_metric,
    _read_only,
    _fixed_path,
    _no_part,
    _missing,
    _empty,
    _text,
    _quoted,
    _no_model,
)
