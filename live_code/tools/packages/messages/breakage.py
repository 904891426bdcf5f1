"""What imports and calls fail of although the package is there: a library of the system, another build of it, or a name
that a newer version took away."""

from __future__ import annotations

from collections.abc import Mapping

from live_code.tools.machine.inventory import FRAMEWORKS
from live_code.values import NamedTuple

LIBRARY, BUILD, VERSION = "MISSING_LIBRARY", "INCOMPATIBLE_BUILD", "INCOMPATIBLE_VERSION"


class Breakage(NamedTuple):
    """``pattern``: what the exception's text or a line of the log has."""

    kind: str
    pattern: str
    message: str
    remedy: str


# Debian's packages of the libraries that wheels expect of the system, by the beginning of the file's name.
_DEBIAN: Mapping[str, str] = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLU.so.1": "libglu1-mesa",
    "libICE.so.6": "libice6",
    "libOSMesa.so": "libosmesa6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXi.so.6": "libxi6",
    "libXrandr.so.2": "libxrandr2",
    "libXrender.so.1": "libxrender1",
    "libaio.so.1": "libaio1",
    "libcairo.so.2": "libcairo2",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libgeos_c.so.1": "libgeos-c1v5",
    "libgfortran.so.5": "libgfortran5",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libjpeg.so.62": "libjpeg62-turbo",
    "liblapack.so.3": "liblapack3",
    "libmagic.so.1": "libmagic1",
    "libmpi.so.40": "libopenmpi3",
    "libnuma.so.1": "libnuma1",
    "libopenblas.so.0": "libopenblas0",
    "libopenslide.so.0": "libopenslide0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpng16.so.16": "libpng16-16",
    "libportaudio.so.2": "libportaudio2",
    "libquadmath.so.0": "libquadmath0",
    "libsndfile.so.1": "libsndfile1",
    "libsox.so.3": "libsox3",
    "libtiff.so.6": "libtiff6",
    "libturbojpeg.so.0": "libturbojpeg0",
    "libvips.so.42": "libvips42",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxml2.so.2": "libxml2",
    "libzbar.so.0": "libzbar0",
}
# Those that opencv-python wants for its windows, and opencv-python-headless does not.
_OF_OPENCV = ("libGL.so", "libICE", "libSM", "libX", "libglib", "libgthread", "libxcb")
_LOADING = (
    r"(?:^(?:\w+\.)*(?:Import|OS)Error: .*|^(?:\w+\.)*(?:Import|OS)Error: |error while loading shared libraries: )"
)
_ABSENT = r": cannot open shared object file"
_NO_LIBRARY = "a library of the system is missing in the image"
_ASK = "ask for a version of that package"
_OLD_NUMPY = "the code, or a package, is made for an older numpy than the job's Python has"
_OLD_PYTHON = "the code, or a package, is made for an older Python than the image's"
_FRAMEWORKS = "|".join(known.module for known in FRAMEWORKS)


def _libraries() -> tuple[Breakage, ...]:
    return tuple(
        Breakage(LIBRARY, f"{_LOADING}{name.replace('.', '[.]')}[\\d.]*{_ABSENT}", _NO_LIBRARY, _install(name, debian))
        for name, debian in _DEBIAN.items()
    )


def _install(library: str, debian: str) -> str:
    image = f"use an image with Debian's {debian}, or one made from this one with apt-get install {debian}."
    if library.startswith(_OF_OPENCV):
        return f"If cv2 wants it, ask for opencv-python-headless in place of opencv-python; else {image}"
    return image[0].upper() + image[1:]


