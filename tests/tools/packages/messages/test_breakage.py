"""What Python says when a package is there and does not work → what it means and what to do."""

from __future__ import annotations

import re

import pytest

from live_code.stages.supervise import symptoms
from live_code.tools.packages.messages.breakage import BREAKAGES, BUILD, LIBRARY, VERSION

GPU, NONE = "GPU_MISMATCH", "NO_GPU"
NO_SUCH_FILE = "cannot open shared object file: No such file or directory"
# The exception's text: the kind, words of the message, words of the remedy.
CASES = {
    f"ImportError: libGL.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing in the image", "opencv-python-headless in place"),
    f"ImportError: libgthread-2.0.so.0: {NO_SUCH_FILE}": (LIBRARY, "missing", "Debian's libglib2.0-0,"),
    f"ImportError: libglib-2.0.so.0: {NO_SUCH_FILE}": (LIBRARY, "missing", "apt-get install libglib2.0-0."),
    f"ImportError: libSM.so.6: {NO_SUCH_FILE}": (LIBRARY, "missing", "libsm6"),
    f"ImportError: libXext.so.6: {NO_SUCH_FILE}": (LIBRARY, "missing", "libxext6"),
    f"ImportError: libXrender.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing", "libxrender1"),
    f"ImportError: libxcb.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing", "opencv-python-headless in place"),
    f"OSError: libgomp.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing", "Use an image with Debian's libgomp1"),
    f"OSError: libsndfile.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing", "libsndfile1"),
    f"OSError: libodd-3.so.7: {NO_SUCH_FILE}": (LIBRARY, "missing", "apt-file search"),
    f"ImportError: libpython3.8.so.1.0: {NO_SUCH_FILE}": (LIBRARY, "another Python", "for the image's Python"),
    f"tool: error while loading shared libraries: libGL.so.1: {NO_SUCH_FILE}": (LIBRARY, "missing", "libgl1"),
    f"ImportError: libcudart.so.10.1: {NO_SUCH_FILE}": (GPU, "another CUDA than the image's", "the image's CUDA"),
    f"ImportError: libcublas.so.11: {NO_SUCH_FILE}": (GPU, "another CUDA than the image's", "the image's CUDA"),
    f"OSError: libcudnn.so.8: {NO_SUCH_FILE}": (GPU, "another CUDA than the image's", "the image's CUDA"),
    f"ImportError: libnvinfer.so.8: {NO_SUCH_FILE}": (GPU, "another CUDA than the image's", "the image's CUDA"),
    f"ImportError: libcuda.so.1: {NO_SUCH_FILE}": (NONE, "no GPU", "--gpus"),
    "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /x.so)": (
        LIBRARY,
        "a newer system",
        "older manylinux",
    ),
    "ImportError: /x/_ext.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationE": (
        BUILD,
        "another torch",
        "the image's torch and CUDA",
    ),
    "ImportError: /x/_ext.so: undefined symbol: _ZN2at5emptyE": (BUILD, "another torch", "the image's torch and CUDA"),
    "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from"
    " PyObject": (BUILD, "another numpy", "numpy<2"),
    "ImportError: numpy.core.multiarray failed to import": (BUILD, "another numpy", "newer version"),
    "AttributeError: _ARRAY_API not found": (BUILD, "another numpy", "newer version"),
    "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000": (
        BUILD,
        "another numpy",
        "newer version",
    ),
    "RuntimeError: Numpy is not available": (BUILD, "another numpy", "numpy<2"),
    "ModuleNotFoundError: No module named 'mmcv._ext'": (BUILD, "without its compiled part", "mmcv-full"),
    "ImportError: cannot import name '_ext' from 'mmcv' (/x/mmcv/__init__.py)": (BUILD, "compiled part", "mmcv-full"),
    "AttributeError: partially initialized module 'cv2' has no attribute '_registerMatType' (most likely x)": (
        BUILD,
        "lie over each other",
        "alone",
    ),
    "AttributeError: module 'cv2' has no attribute 'xfeatures2d'": (
        VERSION,
        "no contrib",
        "opencv-contrib-python-headless",
    ),
    "ModuleNotFoundError: No module named 'pkg_resources'": (VERSION, "no more since 82", "Add setuptools<81 to"),
    "ModuleNotFoundError: No module named 'torch._six'": (VERSION, "torch before 2.0", "torch 1.x"),
    "ImportError: cannot import name 'container_abcs' from 'torch._six' (/x)": (
        VERSION,
        "torch before 2.0",
        "torch 1.x",
    ),
    "ModuleNotFoundError: No module named 'torchvision.transforms.functional_tensor'": (
        VERSION,
        "torchvision before 0.17",
        "torchvision.transforms.functional",
    ),
    "ModuleNotFoundError: No module named 'torchvision.models.utils'": (VERSION, "old torchvision", "torch.hub"),
    "ModuleNotFoundError: No module named 'torch.utils.ffi'": (VERSION, "not this module of it", "another version"),
    "ImportError: cannot import name 'DFIterDataPipe' from 'torch.utils.data' (/x/__init__.py)": (
        VERSION,
        "no such name",
        "another version",
    ),
    "AttributeError: module 'torch' has no attribute 'symeig'": (VERSION, "no such name", "another version"),
    "RuntimeError: This function was deprecated since version 1.9 and is now removed. `x`": (
        VERSION,
        "no such name",
        "another version",
    ),
    "AttributeError: module 'numpy' has no attribute 'int'": (VERSION, "numpy 1.24 took", "numpy<1.24"),
    "AttributeError: module 'numpy' has no attribute 'bool'": (VERSION, "numpy 1.24 took", "numpy<1.24"),
    "AttributeError: `np.Inf` was removed in the NumPy 2.0 release. Use `np.inf` instead.": (
        VERSION,
        "numpy 2 took",
        "numpy<2",
    ),
    "AttributeError: module 'PIL.Image' has no attribute 'ANTIALIAS'": (VERSION, "Pillow before 10", "pillow<10"),
    "AttributeError: 'FreeTypeFont' object has no attribute 'getsize'": (VERSION, "Pillow before 10", "getbbox"),
    "ImportError: cannot import name 'Iterable' from 'collections' (/x/collections/__init__.py)": (
        VERSION,
        "Python 3.10 moved",
        "collections.abc",
    ),
    "AttributeError: module 'collections' has no attribute 'MutableMapping'": (VERSION, "3.10", "collections.abc"),
    "TypeError: load() missing 1 required positional argument: 'Loader'": (
        VERSION,
        "PyYAML before 6",
        "yaml.safe_load",
    ),
    "ModuleNotFoundError: No module named 'distutils'": (VERSION, "Python 3.12 has no distutils", "Add setuptools to"),
    "ModuleNotFoundError: No module named 'imp'": (VERSION, "Python 3.12 took", "Python 3.11"),
    "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?": (
        VERSION,
        "Python 3.12 took",
        "of setuptools",
    ),
    "ModuleNotFoundError: No module named 'imghdr'": (VERSION, "Python 3.13 took", "Python 3.12"),
    "AttributeError: module 'inspect' has no attribute 'getargspec'. Did you mean: 'getargs'?": (
        VERSION,
        "Python 3.11 took",
        "Python 3.10",
    ),
    "TypeError: Descriptors cannot be created directly.": (VERSION, "older protobuf", "protobuf<3.21"),
    "AttributeError: 'DataFrame' object has no attribute 'append'": (VERSION, "pandas before 2", "pandas<2"),
    "AttributeError: module 'scipy.misc' has no attribute 'imresize'": (VERSION, "scipy before 1.2", "imageio"),
    "ModuleNotFoundError: No module named 'sklearn.externals'": (VERSION, "old scikit-learn", "joblib"),
    "ModuleNotFoundError: No module named 'mmcv.runner'": (VERSION, "mmcv before 2", "mmcv<2"),
    "ImportError: cannot import name 'Config' from 'mmcv' (/x/mmcv/__init__.py)": (
        VERSION,
        "mmcv before 2",
        "mmengine",
    ),
}


