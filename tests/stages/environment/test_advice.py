"""What a message advises is followed to the letter, and helps: with a real index, resolver and installer."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from live_code.errors import BuildError, FrameworkConflictError, LiveCodeError, RequirementsError
from live_code.stages.environment.build import Environment
from live_code.stages.supervise import symptoms
from live_code.tools.packages import modules
from tests.support.workshop import Workshop, pins

BACKEND = """\
import os, zipfile
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {files!r}.items():
            wheel.writestr(path, text)
        wheel.writestr("{name}-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n")
        wheel.writestr("{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("{name}-1.dist-info/RECORD", "")
    return name
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# Asked for; words of the message; what the hint says to write instead, as a pattern.
FOLLOWED = {
    "a package that was given up": ("sklearn\n", "can't be built", r"Write (\S+) in place of"),
    "one =": ("tqdm=4.1\n", "has one =", r"Is it (\S+)\?"),
    "a word without its comparison": ("tqdm 4.1\n", "no comparison before", r"Is it (\S+)\?"),
    "a turned sign": ("tqdm=>4.1\n", "there is no =>", r"Is it (\S+)\?"),
    "an x for a star": ("tqdm==4.x\n", "is no version", r"Is it (\S+)\?"),
    "a command": ("pip install tqdm\n", "is a command", r"Write (\S+) alone"),
    "a module's name": ("cv2\n", "was not found in any index", r"Is it ([\w-]+)\?"),
    "conda's own list": ("tqdm @ file:///croot/tqdm_1/work\n", "a folder of the machine", r"Write (\S+) there"),
}


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    shop.index.add("tqdm", "4.1").add("scikit-learn", "1.0").add("opencv-python-headless", "5.0")
    shop.index.add("sklearn", "0.0", fail="The 'sklearn' PyPI package is deprecated, use 'scikit-learn'")
    return shop


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_line_is_written_as_the_hint_says(name: str, offered: Workshop) -> None:
    asked, message, advice = FOLLOWED[name]
    with pytest.raises((RequirementsError, BuildError), match=message) as caught:
        offered.write(asked).make()
    written = re.search(advice, caught.value.hint)
    assert written is not None
    assert len(pins(offered.write(f"{written[1].replace('VERSION', '4.1')}\n").lock())) == 1


def test_a_builds_output_is_kept_in_the_file_that_the_message_names(offered: Workshop) -> None:
    with pytest.raises(BuildError) as caught:
        offered.write("sklearn\n").make()
    named = re.search(r"All that it printed: (\S+)\.$", caught.value.message)
    assert named is not None
    assert "The 'sklearn' PyPI package is deprecated" in Path(named[1]).read_text()


def test_the_line_that_is_named_is_the_one_to_change(shop: Workshop) -> None:
    shop.image.has("torch", "2.13.0+cpu", "helper>=77").has("helper", "80.0")
    shop.index.add("helper", "59.5").add("helper", "81.0")
    with pytest.raises(FrameworkConflictError, match=r"requirements\.txt:2 asks for helper==59\.5") as caught:
        shop.write("torch>=1.9\nhelper==59.5\n").lock()
    assert "torch>=1.9" not in str(caught.value)
    assert pins(shop.write("torch>=1.9\nhelper>=59.5\n").lock()) == {}


@pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
def test_a_wheel_that_is_what_the_image_has_is_taken_as_that(
    resolver: str, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")  # pip's own settings would count
    shop.image.has("torch", "2.13.0+cpu")
    shop.index.add("tqdm", "4.1")
    frozen = "torch @ file:///home/somebody/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl\ntqdm\n"
    assert pins(shop.write(frozen).lock(resolver=resolver)) == {"tqdm": "4.1"}


def test_pkg_resources_comes_back_with_the_setuptools_that_is_advised(shop: Workshop) -> None:
    shop.index.add("setuptools", "82.0", files={"setuptools/odd.py": ""})
    shop.index.add("setuptools", "80.9", files={"pkg_resources/__init__.py": ""})
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(shop.write("setuptools\n").make(), "import pkg_resources", shop.root)
    found = symptoms.find(caught.value.stderr.splitlines())
    assert found is not None
    advised = re.search(r"Add (\S+) to", found[0].hint)
    assert advised is not None
    run(shop.write(f"{advised[1]}\n").make(), "import pkg_resources", shop.root)


def test_a_project_that_can_not_be_editable_is_named_without_the_option(shop: Workshop) -> None:
    shop.write(PYPROJECT, "lib/pyproject.toml")
    shop.write(BACKEND.format(name="lib", files={"lib.py": ""}), "lib/backend.py")
    with pytest.raises(LiveCodeError, match="build_editable") as caught:
        shop.write("-e ./lib\n").lock()
    assert "write the path without -e" in caught.value.hint
    run(shop.write("./lib\n").make(), "import lib", shop.root)


def test_a_compiled_part_that_the_work_trees_folder_hides_is_found_from_another_folder(shop: Workshop) -> None:
    shop.write(PYPROJECT, "pyproject.toml").write("", "det/__init__.py").write("", "tools/train.py").write(
        "", "setup.py"
    )
    shop.write(BACKEND.format(name="det", files={"det/__init__.py": "", "det/_C.py": ""}), "backend.py")
    made = shop.write(".\n").make()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(made, "import det._C", shop.root)
    missing = caught.value.stderr.splitlines()[-1]
    assert missing == "ModuleNotFoundError: No module named 'det._C'"
    advice = modules.to_add("det._C", ["det/__init__.py", "setup.py"], "requirements.txt")
    assert "change into another folder (cd tools)" in advice
    run(made, "import det._C", shop.root / "tools")


def test_an_extension_of_the_repo_is_built_where_its_folder_is_named(shop: Workshop) -> None:
    shop.write("", "ops/__init__.py").write("", "ops/dcn/__init__.py").write("", "ops/dcn/setup.py")
    advice = modules.to_add("ops.dcn._ext", ["ops/__init__.py", "ops/dcn/__init__.py", "ops/dcn/setup.py"], "x")
    named = re.search(r"name (\S+) in its requirements", advice)
    assert named is not None
    shop.write(PYPROJECT, "ops/dcn/pyproject.toml")
    shop.write(BACKEND.format(name="dcn_ext", files={"dcn_ext.py": ""}), "ops/dcn/backend.py")
    run(shop.write(f"{named[1]}\n").make(), "import dcn_ext", shop.root)


def test_a_locks_oddities_are_warned_of(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.image.has("tensorboard", "2.20", "protobuf>=3.19.6").has("protobuf", "6.0")
    for name in ("opencv-python", "opencv-python-headless"):
        shop.index.add(name, "5.0")
    shop.index.add("protobuf", "3.19.0")
    shop.write("protobuf==3.19.0\nopencv-python\nopencv-python-headless\n").lock()
    warned = capsys.readouterr().err
    assert "protobuf 3.19.0 is not what the image's own packages ask for" in warned
    assert "opencv-python 5.0 and opencv-python-headless 5.0 install the same files" in warned


def test_an_installers_build_that_fails_names_its_own_reason(shop: Workshop) -> None:
    shop.index.add("broken", "1.0", fail="error: command 'gcc' failed: No such file or directory")
    with pytest.raises(BuildError) as caught:
        shop.write("broken\n").make()
    assert "broken==1.0 can't be built: error: command 'gcc' failed" in caught.value.message
    assert "build-essential" in caught.value.hint


def run(made: Environment, code: str, folder: Path) -> None:
    """As the job is started: its folder is the first that Python looks into."""
    environ = {**os.environ, "PYTHONPATH": "."}
    subprocess.run([made.python, "-c", code], check=True, cwd=folder, env=environ, capture_output=True, text=True)
