"""Which distributions bring the modules that are not named as those are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from live_code.errors import nearest
from live_code.tools.remedies import OTHER_FOLDER

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

# As projects name the modules that they compile.
_EXTENSION = re.compile(
    r"_\w+|[cg]pu_\w+|\w*_(?:ext|cuda|cpp|gpu|cpu|ops?)|ext|cuda|cpp|cython_\w+|\w*(?:nms|dcn)_\w+|nms"
)
_BUILD_SCRIPTS = ("setup.py", "make.sh", "build.sh", "compile.sh", "install.sh", "Makefile")
# Packages of several distributions: that one part is there says nothing of another.
_NAMESPACES = frozenset(("azure", "backports", "google", "jaraco", "mpl_toolkits", "nvidia", "paste", "ruamel", "zope"))


def brought_by(module: str) -> str:
    """The distribution to install for a module, '' when it is named as the module or not known."""
    return DISTRIBUTIONS.get(module, "").partition(" ")[0]


def of_module(name: str) -> str:
    """The distribution of a module whose name is not a package's, whatever the case; '' for all others."""
    return next((brought_by(module) for module in DISTRIBUTIONS if module.lower() == name.lower()), "")


def to_add(module: str, files: Iterable[str], file: str) -> str:
    """What to do about a module that is nowhere, by its full name. ``files``: the repo's; ``file``: where its
    requirements stand."""
    paths = [PurePosixPath(name) for name in files]
    top = module.partition(".")[0]
    if "." in module and top not in _NAMESPACES:  # Python has found all but the last part of such a name
        return _part(PurePosixPath(*module.split(".")), paths)
    if place := _place(top, paths):
        return _elsewhere(place, f"add {brought_by(top) or top} to {file}.")
    if name := brought_by(top):
        return f"Add {name} to {file}."
    own_modules = {part for path in paths if path.suffix == ".py" for part in path.with_suffix("").parts}
    close = nearest(top, sorted(own_modules))
    return f"Is it {close}, which the repo has? Else add {top} to {file}." if close else f"Add {top} to {file}."


def _elsewhere(place: PurePosixPath, adding: str) -> str:
    """What to do when the repo has a module of that name in a place that Python does not look into."""
    if place.parent.name:
        start = f"start the job in {place.parent}, or put that on PYTHONPATH"
        return f"Is it the repo's {place}? Then {start}; else {adding}"
    return f"{place} is the repo's own: start the job from the repo's root, or put that on PYTHONPATH."


def _place(top: str, paths: Iterable[PurePosixPath]) -> PurePosixPath | None:
    """Where the repo has a module itself, the highest place first; None where it has none of that name."""
    code = [path for path in paths if path.suffix == ".py"]
    folders = {folder for path in code for folder in path.parents if folder.name == top}
    modules = {path for path in code if path.stem == top}
    return min(folders | modules, key=lambda path: (len(path.parts), str(path)), default=None)


def _part(module: PurePosixPath, paths: Sequence[PurePosixPath]) -> str:
    """What to do about a part of a package of which the rest is there: in the repo, or installed."""
    top, name = module.parts[0], ".".join(module.parts)
    folders = {folder for path in paths for folder in path.parents}
    own = sorted(folder for folder in folders if folder.parts[-len(module.parent.parts) :] == module.parent.parts)
    if not own and _EXTENSION.fullmatch(module.name):
        return (
            f"{top} is there without its compiled part: ask for a version of it that was built for the"
            f" image's Python, torch and CUDA."
        )
    if not own:
        return f"{top} is there, but in a version that has no {name}: ask for another one, or correct the import."
    missing = own[0] / module.name
    if not _EXTENSION.fullmatch(module.name):
        return f"The repo's {own[0]} has no {module.name}.py at this commit: correct the import, or commit that file."
    script = _build_script(missing, paths)
    if not script:
        return f"{missing} is the repo's own and was never compiled: build it, as the repo's own documentation says."
    folder = f"./{script.parent}" if script.parent.name else "."
    how = f"name {folder} in its requirements" if script.name == "setup.py" else "have the entrypoint run it"
    hides = f" The repo's folder hides what was installed of {top}: {OTHER_FOLDER}."
    built = f"{missing} is the repo's own and was never compiled: {script} does that; {how}."
    return f"{built}{hides}" if script.name == "setup.py" and own[0].parts == (*script.parent.parts, top) else built


def _build_script(missing: PurePosixPath, paths: Sequence[PurePosixPath]) -> PurePosixPath | None:
    """What builds an extension, as near to its place as there is one."""
    scripts = (folder / name for folder in missing.parents for name in _BUILD_SCRIPTS)
    return next((script for script in scripts if script in paths), None)
