"""Runs in the image's interpreter, alone: prints as JSON what that interpreter is and what is installed in it.

It must be readable by any Python 3, so that one that is too old can still say so. It also holds the one table of
frameworks, which each start reads: so it imports at its top only what has been loaded by then.
"""

import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple


class KnownFramework:
    """A module that images ship as their framework, or as a part of one: it is the image's, no repo replaces it.

    ``module``: its name, for Python and in requirements. ``version_file``: it is found by this file, below a folder of
    packages, which says its version if it can. ``part_of``: the framework that it comes with, '' for one that stands
    by itself. ``distributions``: other packages that bring it; ``companions``: packages that come with it; both regular
    expressions of normalised names. ``trial``: code that fails when it does not work. ``numpy_library``: the file that
    shows which numpy it was built against. ``numpy_limit``: how its versions begin that use names which a numpy
    removed, and that numpy.
    """

    def __init__(
        self,
        module: str,
        version_file: str,
        part_of: str = "",
        distributions: str = "",
        companions: str = "",
        trial: str = "",
        numpy_library: str = "",
        numpy_limit: "Tuple[str, str]" = ("", ""),
    ) -> None:
        self.module = module
        self.version_file = version_file
        self.part_of = part_of
        self.distributions = "|".join(filter(None, (module, distributions)))
        self.companions = companions
        self.trial = trial or "import " + module
        self.numpy_library = numpy_library
        self.numpy_limit = numpy_limit


# A framework is added here alone: how it is found, protected, tried after a build, and named in messages follows.
FRAMEWORKS = (
    KnownFramework(
        "torch",
        "torch/version.py",
        companions="nvidia-.+",
        trial="import numpy, torch; torch.from_numpy(numpy.zeros(1))",
        numpy_library="torch/lib/libtorch_python.so",
    ),
    KnownFramework("torchvision", "torchvision/version.py", part_of="torch"),
    KnownFramework("torchaudio", "torchaudio/version.py", part_of="torch"),
    KnownFramework("triton", "triton/__init__.py", part_of="torch", distributions="pytorch-triton"),
    KnownFramework("mxnet", "mxnet/libinfo.py", distributions="mxnet-.+", numpy_limit=("1.", "1.24")),
)
# No framework, but theirs have to fit it. It, too, counts when nothing but its files says that it is there.
NUMPY = KnownFramework("numpy", "numpy/version.py")
ASSIGNED = re.compile(r"^(\w+)(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]*)['\"]", re.MULTILINE)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def package_folders() -> "List[str]":
    """The folders of sys.path that hold packages, in order: neither the standard library nor this script's own."""
    import sysconfig

    standard = {os.path.realpath(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")}
    standard |= {os.path.join(folder, "lib-dynload") for folder in standard}
    own = os.path.dirname(os.path.abspath(__file__))
    folders = []
    for folder in sys.path:
        if os.path.isdir(folder) and os.path.realpath(folder) not in standard and folder != own:
            folders.append(folder)
    return folders


def distributions(folders: "List[str]") -> "Dict[str, Any]":
    """Name → what its metadata says; of several with one name the one that Python would import.

    Read by hand: importlib.metadata takes three times as long, most of it for its own imports.
    """
    packages: Dict[str, Any] = {}
    for folder in folders:
        for place in metadata_folders(folder):
            metadata = metadata_of(place)
            name, version = metadata.get("Name", [""])[0], metadata.get("Version", [""])[0]
            if name and version and normalised(name) not in packages:
                packages[normalised(name)] = {
                    "version": version,
                    "folder": folder,
                    "requires": metadata.get("Requires-Dist", []),
                    "extras": metadata.get("Provides-Extra", []),
                    "scripts": scripts_of(place),
                }
    return packages


def metadata_folders(folder: str) -> "List[str]":
    """Where the metadata of a folder's packages is: folders, and for the oldest a file itself."""
    names = sorted(os.listdir(folder))
    places = [os.path.join(folder, name) for name in names if name.endswith((".dist-info", ".egg-info"))]
    return places + [os.path.join(folder, name, "EGG-INFO") for name in names if name.endswith(".egg")]


def metadata_of(place: str) -> "Dict[str, List[str]]":
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


def scripts_of(place: str) -> "Dict[str, str]":
    """Programs by name → entry point."""
    path = os.path.join(place, "entry_points.txt")
    if not os.path.isfile(path):
        return {}
    section, scripts = "", {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("["):
                section = line.strip()
            elif section == "[console_scripts]" and "=" in line and not line.startswith(("#", ";")):
                name, _, entry = line.partition("=")
                scripts[name.strip()] = entry.strip()
    return scripts


def frameworks(folders: "List[str]") -> "Dict[str, Any]":
    """Module → version, place and CUDA build, as its own files say: importing torch would take seconds."""
    modules: Dict[str, Any] = {}
    for known in (*FRAMEWORKS, NUMPY):
        for folder in folders:
            path = os.path.join(folder, *known.version_file.split("/"))
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as opened:
                    assigned = dict(ASSIGNED.findall(opened.read()))
                version = assigned.get("__version__") or assigned.get("version") or assigned.get("full_version")
                modules[known.module] = {
                    "version": version,
                    "path": os.path.dirname(os.path.realpath(path)),
                    "cuda": assigned.get("cuda", ""),
                    "numpy": numpy_of(os.path.join(folder, *known.numpy_library.split("/"))),
                }
                break
    return modules


def numpy_of(library: str) -> int:
    """The major version of numpy that a library was built against, 0 when it can't be seen.

    numpy's own header leaves in each library that is built with it the name of the module to find at run time.
    """
    if not os.path.isfile(library) or not os.path.getsize(library):
        return 0
    import mmap

    with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for major, module in ((2, b"numpy._core._multiarray_umath"), (1, b"numpy.core._multiarray_umath")):
            if content.find(module) >= 0:
                return major
    return 0


def configuration_of_venv() -> "Dict[str, str]":
    """pyvenv.cfg of the interpreter's own environment; {} when it is none."""
    path = os.path.join(sys.prefix, "pyvenv.cfg")
    if sys.prefix == sys.base_prefix or not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as opened:
        pairs = [line.split("=", 1) for line in opened if "=" in line]
    return {key.strip().lower(): value.strip() for key, value in pairs}


def main() -> None:
    import sysconfig

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
