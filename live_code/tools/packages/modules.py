"""Which distributions bring the modules that are not named as those are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from live_code.errors import nearest

# The one to recommend first.
DISTRIBUTIONS: Mapping[str, str] = {
    "absl": "absl-py",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless opencv-python opencv-contrib-python-headless opencv-contrib-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu faiss-gpu",
    "git": "gitpython",
    "google": "protobuf googleapis-common-protos google-auth",
    "mmcv": "mmcv mmcv-full mmcv-lite",
    "mpl_toolkits": "matplotlib",
    "onnxruntime": "onnxruntime onnxruntime-gpu",
    "osgeo": "gdal",
    "PIL": "pillow pillow-simd",
    "pkg_resources": "setuptools",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow tensorflow-cpu tensorflow-gpu",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def brought_by(module: str) -> str:
    """The distribution to install for a module, '' when it is named as the module or not known."""
    return DISTRIBUTIONS.get(module, "").partition(" ")[0]


def of_module(name: str) -> str:
    """The distribution of a module whose name is not a package's, whatever the case; '' for all others."""
    return next((brought_by(module) for module in DISTRIBUTIONS if module.lower() == name.lower()), "")


def to_add(module: str, files: Iterable[str], file: str) -> str:
    """What to do about a module that is nowhere. ``files``: the repo's; ``file``: where its requirements stand."""
    if name := brought_by(module):
        return f"Add {name} to {file}."
    own = {part for name in files if name.endswith(".py") for part in PurePosixPath(name).with_suffix("").parts}
    close = "" if module in own else nearest(module, sorted(own))
    return f"Is it {close}, which the repo has? Else add {module} to {file}." if close else f"Add {module} to {file}."
