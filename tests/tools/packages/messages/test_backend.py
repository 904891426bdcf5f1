"""From a failed build's own output to its reason and a remedy that fits it."""

from __future__ import annotations

import re

import pytest

from live_code.tools.packages.messages import backend

TRACE = 'Traceback (most recent call last):\n  File "<string>", line 3, in <module>\n    boom()\n'
# Standard error (or output, of a compiler), the reason, words of the remedy.
CASES = {
    "a name that was given up": (
        "The 'sklearn' PyPI package is deprecated, use 'scikit-learn'\nrather than 'sklearn' for pip commands.\n\nMore at\nhttps://host",
        "The 'sklearn' PyPI package is deprecated, use 'scikit-learn'",
        "Write scikit-learn in place of sklearn.",
    ),
    "torch by its other name": (
        f'{TRACE}Exception: You tried to install "pytorch". The package named for PyTorch is "torch"',
        'Exception: You tried to install "pytorch". The package named for PyTorch is "torch"',
        "Write torch in place of pytorch.",
    ),
    "no editable install": (
        f"{TRACE}AttributeError: module 'setuptools.build_meta' has no attribute 'build_editable'",
        "AttributeError: module 'setuptools.build_meta' has no attribute 'build_editable'",
        "write the path without -e",
    ),
    "pkg_resources": (
        f"{TRACE}ModuleNotFoundError: No module named 'pkg_resources'",
        "ModuleNotFoundError: No module named 'pkg_resources'",
        'requires = ["setuptools<81"]',
    ),
    "a command that setuptools dropped": (
        f"{TRACE}ModuleNotFoundError: No module named 'setuptools.command.test'",
        "ModuleNotFoundError: No module named 'setuptools.command.test'",
        "setuptools<81",
    ),
    "torch, undeclared": (
        f"{TRACE}ModuleNotFoundError: No module named 'torch'",
        "its build imports torch, which it does not declare",
        "name torch among the requires",
    ),
    "numpy's own distutils": (
        f"{TRACE}ModuleNotFoundError: No module named 'numpy.distutils'",
        "ModuleNotFoundError: No module named 'numpy.distutils'",
        "older Python",
    ),
    "numpy, undeclared": (
        f"{TRACE}ModuleNotFoundError: No module named 'numpy'",
        "its build imports numpy, which it does not declare",
        "name numpy among the requires",
    ),
    "distutils": (
        f"{TRACE}ModuleNotFoundError: No module named 'distutils'",
        "ModuleNotFoundError: No module named 'distutils'",
        "an image with an older Python",
    ),
    "imp": (
        f"{TRACE}ModuleNotFoundError: No module named 'imp'",
        "ModuleNotFoundError: No module named 'imp'",
        "an image with an older Python",
    ),
    "the importer of pkgutil": (
        f"{TRACE}AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: x?",
        "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: x?",
        "older Python",
    ),
    "Python 2": (
        "  File \"setup.py\", line 2\n    print 'x'\nSyntaxError: Missing parentheses in call to 'print'. Did"
        " you mean x?",
        "SyntaxError: Missing parentheses in call to 'print'. Did you mean x?",
        "older Python",
    ),
    "2to3": (
        "error in nose setup command: use_2to3 is invalid.",
        "error in nose setup command: use_2to3 is invalid.",
        "older Python",
    ),
    "its own bound on Python": (
        f"{TRACE}RuntimeError: Cannot install on Python version 3.11.7; only versions >=3.7,<3.11 are supported.",
        "RuntimeError: Cannot install on Python version 3.11.7; only versions >=3.7,<3.11 are supported.",
        "older Python",
    ),
    "no CUDA toolkit": (
        f"{TRACE}OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
        "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
        "CUDA toolkit",
    ),
    "no nvcc": (
        "error: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'",
        "error: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'",
        "CUDA toolkit",
    ),
    "another CUDA than torch's": (
        "RuntimeError: The detected CUDA version (11.5) mismatches the version that was used to compile"
        " PyTorch (12.1).",
        "RuntimeError: The detected CUDA version (11.5) mismatches the version that was used to compile"
        " PyTorch (12.1).",
        "the one that its framework was built with",
    ),
    "no compiler": (
        "error: command 'gcc' failed: No such file or directory",
        "error: command 'gcc' failed: No such file or directory",
        "Debian: build-essential",
    ),
    "no compiler, in new words": (
        "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'",
        "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'",
        "build-essential",
    ),
    "no compiler, in a shell's words": ("sh: 1: g++: not found", "sh: 1: g++: not found", "build-essential"),
    "no compiler, in meson's words": (
        "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]",
        "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]",
        "build-essential",
    ),
    "a compiler that was killed": (
        "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.",
        "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1plus",
        "MAX_JOBS",
    ),
    "Python's headers": (
        "x.c:1:10: fatal error: Python.h: No such file or directory\ncompilation terminated.\nerror: Command"
        " '['gcc']' returned 1",
        "x.c:1:10: fatal error: Python.h: No such file or directory",
        "Debian: python3-dev",
    ),
    "some header": (
        "src/y.c:1:10: fatal error: nosuch.h: No such file or directory",
        "src/y.c:1:10: fatal error: nosuch.h: No such file or directory",
        "the library of nosuch.h.",
    ),
    "numpy's headers": (
        "y.c:1:10: fatal error: numpy/arrayobject.h: No such file or directory",
        "y.c:1:10: fatal error: numpy/arrayobject.h: No such file or directory",
        "name numpy among",
    ),
    "CUDA's headers": (
        "y.cpp:3:10: fatal error: cuda_runtime.h: No such file or directory",
        "y.cpp:3:10: fatal error: cuda_runtime.h: No such file or directory",
        "CUDA toolkit",
    ),
    "a library": (
        "/usr/bin/ld: cannot find -lGL: No such file or directory",
        "/usr/bin/ld: cannot find -lGL: No such file or directory",
        "the library GL",
    ),
    "an old Cython": (
        f"{TRACE}AttributeError: 'build_ext' object has no attribute 'cython_sources'",
        "AttributeError: 'build_ext' object has no attribute 'cython_sources'",
        "resolve_as_of",
    ),
    "Rust": (
        "info: syncing\nerror: can't find Rust compiler\n\nIf you are using an outdated pip",
        "error: can't find Rust compiler",
        "Rust (cargo)",
    ),
    "cargo": (
        "Cargo, the Rust package manager, is not installed or is not on PATH.",
        "Cargo, the Rust package manager, is not installed or is not on PATH.",
        "Rust (cargo)",
    ),
    "CMake": (
        f"{TRACE}RuntimeError: CMake must be installed to build the following extensions: dlib",
        "RuntimeError: CMake must be installed to build the following extensions: dlib",
        "an image with CMake",
    ),
    "another tool": (
        "Error: pg_config executable not found.",
        "Error: pg_config executable not found.",
        "an image with that tool",
    ),
    "a download of its own": (
        f"{TRACE}urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
        "urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
        "downloads something",
    ),
    "an exception of its own": (f"{TRACE}ValueError: mine\n  more of it\n", "ValueError: mine", ""),
    "the last of two exceptions": (
        f"{TRACE}KeyError: 1\n\nDuring handling of the above exception\n\n{TRACE}ValueError: 2",
        "ValueError: 2",
        "",
    ),
    "C code for another Python": (
        "a.c:3:1: error: incompatible type for argument 1 of '_Py_HashDouble'\nerror: Command 'gcc' failed",
        "a.c:3:1: error: incompatible type for argument 1 of '_Py_HashDouble'",
        "older Python",
    ),
    "an error of the compiler": (
        "a.c:3:1: error: unknown type name 'foo'\na.c:4:1: error: more\nerror: command 'gcc' failed with exit code 1",
        "a.c:3:1: error: unknown type name 'foo'",
        "",
    ),
    "the line that says error": ("starting\nerror: it broke\nbye", "error: it broke", ""),
    "the last line": ("one\ntwo\n\nhttps://host/more\n", "two", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_the_reason_and_a_remedy_that_fits(name: str) -> None:
    output, line, remedy = CASES[name]
    assert remedy in backend.reason("x", "", output).remedy
    assert backend.reason("x", "", output).line == line
    assert (backend.reason("x", "", output).remedy == backend._OTHER) == (remedy == "")


@pytest.mark.parametrize("name", CASES)
def test_a_compiler_is_spoken_of_only_where_there_was_none(name: str) -> None:
    spoken_of = "compiler" in backend.reason("x", "", CASES[name][0]).remedy
    assert spoken_of == name.startswith(("no compiler", "a compiler"))


@pytest.mark.parametrize("header", backend.HEADERS)
def test_a_header_is_told_with_debians_package(header: str) -> None:
    remedy = backend.reason("x", "", f"src/y.c:1:10: fatal error: {header}: No such file or directory").remedy
    assert remedy == (
        "Ask for a version of it that has a wheel for the image's Python, or use an image with the library of"
        f" {header} (Debian: {backend.HEADERS[header]})."
    )
    assert re.fullmatch(r"(?:lib|python3|zlib1g)[\w-]*-dev", backend.HEADERS[header])


def test_what_code_for_cuda_wants() -> None:
    remedy = backend.reason("x", "", "CUDA_HOME environment variable is not set").remedy
    assert remedy == (
        "It compiles code for CUDA: use an image with the CUDA toolkit (a devel one), or ask for a version of"
        " it that has a"
        " wheel for the image's Python."
    )


def test_a_package_that_was_given_up_for_another_is_known_by_its_name() -> None:
    reason = backend.reason(
        "tensorflow-gpu", "", f"{TRACE}packaging.requirements.InvalidRequirement: Expected semicolon"
    )
    assert reason.remedy == "Write tensorflow in place of tensorflow-gpu."


def test_what_a_build_could_do_without_is_not_its_reason() -> None:
    searched = "sh: 1: gfortran: not found\n" + "more\n" * 40
    reason = backend.reason("x", searched, f"{searched}{TRACE}ValueError: mine")
    assert reason.line == "ValueError: mine"
    assert "compiler" not in reason.remedy


def test_a_build_that_writes_to_its_standard_output_alone_is_heard() -> None:
    assert backend.reason("x", "running build\nit broke\n", "").line == "it broke"


def test_a_build_that_says_nothing_has_its_builders_words() -> None:
    assert backend.reason("x", "", "", ("Failed to build `x`", "it was killed")).line == "it was killed"
    unmet = ("Failed to resolve requirements from `build-system.requires`", "there is no setuptools<40")
    assert backend.reason("x", "", "", unmet).line == "What its build needs can't be had: there is no setuptools<40"
    assert backend.reason("x", "", "").line == "it said nothing"