# The first that fits counts.
BREAKAGES: tuple[Breakage, ...] = (
    *_libraries(),
    Breakage(
        LIBRARY,
        rf"{_LOADING}libpython3[\d.]+so[\d.]*{_ABSENT}",
        "a package was built for another Python than the image's",
        f"Install it anew: {_ASK} for the image's Python.",
    ),
    Breakage(
        LIBRARY,
        rf"{_LOADING}lib[\w+-]+[.]so[\w.]*{_ABSENT}",
        _NO_LIBRARY,
        "Use an image that has it (apt-file search finds Debian's package), or a version of the package that"
        " brings it.",
    ),
    Breakage(
        LIBRARY,
        r"version `GLIBC(?:XX)?_[\d.]+' not found",
        "a package was built for a newer system than the image's",
        f"{_ASK.capitalize()} for older systems (an older manylinux), or use a newer image.",
    ),
    Breakage(
        BUILD,
        rf"(?:{_LOADING}).*undefined symbol: _ZN\w*(?:c10|2at|5torch|3c10)|undefined symbol: _ZN\w*(?:c10|2at|5torch)",
        "a compiled package was made for another torch than the image's",
        f"{_ASK.capitalize()} that was built for the image's torch and CUDA, or have it built here from source.",
    ),
    Breakage(
        BUILD,
        r"numpy\.(?:dtype|ndarray|ufunc) size changed|compiled using NumPy 1\.x cannot be run in|_ARRAY_API not found"
        r"|compiled against (?:ABI|API) version|numpy\.core\.multiarray failed to import|Numpy is not available",
        "a package was built against another numpy than the job's Python has",
        "Ask for a newer version of the package that fails; else, where the framework works with it, for numpy<2.",
    ),
    Breakage(
        BUILD,
        r"No module named '?mmcv\._ext|cannot import name '?_ext'? from '?mmcv",
        "mmcv is installed, but without its compiled part",
        "Ask for mmcv-full (mmcv before 2) or for a wheel of mmcv that was built for the image's torch and"
        " CUDA; mmcv-lite, and"
        " one that was built without its operators, have none.",
    ),
    Breakage(
        BUILD,
        r"module 'cv2' has no attribute '(?:_registerMatType|gapi\w*|dnn|INTER_\w+|imread)'",
        "the files of several OpenCV packages lie over each other",
        "Ask for one of opencv-python, opencv-python-headless and the contrib ones alone.",
    ),
    Breakage(
        VERSION,
        r"module 'cv2' has no attribute '(?:xfeatures2d|ximgproc|face|aruco|legacy|saliency|bgsegm|Tracker\w+)'",
        "this OpenCV has no contrib modules",
        "Ask for opencv-contrib-python-headless in place of any other opencv package.",
    ),
    Breakage(
        VERSION,
        r"No module named '?pkg_resources",
        "the code, or a package, needs pkg_resources, which setuptools has no more since 82",
        "Add setuptools<81 to the repo's requirements.",
    ),
    Breakage(
        VERSION,
        r"No module named '?torch\._six|from 'torch\._six'",
        "the code, or a package, is made for torch before 2.0, which dropped torch._six",
        f"Use an image with torch 1.x, {_ASK} for torch 2, or write collections.abc, str and math.inf in its place.",
    ),
    Breakage(
        VERSION,
        r"No module named '?torchvision\.transforms\.functional_tensor",
        "the code, or a package, is made for torchvision before 0.17, which dropped functional_tensor",
        f"Use an image with an older torchvision, {_ASK} for this one, or import torchvision.transforms.functional.",
    ),
    Breakage(
        VERSION,
        r"No module named '?torchvision\.models\.utils",
        "the code, or a package, is made for an old torchvision, which had models.utils",
        "Import load_state_dict_from_url from torch.hub, or use an image with an older torchvision.",
    ),
    Breakage(
        VERSION,
        rf"No module named '?(?:{_FRAMEWORKS})\.[\w.]+",
        "the image has the framework, but not this module of it",
        "It is of another version: use an image with the version that the code is made for, or change the import.",
    ),
    Breakage(
        VERSION,
        rf"(?:cannot import name '\w+' from '|module ')(?:{_FRAMEWORKS})(?:\.[\w.]+)?'(?: \(| has no attribute)"
        r"|This function was deprecated since version [\d.]+ and is now removed",
        "the image's framework has no such name",
        "It is of another version: use an image with the version that the code is made for, or change the code.",
    ),
    Breakage(
        VERSION,
        r"module 'numpy' has no attribute '(?:int|float|bool|object|str|long|unicode|complex|typeDict)'",
        f"{_OLD_NUMPY} (numpy 1.24 took that name away)",
        "Write the plain int, float, bool or object in its place; of a package ask for a newer version, or for"
        " numpy<1.24.",
    ),
    Breakage(
        VERSION,
        r"`np\.\w+` was removed in the NumPy 2|module 'numpy' has no attribute '(?:Inf|NaN|NAN|Infinity|float_|"
        r"complex_|unicode_|product|cumproduct|alltrue|sometrue|in1d|trapz|row_stack|bool8|asfarray|msort|round_)'",
        f"{_OLD_NUMPY} (numpy 2 took that name away)",
        "Write what its message says; of a package ask for a newer version. Where the framework works with it,"
        " numpy<2 helps too.",
    ),
    Breakage(
        VERSION,
        r"module 'PIL\.Image' has no attribute '(?:ANTIALIAS|LINEAR|CUBIC|NEAREST|BILINEAR|BICUBIC)'"
        r"|object has no attribute '(?:getsize|textsize|getoffset)'|'ImageDraw' object has no attribute 'textsize'",
        "the code, or a package, is made for Pillow before 10",
        "Add pillow<10 to the repo's requirements, or write Image.LANCZOS for ANTIALIAS and getbbox for getsize.",
    ),
    Breakage(
        VERSION,
        r"(?:cannot import name '(?=\w+' from 'collections')|module 'collections' has no attribute"
        r" ')(?:Async)?(?:Mutable)?(?:Iterable"
        r"|Iterator|Mapping"
        r"|Sequence|Set|Callable|Hashable|Sized|Container|Generator|Awaitable)'",
        f"{_OLD_PYTHON} (Python 3.10 moved these to collections.abc)",
        "Write collections.abc, of a package ask for a newer version, or use an image with Python 3.9.",
    ),
    Breakage(
        VERSION,
        r"load(?:_all)?\(\) missing 1 required positional argument: 'Loader'",
        "the code, or a package, is made for PyYAML before 6",
        "Write yaml.safe_load, or add pyyaml<6 to the repo's requirements.",
    ),
    Breakage(
        VERSION,
        r"No module named '?distutils\b",
        f"{_OLD_PYTHON} (Python 3.12 has no distutils)",
        "Add setuptools to the repo's requirements, which brings one, or use an image with Python 3.11.",
    ),
    Breakage(
        VERSION,
        r"No module named '?(?:imp|asynchat|asyncore|smtpd)\b(?!\.)|module 'pkgutil' has no attribute 'ImpImporter'",
        f"{_OLD_PYTHON} (Python 3.12 took that away)",
        "Ask for a newer version of the package that wants it (ImpImporter: of setuptools), or use an image"
        " with Python 3.11.",
    ),
    Breakage(
        VERSION,
        r"No module named '?(?:aifc|audioop|cgi|cgitb|chunk|crypt|imghdr|mailcap|msilib|nis|nntplib"
        r"|ossaudiodev|pipes|sndhdr"
        r"|spwd|sunau|telnetlib|uu|xdrlib|lib2to3)\b(?!\.)",
        f"{_OLD_PYTHON} (Python 3.13 took that away)",
        "Ask for a newer version of the package that wants it, or use an image with Python 3.12.",
    ),
    Breakage(
        VERSION,
        r"module 'inspect' has no attribute 'getargspec'|cannot import name 'getargspec'"
        r"|module 'asyncio' has no attribute 'coroutine'",
        f"{_OLD_PYTHON} (Python 3.11 took that away)",
        "Ask for a newer version of the package that wants it, or use an image with Python 3.10.",
    ),
    Breakage(
        VERSION,
        r"Descriptors cannot (?:not )?be created directly",
        "a package was generated for an older protobuf",
        "Add protobuf<3.21 to the repo's requirements, or ask for a newer version of that package.",
    ),
    Breakage(
        VERSION,
        r"'(?:DataFrame|Series)' object has no attribute '(?:append|iteritems)'",
        "the code, or a package, is made for pandas before 2",
        "Add pandas<2 to the repo's requirements, or write pandas.concat for append and items for iteritems.",
    ),
    Breakage(
        VERSION,
        r"module 'scipy\.misc' has no attribute '(?:imread|imresize|imsave|imrotate)'|cannot import name '(?:imread|"
        r"imresize|imsave|imrotate)' from 'scipy\.misc'",
        "the code is made for scipy before 1.2",
        "Use imageio and PIL.Image in their place: such a scipy is too old for the image's Python.",
    ),
    Breakage(
        VERSION,
        r"No module named '?sklearn\.(?:externals|utils\.linear_assignment_|cross_validation|grid_search)",
        "the code, or a package, is made for an old scikit-learn",
        "Write joblib for externals, scipy.optimize.linear_sum_assignment for linear_assignment_,"
        " model_selection for the others.",
    ),
    Breakage(
        VERSION,
        r"No module named '?mmcv\.(?:runner|parallel|engine|fileio|cnn\.utils|utils\.registry)|cannot import"
        r" name '\w+' from 'mmcv",
        "the code is made for mmcv before 2",
        "Ask for mmcv<2 (mmcv-full<2 with its operators), or move the code to mmengine.",
    ),
)
