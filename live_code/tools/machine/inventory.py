"""Runs in the image's interpreter, alone: prints as JSON what that interpreter is and what is installed in it.

It must be readable by any Python 3, so that one that is too old can still say so.
"""

import json
import mmap
import os
import re
import sys
import sysconfig
from typing import Any, Dict, List

# Modules that count as installed even when nothing says so but their files: some images build them from source.
FRAMEWORKS = {
    "torch": "torch/version.py",
    "torchvision": "torchvision/version.py",
    "torchaudio": "torchaudio/version.py",
    "triton": "triton/__init__.py",
    "mxnet": "mxnet/libinfo.py",
    "numpy": "numpy/version.py",
}
ASSIGNED = re.compile(r"^(\w+)(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]*)['\"]", re.MULTILINE)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def package_folders() -> List[str]:
    """The folders of sys.path that hold packages, in order: neither the standard library nor this script's own."""
    standard = {os.path.realpath(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")}
    standard |= {os.path.join(folder, "lib-dynload") for folder in standard}
    own = os.path.dirname(os.path.abspath(__file__))
    folders = []
    for folder in sys.path:
        if os.path.isdir(folder) and os.path.realpath(folder) not in standard and folder != own:
            folders.append(folder)
    return folders


def distributions(folders: List[str]) -> Dict[str, Any]:
    """Name → what its metadata says; of several with one name the one that Python would import.

    Read by hand: importlib.metadata takes three times as long, most of it for its own imports.
    """
    found: Dict[str, Any] = {}
    for folder in folders:
        for place in metadata_folders(folder):
            said = metadata_of(place)
            name, version = said.get("Name", [""])[0], said.get("Version", [""])[0]
            if name and version and normalised(name) not in found:
                found[normalised(name)] = {
                    "version": version,
                    "folder": folder,
                    "requires": said.get("Requires-Dist", []),
                    "extras": said.get("Provides-Extra", []),
                    "scripts": scripts_of(place),
                }
    return found


def metadata_folders(folder: str) -> List[str]:
    """Where the metadata of a folder's packages is: folders, and for the oldest a file itself."""
    names = sorted(os.listdir(folder))
    found = [os.path.join(folder, name) for name in names if name.endswith((".dist-info", ".egg-info"))]
    return found + [os.path.join(folder, name, "EGG-INFO") for name in names if name.endswith(".egg")]


def metadata_of(place: str) -> Dict[str, List[str]]:
    """The header fields of METADATA or PKG-INFO, each with all its values."""
    fields: Dict[str, List[str]] = {}
    files = [place, os.path.join(place, "METADATA"), os.path.join(place, "PKG-INFO")]
    for path in (path for path in files if os.path.isfile(path)):
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    return fields
                key, colon, value = line.partition(":")
                if colon and not line.startswith((" ", "\t")):
                    fields.setdefault(key, []).append(value.strip())
    return fields


def scripts_of(place: str) -> Dict[str, str]:
    """Programs by name → entry point."""
    path = os.path.join(place, "entry_points.txt")
    if not os.path.isfile(path):
        return {}
    section, found = "", {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("["):
                section = line.strip()
            elif section == "[console_scripts]" and "=" in line and not line.startswith(("#", ";")):
                name, _, entry = line.partition("=")
                found[name.strip()] = entry.strip()
    return found


def frameworks(folders: List[str]) -> Dict[str, Any]:
    """Module → version, place and CUDA build, as its own files say: importing torch would take seconds."""
    found: Dict[str, Any] = {}
    for name, file in FRAMEWORKS.items():
        for folder in folders:
            path = os.path.join(folder, *file.split("/"))
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as opened:
                    said = dict(ASSIGNED.findall(opened.read()))
                version = said.get("__version__") or said.get("version") or said.get("full_version")
                found[name] = {
                    "version": version,
                    "path": os.path.dirname(os.path.realpath(path)),
                    "cuda": said.get("cuda", ""),
                    "numpy": numpy_of(os.path.join(folder, "torch", "lib", "libtorch_python.so"), name),
                }
                break
    return found


def numpy_of(library: str, framework: str) -> int:
    """The major version of numpy that torch was built against, 0 when it can't be seen.

    numpy's own header leaves in each library that is built with it the name of the module to find at run time.
    """
    if framework != "torch" or not os.path.isfile(library) or not os.path.getsize(library):
        return 0
    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for major, module in ((2, b"numpy._core._multiarray_umath"), (1, b"numpy.core._multiarray_umath")):
            if content.find(module) >= 0:
                return major
    return 0


def configuration_of_venv() -> Dict[str, str]:
    """pyvenv.cfg of the interpreter's own environment; {} when it is none."""
    path = os.path.join(sys.prefix, "pyvenv.cfg")
    if sys.prefix == sys.base_prefix or not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as opened:
        pairs = [line.split("=", 1) for line in opened if "=" in line]
    return {key.strip().lower(): value.strip() for key, value in pairs}


def main() -> None:
    inventory: Dict[str, Any] = {
        "version": ".".join(str(part) for part in sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "platform": sysconfig.get_platform(),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "is_venv": sys.prefix != sys.base_prefix,
        "is_conda": os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")),
    }
    if sys.version_info >= (3, 8):
        settings = configuration_of_venv()
        folders = package_folders()
        inventory["home"] = settings.get("home") or os.path.dirname(sys.executable)
        inventory["sees_system"] = settings.get("include-system-site-packages", "true").lower() == "true"
        inventory["site_packages"] = folders
        own = os.path.join(sys.prefix, "")
        inventory["own_folders"] = [folder for folder in folders if settings and folder.startswith(own)]
        inventory["distributions"] = distributions(folders)
        inventory["frameworks"] = frameworks(folders)
    json.dump(inventory, sys.stdout)


if __name__ == "__main__":
    main()
