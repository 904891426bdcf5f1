"""conda's environment.yml (K8): its Python is a range, its pip part is read like a requirements file, by its own
lines, and what conda alone has is held against the image."""

from __future__ import annotations

import sys

import pytest

from live_code.errors import ConfigError, RequirementsError
from live_code.tools.packages.forms import conda
from tests.support.workshop import Workshop, pins

IMAGE = f"{sys.version_info.major}.{sys.version_info.minor}"
NEXT = f"{sys.version_info.major}.{sys.version_info.minor + 1}"


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("a", "b", "c"):
        shop.index.add(name, "1.0").add(name, "2.0")
    return shop


def file(*items: str, pip: tuple[str, ...] = ("a<2",)) -> str:
    own = "".join(f"- {item}\n" for item in items)
    return f"name: x\nchannels: [defaults]\ndependencies:\n{own}- pip:\n" + "".join(f"  - {line}\n" for line in pip)


class TestPython:
    @pytest.mark.parametrize(
        "words",
        [
            "python",
            "python>=3.8",
            f"python>=3.8,<{NEXT}",
            f"python={IMAGE}.*",
            f"python {IMAGE}.*",
            f"python {IMAGE}",
            f"python=={IMAGE}.99",
            f"python={IMAGE}.7=h1234_0_cpython",
            f"conda-forge::python={IMAGE}",
            f"conda-forge/linux-64::python {IMAGE}",
            f"'python[version=\">=3.8,<{NEXT}\"]'",
            f"python=3.6|{IMAGE}",
            "python !=3.7",
            f"python >=3.8, <{NEXT}",
        ],
    )
    def test_one_in_its_range_is_the_images(self, offered: Workshop, words: str) -> None:
        offered.write(file(words, "pip"), "environment.yml")
        assert pins(offered.lock(requirements="environment.yml")) == {"a": "1.0"}

    @pytest.mark.parametrize(
        "words", ["python=3.6", f"python>={NEXT}", f"python<{IMAGE}", "python 3.6.*", "python==3.7.1"]
    )
    def test_another_is_refused_by_its_line(self, offered: Workshop, words: str) -> None:
        offered.write(file("pip", words), "environment.yml")
        with pytest.raises(
            RequirementsError, match=r"^environment\.yml:5 asks for python.*, but the image has Python 3\."
        ):
            offered.lock(requirements="environment.yml")


class TestOwnPart:
    @pytest.mark.parametrize(
        ("words", "package"),
        [
            ("pytorch>=2", "torch 2.6.0+cu124"),
            ("pytorch::pytorch=2.6", "torch 2.6.0+cu124"),
            ("numpy=1.26", "numpy 1.26.4"),
            ("numpy", "numpy 1.26.4"),
            ("numpy=1.26.4=py311h64a7726_0", "numpy 1.26.4"),
            ("Pillow>=9,<12", "pillow 11.0"),
            ("opencv", "opencv-python-headless 4.10"),
        ],
    )
    def test_what_the_image_has_is_told_and_met(
        self, offered: Workshop, words: str, package: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offered.image.torch("2.6.0+cu124").has("numpy", "1.26.4").has("pillow", "11.0")
        offered.image.has("opencv-python-headless", "4.10")
        offered.write(file(words), "environment.yml")
        assert pins(offered.lock(requirements="environment.yml")) == {"a": "1.0"}
        assert f"environment.yml:4: conda's {words} is the image's {package}." in capsys.readouterr().err

    def test_libraries_below_the_interpreter_are_left_to_the_image(
        self, offered: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        offered.write(
            file("cudatoolkit=11.3", "libgcc-ng", "mkl", "_libgcc_mutex=0.1=main", "pip=21"), "environment.yml"
        )
        assert pins(offered.lock(requirements="environment.yml")) == {"a": "1.0"}
        told = capsys.readouterr().err
        assert "conda's cudatoolkit=11.3, libgcc-ng, mkl, _libgcc_mutex=0.1=main are left to the image" in told

    def test_what_is_left_is_named_with_the_first_line_of_it(self, offered: Workshop) -> None:
        offered.image.has("numpy", "1.26.4")
        offered.write(file("numpy=1.21", "faiss-gpu", "mkl"), "environment.yml")
        words = r"^environment\.yml:4 asks conda for numpy=1\.21 \(the image has numpy 1\.26\.4\), faiss-gpu; live"
        with pytest.raises(RequirementsError, match=words):
            offered.lock(requirements="environment.yml")


class TestPipPart:
    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    @pytest.mark.parametrize("line", ["-r more.txt", "-r file:more.txt", "--requirement=more.txt"])
    def test_files_that_it_includes_are_read_from_its_folder(self, offered: Workshop, line: str, resolver: str) -> None:
        offered.write(file("python", pip=(line, "c<2")), "conda/environment.yml")
        offered.write("-r deep/b.txt\n", "conda/more.txt").write("b<2\n", "conda/deep/b.txt")
        locked = offered.lock(requirements="conda/environment.yml", resolver=resolver)
        assert pins(locked) == {"b": "1.0", "c": "1.0"}
        assert "/tmp" not in locked.text

    def test_a_change_in_one_is_another_lock(self, offered: Workshop) -> None:
        offered.write(file("python", pip=("-r more.txt",)), "environment.yml").write("b<2\n", "more.txt")
        assert pins(offered.lock(requirements="environment.yml")) == {"b": "1.0"}
        assert pins(offered.write("b\n", "more.txt").lock(requirements="environment.yml")) == {"b": "2.0"}

    def test_one_that_is_missing_is_told_by_the_line_that_includes_it(self, offered: Workshop) -> None:
        offered.write(file("python", pip=("a", "-r missing.txt")), "environment.yml")
        with pytest.raises(RequirementsError, match=r"^environment\.yml:7 includes missing\.txt, which is no file"):
            offered.lock(requirements="environment.yml")

    @pytest.mark.parametrize("line", ["a => 1", "a=1.0"])
    def test_a_line_that_cannot_be_read_is_told_by_its_place(self, offered: Workshop, line: str) -> None:
        offered.write(file("python", "pip", pip=("b", line)), "environment.yml")
        with pytest.raises(RequirementsError, match=r"^environment\.yml:8 can't be read as a requirement"):
            offered.lock(requirements="environment.yml")

    def test_an_environment_yaml_is_read_too(self, offered: Workshop) -> None:
        offered.write(file("python>=3.8"), "environment.yaml")
        assert pins(offered.lock(requirements="environment.yaml")) == {"a": "1.0"}

    @pytest.mark.parametrize(
        ("text", "listed"),
        [
            ("dependencies:\n- pip: [a, 'b<2',\n    c]\n", [(2, "a"), (2, "b<2"), (3, "c")]),
            ("dependencies:\n- pip: -r requirements.txt\n", [(2, "-r requirements.txt")]),
            ("dependencies:\n- python\n- pip:\n", []),
            ("dependencies:\n", []),
            ("name: x\n", []),
            ("", []),
        ],
    )
    def test_other_spellings_of_it(self, text: str, listed: list[tuple[int, str]]) -> None:
        assert conda.lines(text, "environment.yml") == listed

    def test_no_yaml_is_told_by_name_and_line(self, offered: Workshop) -> None:
        with pytest.raises(ConfigError, match=r"^environment\.yml is not valid YAML: .*line 3"):
            offered.write("dependencies:\n- [\n", "environment.yml").lock(requirements="environment.yml")
