"""What a package's own build prints when it fails → its reason in a line, and what to do about that very one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.values import NamedTuple

# Names that people write, under which there is no such package or only one that refuses to be built.
RENAMED: Mapping[str, str] = {
    "dotenv": "python-dotenv",
    "opencv": "opencv-python-headless",
    "pytorch": "torch",
    "sklearn": "scikit-learn",
    "tensorflow-gpu": "tensorflow",
}
# Debian's packages of headers and libraries that builds miss most.
HEADERS: Mapping[str, str] = {
    "Python.h": "python3-dev",
    "GL/gl.h": "libgl-dev",
    "ffi.h": "libffi-dev",
    "hdf5.h": "libhdf5-dev",
    "jpeglib.h": "libjpeg-dev",
    "libxml/xmlversion.h": "libxml2-dev",
    "openssl/ssl.h": "libssl-dev",
    "png.h": "libpng-dev",
    "sndfile.h": "libsndfile1-dev",
    "turbojpeg.h": "libturbojpeg0-dev",
    "zlib.h": "zlib1g-dev",
}
_FRAMEWORKS = "|".join(known.module for known in FRAMEWORKS)
_COMPILERS = r"(?:[\w-]*-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|gfortran|f95)(?:-\d+)?"

_WHEEL = "Ask for a version of it that has a wheel for the image's Python"
_OTHER_VERSION = "Ask for a newer version of it, or use an image with an older Python."
_COMPILER = f"{_WHEEL}, or use an image with a compiler (Debian: build-essential)."
_OTHER = f"{_WHEEL}; a project of the repo has to be corrected itself."
_CUDA = (
    f"It compiles code for CUDA: use an image with the CUDA toolkit (a devel one), or {_WHEEL[0].lower()}{_WHEEL[1:]}."
)
_OLD_SETUPTOOLS = (
    "It needs an older setuptools: ask for a newer version of it; in a project of the repo write requires ="
    ' ["setuptools<81"]'
    " into [build-system] of its pyproject.toml."
)
_EDITABLE = (
    'Its setuptools is too old for -e: write the path without -e, or requires = ["setuptools>=64"] into'
    " [build-system] of"
    " its pyproject.toml."
)
_UNDECLARED = (
    "Ask for a version of it that has a wheel; in a project of the repo name {module} among the requires of"
    " [build-system] in its pyproject.toml."
)


class Reason(NamedTuple):
    """Why a build failed: a line of its own, and what to do; '' where that is not known."""

    line: str
    remedy: str


class _Sign(NamedTuple):
    """What a build prints of one cause. Its line is the match's own unless ``line`` says it better."""

    pattern: str
    remedy: str
    line: str = ""