@pytest.mark.parametrize("text", CASES, ids=[text[:70] for text in CASES])
def test_it_is_known(text: str) -> None:
    kind, message, remedy = CASES[text]
    found = symptoms.find([text])
    assert found is not None
    assert found[0].kind == kind
    assert message in found[0].message
    assert remedy in found[0].hint
    assert not re.search(r"\bAdd (?:mmcv|models|torch|pkg_resources|setuptools)\b(?![<\w ])", found[0].hint)


HARMLESS = [
    "Could not load dynamic library 'libGL.so.1'; dlerror: libGL.so.1: cannot open shared object file",
    "WARNING: /x/libodd.so: cannot open shared object file",
    "numpy 1.26.4",
    "ModuleNotFoundError: No module named 'torchmetrics'",
    "ModuleNotFoundError: No module named 'important'",
    "ModuleNotFoundError: No module named 'imp_tools'",
    "AttributeError: module 'numpy' has no attribute 'integer_thing'",
    "AttributeError: 'Net' object has no attribute 'append'",
    "ImportError: cannot import name 'Iterable' from 'typing' (/x)",
    "ImportError: cannot import name 'helper' from 'torchtools' (/x)",
    "ImportError: /x/_ext.so: undefined symbol: my_own_function",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_it_is_not_taken_for_a_thing_that_it_only_resembles(text: str) -> None:
    assert [broken.pattern for broken in BREAKAGES if re.search(broken.pattern, text, re.IGNORECASE | re.M)] == []


def test_every_remedy_is_a_sentence_or_two() -> None:
    for broken in BREAKAGES:
        assert broken.remedy[0].isupper()
        assert broken.remedy.endswith(".")
        assert not broken.message.endswith(".")
