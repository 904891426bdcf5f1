"""The image's framework is never swapped: what may be asked for beside it, and how a conflict is told."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from live_code.errors import BuildError, FrameworkConflictError
from live_code.job.ymir_exc import protocol
from live_code.stages.environment.lock import Lock
from live_code.tools.packages.index import PYPI
from tests.support import images
from tests.support.workshop import Workshop, pins, seen

TORCH = "2.6.0+cu124"

# Builds a module whose version is that of the torch that the build imports.
BUILT_BESIDE = """
import os, zipfile, torch
NAME = f"ext-{torch.__version__}"
FILES = {
    f"{NAME}.dist-info/METADATA": f"Metadata-Version: 2.1\\nName: ext\\nVersion: {torch.__version__}\\n",
    f"{NAME}.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{NAME}.dist-info/RECORD": "",
    "ext.py": f"__version__ = {torch.__version__!r}\\n",
}
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/{NAME}-py3-none-any.whl", "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(name, text)
    return f"{NAME}-py3-none-any.whl"
"""


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    """An image with torch for CUDA 12.4, numpy 2 that it was built against, and its libraries; an index with others."""
    image = shop.image.torch(TORCH, cuda="12.4", numpy=2)
    image.has("numpy", "2.1.0").holds("numpy", "version.py", "version = '2.1.0'\n")
    image.has("nvidia-cudnn-cu12", "9.1.0.70").has("torchvision", "0.21.0+cu124", "torch==2.6.0", "numpy")
    index = shop.index
    for version in ("1.7.0", "1.13.0", "2.5.0", "2.6.0", "2.9.0"):
        index.add("torch", version, "typing-extensions")
    index.add("torch", "2.6.0+cu118")
    for version in ("1.26.4", "2.1.0", "2.3.0"):
        code = f"__version__ = {version!r}\ndef zeros(count): return [0] * count\n"
        index.add("numpy", version, files={"numpy/__init__.py": code})
    index.add("torchvision", "0.21.0", "torch==2.6.0").add("torchvision", "0.20.0", "torch==2.5.0")
    index.add("torchaudio", "2.6.0", "torch==2.6.0").add("torchaudio", "2.9.0", "torch==2.9.0")
    index.add("typing-extensions", "4.5.0").add("typing-extensions", "4.12.2").add("typing-extensions", "4.15.0")
    index.add("lightning", "2.0", "torch>=2.0", "torchmetrics").add("torchmetrics", "1.0", "torch>=1.10")
    index.add("timm-old", "0.3", "torch<2").add("deep", "1.0", "timm-old")
    index.add("nvidia-cudnn-cu12", "8.9.2").add("nvidia-dali", "1.0").add("triton", "3.2.0", "torch")
    index.add("old-numpy", "1.0", "numpy<2").add("tqdm", "4.1")
    return shop


# What a repo asks for → what the lock adds, or what the conflict says.
FITS: dict[str, set[str]] = {
    "torch": set(),
    "torch>=1.7": set(),
    "torch==2.6.0": set(),
    "torch==2.6.0+cu124": set(),
    "torch~=2.6\nnumpy": set(),
    "torchvision": set(),
    "torchaudio": {"torchaudio==2.6.0"},
    "lightning": {"lightning==2.0", "torchmetrics==1.0"},
    "nvidia-cudnn-cu12": set(),
    "nvidia-dali": {"nvidia-dali==1.0"},
    "numpy>=2.2": {"numpy==2.3.0"},
    "typing-extensions>=4.13": {"typing-extensions==4.15.0"},
    "numpy<2": {"numpy==1.26.4"},
    "old-numpy": {"old-numpy==1.0", "numpy==1.26.4"},
    "torch[extra]\ntqdm": {"tqdm==4.1"},
}
CLASHES = {
    "torch==1.13.0": r"requirements\.txt:1 asks for torch==1\.13\.0, but the image ships torch 2\.6\.0\+cu124",
    "tqdm\ntorch>=2.7": r"requirements\.txt:2 asks for torch>=2\.7",
    "torch<2": r"requirements\.txt:1 asks for torch<2",
    "torch==2.6.0+cu118": r"torch==2\.6\.0\+cu118, but the image ships torch 2\.6\.0\+cu124",
    "torchvision==0.20.0": r"asks for torchvision==0\.20\.0, .*the image ships .*torchvision 0\.21\.0\+cu124",
    "torchaudio==2.9.0": r"torchaudio\S+ needs torch==2\.9\.0",
    "timm-old": r"timm-old(==0\.3)? needs torch<2",
    "deep": r"needs torch<2",
    "nvidia-cudnn-cu12==8.9.2": r"nvidia-cudnn-cu12==8\.9\.2, but the image ships nvidia-cudnn-cu12 9\.1\.0\.70",
    "typing-extensions==4.5.0": r"asks for typing-extensions==4\.5\.0, but the image's torch \S+ needs"
    r" typing-extensions>=4\.8\.",
    "torch @ https://host/torch-1.13.0-cp311-cp311-linux_x86_64.whl": r"asks for torch @ https://host",
    "https://host/whl/torch-1.13.0-cp311-cp311-linux_x86_64.whl": r"but the image ships torch 2\.6\.0\+cu124",
}


class TestMatrix:
    @pytest.mark.parametrize("asked", FITS)
    def test_fits(self, asked: str, offered: Workshop) -> None:
        locked = offered.write(f"{asked}\n").lock()
        assert {f"{name}=={version}" for name, version in pins(locked).items()} == FITS[asked]

    @pytest.mark.parametrize("asked", CLASHES)
    def test_clashes_before_anything_is_downloaded(self, asked: str, offered: Workshop) -> None:
        with pytest.raises(FrameworkConflictError, match=CLASHES[asked]) as caught:
            offered.write(f"{asked}\n").lock()
        assert caught.value.return_code == protocol.CODE_CONFIG
        assert "allow_framework_override" in caught.value.hint
        assert "another image tag" in str(caught.value) or "an image tag" in str(caught.value)
        assert offered.index.downloads() == []

    def test_the_framework_is_byte_identical_after_a_build(self, offered: Workshop) -> None:
        before = digest(offered.image.site_packages)
        made = offered.write("lightning\ntorchaudio\nnumpy>=2.2\n").make()
        assert digest(offered.image.site_packages) == before
        place = str(offered.image.site_packages / "torch" / "__init__.py")
        assert seen(made, "torch")["torch"] == [TORCH, place]


class TestWithoutMetadata:
    def test_a_prerelease_of_an_image_counts_as_installed(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0a0+nv24.12", cuda="12.6", metadata=False)
        shop.index.add("torch", "2.9.0").add("vision", "1.0", "torch>=2.0")
        locked = shop.write("torch>=1.7\nvision\n").lock()
        assert pins(locked) == {"vision": "1.0"}
        assert locked.protection.packages == {"torch": "2.6.0a0+nv24.12"}

    def test_what_the_image_works_without_is_not_pulled_in(self, shop: Workshop) -> None:
        shop.image.has("torch", "2.6.0", "nvidia-cublas-cu12==12.4.5.8")
        shop.index.add("nvidia-cublas-cu12", "12.4.5.8")
        assert pins(shop.write("torch\n").lock()) == {}

    @pytest.mark.parametrize("odd", ["", "1.0-post-x"])
    def test_nor_what_it_works_with_in_another_version(self, shop: Workshop, odd: str) -> None:
        shop.image.has("torch", "2.6.0", "helper<3").has("helper", "3.2")
        if odd:  # a package that no installer can read
            shop.image.has("other", odd)
        shop.index.add("helper", "2.8").add("helper", "3.2").add("a", "1.0", "torch", "helper")
        assert pins(shop.write("a\n").lock()) == {"a": "1.0"}


class TestProjectsOverride:
    """``override-dependencies`` of a project's ``[tool.uv]``."""

    @pytest.fixture
    def project(self, offered: Workshop) -> Callable[[str], Lock]:
        table = '[project]\nname = "p"\nversion = "1"\ndependencies = ["torch"]\n[tool.uv]\n'

        def lock(asked: str) -> Lock:
            offered.write(f'{table}override-dependencies = ["{asked}"]\n', "pyproject.toml")
            return offered.lock(requirements="pyproject.toml")

        return lock

    @pytest.mark.parametrize("asked", ["torch==2.0.0", "torch>=99", "torch @ https://host/torch-1.0-py3-none-any.whl"])
    def test_another_framework_is_refused(self, project: Callable[[str], Lock], asked: str) -> None:
        with pytest.raises(FrameworkConflictError, match=r"pyproject\.toml overrides torch.* but the image ships"):
            project(asked)

    @pytest.mark.parametrize("asked", ["torch", "torch>=2.0", "torch==2.0.0 ; python_version < '3'"])
    def test_one_that_fits_changes_nothing(self, project: Callable[[str], Lock], asked: str) -> None:
        assert pins(project(asked)) == {}


