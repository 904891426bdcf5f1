"""What a lock brings that is no error, and that a person should know of."""

from __future__ import annotations

from live_code.tools.machine.interpreter import Distribution
from live_code.tools.packages import markers
from live_code.tools.packages.messages import oddities
from live_code.tools.packages.solution import Pin
from tests.support.problems import IMAGE

ENVIRONMENT = markers.environment(IMAGE)


def sentences(image: dict[str, tuple[str, ...]], **added: str) -> list[str]:
    pins = [Pin("", name.replace("_", "-"), version) for name, version in added.items()]
    distributions = {name: Distribution("2.0", "", requires, (), {}) for name, requires in image.items()}
    return oddities.of(pins, distributions, ENVIRONMENT)


def test_two_opencv_packages_at_once() -> None:
    assert sentences({}, opencv_python="5.0", opencv_python_headless="4.9") == [
        "opencv-python 5.0 and opencv-python-headless 4.9 install the same files, so only one of them works:"
        " ask for one"
        " alone."
    ]


def test_another_one_than_the_images() -> None:
    assert sentences({"opencv-python-headless": ()}, opencv_python="5.0")[0].startswith(
        "opencv-python 5.0 and the image's opencv-python-headless install the same files"
    )


def test_two_that_the_image_has_are_its_own_affair() -> None:
    assert sentences({"opencv-python-headless": (), "opencv-python": ()}, tqdm="4.1") == []


def test_one_alone_is_nothing_odd() -> None:
    assert sentences({}, opencv_python="5.0", tqdm="4.1") == []


def test_a_version_that_a_package_of_the_image_does_not_work_with() -> None:
    assert sentences({"tensorboard": ("protobuf>=3.19.6,!=4.24.0", "six>1.9")}, protobuf="3.19.0", six="1.17") == [
        "protobuf 3.19.0 is not what the image's own packages ask for, which may fail: tensorboard 2.0 needs"
        " protobuf!=4.24.0,>=3.19.6."
    ]


def test_of_many_packages_five_are_named() -> None:
    image = {f"p{number}": ("numpy>=2",) for number in range(7)}
    assert sentences(image, numpy="1.26")[0].endswith("p4 2.0 needs numpy>=2 and 2 more.")
    five = {f"p{number}": ("numpy>=2",) for number in range(5)}
    assert sentences(five, numpy="1.26")[0].endswith("p4 2.0 needs numpy>=2.")


def test_what_does_not_hold_here_or_is_not_chosen_counts_for_nothing() -> None:
    requires = ('a>2; python_version < "3"', 'a>2; extra == "more"', "a >> 2", "a")
    assert sentences({"b": requires}, a="1.0") == []


def test_a_package_that_is_replaced_itself_asks_for_nothing() -> None:
    assert sentences({"b": ("a>2",)}, a="1.0", b="3.0") == []
