"""Which distributions bring the modules that are not named as those are."""

from __future__ import annotations

from collections.abc import Mapping

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
