"""From a resolver's explanation to the one line that is at fault: what uv and pip-tools printed, as it was recorded."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from live_code.errors import FrameworkConflictError
from live_code.tools.packages.framework import Bound, Protection
from live_code.tools.packages.messages import conflict
from live_code.tools.packages.messages.explanation import Demand
from live_code.tools.packages.requirements import Text
from tests.support.problems import NUMPY, TORCH, lists

SHIPPED = "but the image ships torch 2.13.0+cpu."
BOUND = "but numpy>=2 has to hold: torch 2.13.0+cpu was built against numpy 2."
NVIDIA = Protection({"torch": "2.5.0a0+872d972e41.nv24.8"})


class Case(NamedTuple):
    asked: str
    output: str
    message: str
    protection: Protection = TORCH


def explained(*sentences: str) -> str:
    return "error: No solution found when resolving dependencies\n  cause: " + "\n         And b".join(sentences)


REQUIRED = "we can conclude that your requirements are unsatisfiable."
CASES = {
    "another version": Case(
        "tqdm\ntorch==1.7.1+cu110\n",
        explained(f"Because you require torch==2.13.0+cpu and torch==1.7.1+cu110, {REQUIRED}"),
        f"requirements.txt:2 asks for torch==1.7.1+cu110, {SHIPPED}",
    ),
    "a whole range, not cut at its comma": Case(
        "fastai==2.7.10\n",
        explained(
            "Because fastai==2.7.10 depends on torch>=1.7,<1.14 and you require torch==2.13.0+cpu, we can conclude that"
            " your requirements and fastai==2.7.10 are incompatible.",
            f"ecause you require fastai==2.7.10, {REQUIRED}",
        ),
        f"requirements.txt:1: fastai==2.7.10 needs torch>=1.7,<1.14, {SHIPPED}",
    ),
    "a whole range of what has to hold": Case(
        "scipy==1.7.3\n",
        explained(
            "Because scipy==1.7.3 depends on numpy>=1.16.5,<1.23.0 and numpy>=2, we can conclude that scipy==1.7.3"
            " cannot be used.",
            f"ecause you require scipy==1.7.3, {REQUIRED}",
        ),
        f"requirements.txt:1: scipy==1.7.3 needs numpy>=1.16.5,<1.23.0, {BOUND}",
        NUMPY,
    ),
    "poetry's caret": Case(
        "numpy>=1.23.4,<2\n",
        explained(f"Because you require numpy>=1.23.4,<2 and numpy>=2, {REQUIRED}"),
        f"requirements.txt:1 asks for numpy>=1.23.4,<2, {BOUND}",
        NUMPY,
    ),
    "a line that fits is innocent": Case(
        "torch>=1.9\nsetuptools==59.5.0\n",
        explained(
            "Because torch==2.13.0+cpu depends on setuptools>=77.0.3 and you require torch==2.13.0+cpu, we can conclude"
            " that you require setuptools>=77.0.3.",
            f"ecause you require setuptools==59.5.0, {REQUIRED}",
        ),
        "requirements.txt:2 asks for setuptools==59.5.0, but the image's torch 2.13.0+cpu needs setuptools>=77.0.3.",
    ),
    "the same in pip-tools' words": Case(
        "torch>=1.9\nsetuptools==59.5.0\n",
        "error: No solution found when resolving dependencies\n"
        "  cause: Because you require setuptools==59.5.0, we can conclude that nothing fits.\n"
        "  cause: Because torch==2.13.0+cpu depends on setuptools>=77.0.3, we can conclude that nothing fits.",
        "requirements.txt:2 asks for setuptools==59.5.0, but the image's torch 2.13.0+cpu needs setuptools>=77.0.3.",
    ),
    "by way of another": Case(
        "# deep\ndeep\n",
        explained(
            "Because all versions of timm-old depend on torch<2 and all versions of deep depend on timm-old, we can"
            " conclude that all versions of deep depend on torch<2.",
            f"ecause you require torch==2.13.0+cpu and deep, {REQUIRED}",
        ),
        f"requirements.txt:2: deep needs timm-old, timm-old needs torch<2, {SHIPPED}",
    ),
    "a range that uv gives to what needs the package": Case(
        "old-numpy\n",
        explained(
            "Because all versions of old-numpy depend on numpy<2 and torch==2.13.0+cpu depends on numpy>=2, we can"
            " conclude that all versions of old-numpy and torch==2.13.0+cpu are incompatible.",
            f"ecause you require torch==2.13.0+cpu and old-numpy, {REQUIRED}",
        ),
        f"requirements.txt:1: old-numpy needs numpy<2, {BOUND}",
        NUMPY,
    ),
    "a project whose file is resolved": Case(
        "",
        explained(f"Because lib depends on torch==2.13.0+cpu and torch<2, {REQUIRED}"),
        f"pyproject.toml asks for torch<2, {SHIPPED}",
    ),
    "a project below": Case(
        "-e ./lib\n",
        explained(
            "Because only lib==1 is available and lib==1 depends on torch<2, we can conclude that all versions of lib"
            " depend on torch<2.",
            f"ecause you require torch==2.13.0+cpu and lib, {REQUIRED}",
        ),
        f"lib==1 needs torch<2, {SHIPPED}",
    ),
    "a line with a marker": Case(
        'torch<2 ; python_version >= "3.8"\n',
        explained(f"Because you require torch==2.13.0+cpu and torch<2, {REQUIRED}"),
        f"requirements.txt:1 asks for torch<2, {SHIPPED}",
    ),
    "a line with blanks and brackets": Case(
        "torch >= 1.9, < 3\ntorch (>= 1, < 2)\n",
        explained(f"Because you require torch>=1.9,<3 and torch>=1,<2, and you require torch==2.13.0+cpu, {REQUIRED}"),
        f"requirements.txt:2 asks for torch (>= 1, < 2), {SHIPPED}",
    ),
    "a range that is written in another order": Case(
        "torch>=1.9\ntorch<2,>=1\n",
        explained(f"Because you require torch>=1,<2 and torch==2.13.0+cpu, {REQUIRED}"),
        f"requirements.txt:2 asks for torch<2,>=1, {SHIPPED}",
    ),
    "of two lines none, when it can't be seen which": Case(
        "torch>=1.9\ntorch<2\n",
        explained(f"Because you require torch>=1.9,<2 and torch==2.13.0+cpu, {REQUIRED}"),
        f"pyproject.toml asks for torch>=1.9,<2, {SHIPPED}",
    ),
    "of two lines the one that does not fit": Case(
        "torch>=1.9\ntorch<2\n",
        explained(f"Because you require torch>=1.9 and torch<2, and you require torch==2.13.0+cpu, {REQUIRED}"),
        f"requirements.txt:2 asks for torch<2, {SHIPPED}",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_line_at_fault_and_no_other_is_named(name: str) -> None:
    case = CASES[name]
    error = conflict.explain(case.output, lists(case.asked), case.protection, "pyproject.toml")
    assert error is not None
    assert error.message == case.message
    assert error.details == case.output
    assert "allow_framework_override: true" in error.hint


def releases(count: int) -> str:
    premises = [
        f"Because torchvision==0.{number}.0 depends on torch==2.{number}.0, we can conclude that X."
        for number in range(10, 10 + count)
    ]
    return explained(*premises[:1], *(premise[1:] for premise in premises[1:]))


def test_five_releases_in_the_way_are_named_one_by_one() -> None:
    error = conflict.explain(releases(5), lists("torchvision\n"), NVIDIA)
    assert error is not None
    assert error.message.count("needs torch==") == 5


def test_six_are_more_than_a_line_should_have() -> None:
    error = conflict.explain(releases(6), lists("torchvision\n"), NVIDIA)
    assert error is not None
    assert "torchvision 0.10.0 to 0.15.0 (6 releases) need other versions of torch" in error.message


def test_of_more_releases_the_first_the_last_and_their_number_are_named() -> None:
    error = conflict.explain(releases(31), lists("torchvision\n"), NVIDIA)
    assert error is not None
    assert error.message == (
        "requirements.txt:1: torchvision 0.10.0 to 0.40.0 (31 releases) need other versions of torch, but the"
        " image ships"
        " torch 2.5.0a0+872d972e41.nv24.8."
    )


INNOCENT = {
    "what the framework's own version meets": (
        "torch>=1.9\n",
        f"Because you require torch>=1.9 and nosuch, {REQUIRED}",
    ),
    "a Python that is too old": (
        "numpy==2.5.0\n",
        "Because the current Python version (3.11.7) does not satisfy Python>=3.12 and numpy==2.5.0 depends on"
        f" Python>=3.12, we can conclude that numpy==2.5.0 cannot be used. And because you require"
        f" numpy==2.5.0, {REQUIRED}",
    ),
    "no wheel": (
        "torchvision==0.14.0\n",
        "Because torchvision==0.14.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you require"
        f" torchvision==0.14.0, {REQUIRED}",
    ),
    "a range with a hole beside the image's version": (
        "a\n",
        "Because a==1 depends on one of:\n             torch<2.0\n             torch>2.0\n         and you"
        " require a, we can"
        " conclude that x.",
    ),
    "what is only concluded": (
        "a\n",
        f"Because a==1 depends on b, we can conclude that a==1 depends on torch<2. And because you require a,"
        f" {REQUIRED}",
    ),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_no_conflict_with_the_image_is_not_called_one(name: str) -> None:
    asked, sentence = INNOCENT[name]
    assert conflict.explain(explained(sentence), lists(asked), NUMPY) is None


AMONG = {
    "two lines": (
        "a==1.0\na==2.0\n",
        f"Because you require a==1.0 and a==2.0, {REQUIRED}",
        "requirements.txt:1 asks for a==1.0, but requirements.txt:2 asks for a==2.0.",
    ),
    "a line and what another one needs": (
        "requests[socks]==2.31.0\nurllib3==0.9\n",
        "Because requests==2.31.0 depends on urllib3>=1.21.1,<3 and you require requests[socks]==2.31.0, we"
        " can conclude"
        f" that you require urllib3>=1.21.1,<3. And because you require urllib3==0.9, {REQUIRED}",
        "requirements.txt:2 asks for urllib3==0.9, but requirements.txt:1: requests==2.31.0 needs urllib3>=1.21.1,<3.",
    ),
    "of several pairs the one with a line": (
        "a\nb\nc<2\n",
        "Because a==1 depends on d<2 and b==1 depends on d>=3, we can conclude that x. And because b==1"
        " depends on c>=2 and"
        f" you require c<2, {REQUIRED}",
        "requirements.txt:3 asks for c<2, but requirements.txt:2: b==1 needs c>=2.",
    ),
    "a range with holes": (
        "tensorflow==2.12.0\nprotobuf==3.19.0\n",
        "Because tensorflow==2.12.0 depends on one of:\n             protobuf>=3.20.3,<4.21.0\n"
        "             protobuf>4.21.0,<4.21.1\n             protobuf>4.21.1,<5.0.0.dev0\n"
        "         and you require tensorflow==2.12.0, we can conclude that you require one of:\n"
        "             protobuf>=3.20.3,<4.21.0\n"
        f"\n         And because you require protobuf==3.19.0, {REQUIRED}",
        "requirements.txt:2 asks for protobuf==3.19.0, but requirements.txt:1: tensorflow==2.12.0 needs"
        " protobuf>=3.20.3,!=4.21.0,!=4.21.1,<5.0.0.dev0.",
    ),
}


@pytest.mark.parametrize("name", AMONG)
def test_requirements_that_exclude_each_other_are_both_named(name: str) -> None:
    asked, sentence, message = AMONG[name]
    error = conflict.among(explained(sentence), lists(asked))
    assert error is not None
    assert str(error) == f"{message} Loosen one of the two."
    assert not isinstance(error, FrameworkConflictError)


def test_releases_of_one_package_need_not_agree_with_each_other() -> None:
    output = explained(f"Because a==1 depends on b<2 and a==2 depends on b>=3 and you require a, {REQUIRED}")
    assert conflict.among(output, lists("a\n")) is None


def test_requirements_that_fit_each_other_are_no_conflict() -> None:
    output = explained(f"Because a==1 depends on b>=2 and you require b<3 and you require c, {REQUIRED}")
    assert conflict.among(output, lists("a\nb<3\nc\n")) is None


def test_who_asks_for_what_is_missing_is_the_one_whose_range_it_lies_in() -> None:
    demands = (Demand("b==1", "a", ("<2",)), Demand("c==1", "a", (">=3",)))
    assert conflict.asking("a", ">=3", demands, lists("b\nc\n"), "x") == "requirements.txt:2: c==1 needs a>=3"


BY_URL = {
    "torch @ file:///home/u/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl": "",
    "torch @ https://host/whl/torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl#sha256=ab": "",
    "https://host/whl/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl": "",
    "torch @ file:///home/u/torch-2.13.0-cp311-cp311-linux_x86_64.whl": "torch @ file:///home",
    "torch @ https://host/torch-1.13.0-cp311-cp311-linux_x86_64.whl": "torch @ https://host",
    "https://host/whl/torch-2.13.0%2Bcu130-cp311-cp311-linux_x86_64.whl": "https://host/whl",
    "torch @ git+https://host/pytorch.git": "torch @ git",
    "tqdm @ https://host/tqdm-1.0-py3-none-any.whl": "",
    "torch": "",
}


@pytest.mark.parametrize("line", BY_URL)
def test_a_framework_by_url_is_refused_unless_it_is_what_the_image_has(line: str) -> None:
    if not BY_URL[line]:
        conflict.direct(lists(f"{line}\n"), TORCH)
        return
    with pytest.raises(FrameworkConflictError) as caught:
        conflict.direct(lists(f"six\n{line}\n"), TORCH)
    assert caught.value.message.startswith(f"requirements.txt:2 asks for {BY_URL[line]}")
    assert caught.value.message.endswith(SHIPPED)


def test_a_wheel_of_the_images_version_is_resolved_as_that_version() -> None:
    wheel = "torch @ file:///home/u/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl"
    other = "tqdm @ https://host/tqdm-1.0-py3-none-any.whl"
    text = f'six\n{wheel} ; python_version > "3"\n# {wheel}\n{other}\n'
    (resolved,) = conflict.as_shipped(lists(text), TORCH)
    assert resolved.text == f'six\ntorch==2.13.0+cpu ; python_version > "3"\n# {wheel}\n{other}\n'


def test_another_tools_lock_is_left_as_it_is() -> None:
    text = Text("uv.lock", "torch @ file:///home/u/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl")
    assert conflict.as_shipped((text,), TORCH) == (text,)


def test_a_locks_entry_is_a_conflict_with_the_package_or_with_its_range() -> None:
    assert conflict.of_pin("x.lock has torch==1", "torch", NUMPY).message == f"x.lock has torch==1, {SHIPPED}"
    assert conflict.of_pin("x.lock has numpy==1", "numpy", NUMPY).message == f"x.lock has numpy==1, {BOUND}"


def test_a_range_is_not_a_reason_for_a_package_of_another_name() -> None:
    bounds = Protection({}, (Bound("numpy", ">=2", "of numpy"), Bound("scipy", ">=1", "of scipy")))
    output = explained(f"Because you require numpy<2 and numpy>=2, {REQUIRED}")
    error = conflict.explain(output, lists("numpy<2\n"), bounds)
    assert error is not None
    assert error.message == "requirements.txt:1 asks for numpy<2, but numpy>=2 has to hold: of numpy."