# The first that fits counts: what is surely the cause stands before what may only follow from it.
_SIGNS = (
    _Sign(r"The '(?P<old>[\w-]+)' PyPI package is deprecated, use '(?P<new>[\w-]+)'", "Write {new} in place of {old}."),
    _Sign(r'package named for PyTorch is "(?P<new>\w+)"', "Write {new} in place of pytorch."),
    _Sign(r"has no attribute 'build_editable'|does not support editable", _EDITABLE),
    _Sign(r"No module named '(?:pkg_resources|setuptools\.(?:command\.)?\w+)'", _OLD_SETUPTOOLS),
    _Sign(r"cannot import name '\w+' from 'setuptools\b|install_layout", _OLD_SETUPTOOLS),
    _Sign(r"use_2to3 is invalid|Missing parentheses in call to 'print'|name 'unicode' is not defined", _OTHER_VERSION),
    _Sign(
        r"(?:only versions? .{1,40}(?:is|are) supported|[Rr]equires Python|Python version .{1,30}required)",
        _OTHER_VERSION,
    ),
    _Sign(
        r"No module named '(?:numpy\.distutils|distutils|imp)\b|ImpImporter|getargspec|SafeConfigParser|longintrepr\.h",
        _OTHER_VERSION,
    ),
    _Sign(
        rf"No module named '(?P<module>{_FRAMEWORKS})'",
        _UNDECLARED,
        "its build imports {module}, which it does not declare",
    ),
    _Sign(r"No module named '(?P<module>\w+)'", _UNDECLARED, "its build imports {module}, which it does not declare"),
    _Sign(
        r"CUDA_HOME environment variable is not set|nvcc\S* (?:was )?not found|No such file or directory: '\S*nvcc'",
        _CUDA,
    ),
    _Sign(
        r"detected CUDA version .{1,300}mismatches",
        "Use an image whose CUDA toolkit is the one that its framework was built with.",
    ),
    _Sign(
        r"[Cc]an't find Rust compiler|[Cc]argo\b.{0,60}not (?:installed|found)|\b(?:rustc|cargo): (?:command"
        r" )?not found"
        r"|No such file or directory: '(?:cargo|rustc)'",
        f"{_WHEEL}, or use an image with Rust (cargo).",
    ),
    _Sign(
        r"CMake must be installed|[Cc]ould not find CMake|\bcmake\S*: (?:command )?not found|Problem with the"
        r" CMake installation"
        r"|No such file or directory: '\S*cmake'",
        f"{_WHEEL}, or use an image with CMake.",
    ),
    _Sign(
        rf"command '(?P<tool>\S*?{_COMPILERS})' failed: No such file|No such file or directory:"
        rf" '(?P<file>\S*?{_COMPILERS}(?:-\w+)?)'"
        rf"|\b{_COMPILERS}: (?:command )?not found|unable to execute '?{_COMPILERS}|No CMAKE_CX*_COMPILER"
        rf" could be found"
        r"|Unknown compiler\(s\)|compiler .{0,30}(?:not found|cannot be found)",
        _COMPILER,
    ),
    _Sign(
        r"Killed signal terminated program|internal compiler error: Killed|g?cc: fatal error: Killed",
        "The compiler ran out of memory: give the container more, or set MAX_JOBS to 1.",
    ),
    _Sign(
        r"[\w./+-]+:\d+:\d+: fatal error: (?P<header>cuda\w*\.h|cu\w+_v\d\.h|cudnn\S*\.h|cublas\S*\.h"
        r"|curand\S*\.h): No such file",
        _CUDA,
    ),
    _Sign(r"[\w./+-]+:\d+:\d+: fatal error: (?P<header>[\w./+-]+): No such file or directory", "{library}"),
    _Sign(r"cannot find -l(?P<library_name>[\w.+-]+)", f"{_WHEEL}, or use an image with the library {{library_name}}."),
    _Sign(
        r"cython_sources|Cython\.Compiler\.Errors\.CompileError|Error compiling Cython file",
        "It is made for an older Cython: ask for a newer version of it, or set resolve_as_of to a day when it was new.",
    ),
    _Sign(r": error: .*(?:\b_?Py[A-Z_]\w*|tp_print|ob_digit|f_code|use_tracing)", _OTHER_VERSION),
    _Sign(
        r"(?P<tool>pg_config|mysql_config|gdal-config|llvm-config|pkg-config|swig|protoc|ninja"
        r"|make)\b.{0,40}(?:not found|No such file)"
        r"|No such file or directory: '(?P<other>pg_config|mysql_config|gdal-config|llvm-config|pkg-config"
        r"|swig|protoc|ninja|make)'",
        f"{_WHEEL}, or use an image with that tool.",
    ),
    _Sign(
        r"Temporary failure in name resolution|Name or service not known|Could not resolve host|Network is unreachable",
        f"Its build downloads something, which it can't here: {_WHEEL[0].lower()}{_WHEEL[1:]}.",
    ),
)
_TRACE = "Traceback (most recent call last):"
_NOTHING = "it said nothing"
_END = 30
_REQUIRES = re.compile(r"resolve requirements from (?P<where>`?[\w.-]+`?)")


def reason(project: str, stdout: str, stderr: str, causes: tuple[str, ...] = ()) -> Reason:
    """``project``: the package's name. ``causes``: what its builder had to say, the innermost last."""
    renamed = RENAMED.get(project, "")
    other = f"Write {renamed} in place of {project}." if renamed else ""
    if not (stdout + stderr).strip():
        needs = "What its build needs can't be had: " if any(map(_REQUIRES.search, causes)) else ""
        return Reason(needs + (causes[-1] if causes else _NOTHING), other or _OTHER)
    line = last_line(stdout, stderr)
    end = "\n".join(stderr.splitlines()[-_END:])
    # Long before its end a build may look for things that it can do without: an exception at the end says all.
    for text in (line, end, "" if _TRACE in end else f"{stdout}\n{stderr}"):
        for sign in _SIGNS:
            if match := re.search(sign.pattern, text):
                return Reason(sign.line.format(**match.groupdict()) or _whole(match), other or _remedy(sign, match))
    return Reason(line, other or _OTHER)


def last_line(stdout: str, stderr: str) -> str:
    """The line of a failed build that says why: that of its exception, of its compiler, else its last one."""
    output = stderr if stderr.strip() else stdout
    _, trace, behind = output.rpartition(_TRACE)
    if trace and (lines := [line for line in behind.splitlines() if line[:1].strip()]):
        return lines[0].strip()
    if errors := re.findall(r"^\S+:\d+(?::\d+)?: (?:fatal )?error: .+$", f"{stdout}\n{stderr}", re.MULTILINE):
        return str(errors[0]).strip()
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)(?:\w*error|fatal): ", line)]
    return next(reversed(errors or [line for line in lines if "://" not in line] or lines), _NOTHING)


def _whole(match: re.Match[str]) -> str:
    """The line that a sign was found in, without the name of the exception's module."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    return match.string[start:].partition("\n")[0].strip()


def _remedy(sign: _Sign, match: re.Match[str]) -> str:
    found = {name: text or "" for name, text in match.groupdict().items()}
    return sign.remedy.format(**found, library=_library(found.get("header", "")))


def _library(header: str) -> str:
    if header.startswith("numpy/"):
        return _UNDECLARED.format(module="numpy")
    debian = HEADERS.get(header, "")
    named = f"{header} (Debian: {debian})" if debian else header
    return f"{_WHEEL}, or use an image with the library of {named}."