class TestNumpy:
    def test_a_torch_built_against_numpy_1_keeps_numpy_2_away(self, shop: Workshop) -> None:
        shop.image.torch("2.1.0", numpy=1).has("numpy", "1.24.0")
        shop.index.add("numpy", "1.26.4").add("numpy", "2.1.0")
        assert pins(shop.write("numpy>=1.25\n").lock()) == {"numpy": "1.26.4"}
        with pytest.raises(FrameworkConflictError, match="built against numpy 1"):
            shop.write("numpy>=2\n").lock()

    def test_a_torch_built_against_numpy_2_on_numpy_1_lets_it_rise(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0", numpy=2).has("numpy", "1.26.4")
        shop.index.add("numpy", "2.1.0")
        assert pins(shop.write("numpy>=2\n").lock()) == {"numpy": "2.1.0"}

    def test_mxnet_keeps_the_numpy_whose_names_it_uses(self, shop: Workshop) -> None:
        shop.image.has("mxnet-cu112", "1.9.1").holds("mxnet", "libinfo.py", '__version__ = "1.9.1"\n')
        shop.image.has("numpy", "1.23.5")
        shop.index.add("numpy", "1.26.4").add("mxnet", "1.9.1").add("gluoncv", "0.10", "mxnet", "numpy")
        locked = shop.write("gluoncv\nmxnet>=1.6\n").lock()
        assert pins(locked) == {"gluoncv": "0.10"}
        with pytest.raises(FrameworkConflictError, match=r"numpy 1\.24 removed"):
            shop.write("numpy==1.26.4\n").lock()


class TestParts:
    def test_one_that_does_not_fit_the_images_torch_is_told_after_the_build(
        self, shop: Workshop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.image.torch("2.6.0+cpu")
        code = "raise RuntimeError('operator torchvision::nms does not exist')\n"
        shop.index.add("torchvision", "0.21.0", "torch==2.6.0", files={"torchvision/__init__.py": code})
        shop.write("torchvision\n").make()
        shown = capsys.readouterr().err
        assert "torchvision 0.21.0 does not fit the image's torch 2.6.0+cpu: RuntimeError: operator" in shown
        assert "Use an image that has torchvision" in shown

    def test_one_that_fits_is_not(self, shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
        shop.image.torch("2.6.0+cpu")
        shop.index.add("torchvision", "0.21.0", "torch==2.6.0")
        shop.write("torchvision\n").make()
        assert "does not fit" not in capsys.readouterr().err


class TestOverride:
    def test_it_installs_beside_the_images_and_is_kept_in_the_lock(self, offered: Workshop) -> None:
        offered.write("torch==1.13.0\n")
        locked = offered.lock(allow_framework_override=True)
        assert pins(locked)["torch"] == "1.13.0"
        assert locked.overridden.packages["torch"] == TORCH
        assert seen(offered.make(locked), "torch")["torch"][0] == "1.13.0"

    def test_it_is_another_lock(self, offered: Workshop) -> None:
        assert offered.lock().key != offered.lock(allow_framework_override=True).key

    @pytest.mark.parametrize("requires", ["[]", '["torch"]'])
    def test_what_imports_it_to_be_built_sees_the_one_that_it_runs_on(self, shop: Workshop, requires: str) -> None:
        shop.image.torch("2.6.0")
        code = "__version__ = '2.7.0'\ndef from_numpy(array): return array\n"
        version = {"torch/version.py": "__version__ = '2.7.0'\ncuda: Optional[str] = None\n"}
        shop.index.add("torch", "2.7.0", files={"torch/__init__.py": code, **version})
        shop.write(
            f'[build-system]\nrequires = {requires}\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "lib/pyproject.toml",
        )
        shop.write(BUILT_BESIDE, "lib/backend.py").write("torch==2.7.0\n./lib\n")
        made = shop.make(shop.lock(allow_framework_override=True))
        assert (seen(made, "torch")["torch"][0], seen(made, "ext")["ext"][0]) == ("2.7.0", "2.7.0")


class TestListedByTheImage:
    def test_it_is_protected_like_the_framework(self, shop: Workshop) -> None:
        shop.image.has("apex", "0.1")
        shop.index.add("apex", "0.9")
        with pytest.raises(FrameworkConflictError, match=r"the image ships apex 0\.1"):
            shop.write("apex>=0.5\n").lock(environ={"LIVE_CODE_PROTECT": "Apex, other"})


def test_a_package_that_brings_the_frameworks_files_along_is_found_after_the_build(shop: Workshop) -> None:
    shop.image.torch("2.6.0")
    shop.index.add("rogue", "1.0", files={"torch/version.py": "__version__ = '1.0'\n", "torch/__init__.py": ""})
    with pytest.raises(BuildError, match="would not use the image's own torch"):
        shop.write("rogue\n").make()


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
class TestRealTorch:
    @pytest.fixture
    def real(self, shop: Workshop) -> Workshop:
        return shop._replace(image=images.real_torch())

    def test_it_is_used_as_it_is(self, real: Workshop) -> None:
        place = images.real_torch().site_packages / "torch"
        before = digest(place)
        made = real.write("torch>=1.7\n").make()
        assert seen(made, "torch")["torch"] == ["2.13.0+cpu", str(place / "__init__.py")]
        assert digest(place) == before

    def test_the_numpy_that_it_was_built_against_is_seen(self, real: Workshop) -> None:
        assert real.interpreter.frameworks["torch"].numpy == 2

    def test_an_older_numpy_that_it_works_with_is_taken(self, real: Workshop) -> None:
        real = real._replace(environ={"PIP_INDEX_URL": os.environ.get("PIP_INDEX_URL", PYPI)})
        made = real.write("numpy==1.26.4\n").make()
        assert seen(made, "numpy", "torch")["numpy"][0] == "1.26.4"

    def test_a_numpy_that_breaks_it_is_found_after_the_build(self, real: Workshop) -> None:
        real.index.add("numpy", "2.99.0")  # a package of the name, and none of its content
        with pytest.raises(BuildError, match=r"torch does not work with numpy 2\.99\.0"):
            real.write("numpy>2.90\n").make()

    def test_mxnet_works_in_its_environment(self, shop: Workshop) -> None:
        shop = shop._replace(image=images.real_mxnet())
        shop.index.add("tqdm", "4.1")
        made = shop.write("tqdm\nmxnet>=1.6\n").make()
        assert seen(made, "mxnet", "numpy", "tqdm")["mxnet"][0] == "1.9.1"
