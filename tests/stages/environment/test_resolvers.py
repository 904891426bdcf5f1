"""Two resolvers behind one interface: they agree on what is locked, on what clashes and on what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.errors import FrameworkConflictError, RequirementsError
from live_code.tools.packages import solution
from tests.support import images
from tests.support.workshop import Workshop, pins

pytestmark = pytest.mark.slow

ASKED = {
    "pins": "a==1.0\n",
    "ranges and what they need": "b\na<3\n",
    "extras": "d[more]\n",
    "markers": 'a; python_version < "3"\nb; python_version >= "3.8"\n',
    "included files": "-r more.txt\n-c limits.txt\n",
    "what the image has": "tqdm\nb\n",
    "what the image has in a version that does not do": "tqdm>=4.5\n",
    "torch": "torch>=1.7\nvision\n",
    "hashes": f"a==1.0 --hash=sha256:{'0' * 64}\n",
    "a project of the repo": "-e ./lib\n",
}


@pytest.fixture
def offered(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")  # pip's own settings would count
    shop.image.torch("2.6.0+cu124", cuda="12.4").has("tqdm", "4.1")
    for version in ("1.0", "2.0", "3.0"):
        shop.index.add("a", version)
    shop.index.add("b", "1.5", "a>=2").add("d", "1.0", 'a; extra == "more"', extras=("more",))
    shop.index.add("tqdm", "4.9").add("torch", "1.13.0").add("torch", "2.9.0").add("vision", "1.0", "torch>=2")
    shop.index.add("vision-old", "1.0", "torch<2").add("typing-extensions", "4.15.0")
    shop.write("a\n", "more.txt").write("a<2\n", "limits.txt")
    project = '[project]\nname = "lib"\nversion = "1"\ndependencies = ["b"]\n'
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    code = (
        "import os\n"
        "def build_editable(folder, *_): raise SystemExit('not built to be resolved')\n"
        "def get_requires_for_build_wheel(*_): return []\n"
        "def get_requires_for_build_editable(*_): return []\n"
        "def prepare_metadata_for_build_wheel(folder, *_):\n"
        "    os.makedirs(folder + '/lib-1.dist-info')\n"
        "    open(folder + '/lib-1.dist-info/METADATA', 'w').write("
        "'Metadata-Version: 2.1\\nName: lib\\nVersion: 1\\nRequires-Dist: b\\n')\n"
        "    return 'lib-1.dist-info'\n"
        "prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel\n"
    )
    shop.write(project + backend, "lib/pyproject.toml").write(code, "lib/backend.py")
    return shop


@pytest.mark.parametrize("asked", ASKED)
def test_they_agree_on_versions_and_hashes(asked: str, offered: Workshop) -> None:
    locks = [offered.write(ASKED[asked]).lock(resolver=name) for name in ("uv", "pip-tools")]
    entries = [{pin.name: hashes(pin.text) for pin in solution.parse(lock.text)} for lock in locks]
    assert entries[0] == entries[1]
    assert pins(locks[0]) == pins(locks[1])
    assert [len(lock.projects.lines) for lock in locks] == [1, 1] if "lib" in ASKED[asked] else [0, 0]


@pytest.mark.parametrize("asked", ["torch==1.13.0", "vision-old"])
def test_they_agree_on_a_conflict_with_the_framework(asked: str, offered: Workshop) -> None:
    for name in ("uv", "pip-tools"):
        with pytest.raises(FrameworkConflictError, match=r"but the image ships torch 2\.6\.0\+cu124"):
            offered.write(f"{asked}\n").lock(resolver=name)
    assert offered.index.downloads() == []


def test_they_agree_on_what_is_missing(offered: Workshop) -> None:
    for name in ("uv", "pip-tools"):
        with pytest.raises(RequirementsError, match="nosuch"):
            offered.write("nosuch\n").lock(resolver=name)


def test_they_agree_that_a_mirror_is_down_and_ask_the_next_one(offered: Workshop) -> None:
    mirrors = f"http://127.0.0.1:9/simple {offered.index.url}"
    for name in ("uv", "pip-tools"):
        assert pins(offered.write("b\n").lock(resolver=name, pypi_mirror=mirrors)) == {"a": "3.0", "b": "1.5"}


def test_pip_tools_builds_an_environment_that_works(offered: Workshop, tmp_path: Path) -> None:
    from tests.support.workshop import seen

    shop = offered._replace(image=images.venv(tmp_path / "old", images.base_python("3.8")))
    made = shop.make(shop.write("b\n").lock(resolver="pip-tools"))
    assert {name: value[0] for name, value in seen(made, "a", "b").items()} == {"a": "3.0", "b": "1.5"}


def test_pip_tools_says_that_it_cannot_date(offered: Workshop) -> None:
    with pytest.raises(RequirementsError, match="can't resolve as of a date"):
        offered.write("a\n").lock(resolver="pip-tools", resolve_as_of="2022-01-01")


def hashes(text: str) -> list[str]:
    return sorted(word for word in text.split() if word.startswith("--hash="))
