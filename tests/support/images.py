"""Stand-ins for the interpreters of images: a system Python, conda, a venv, with packages that are only metadata."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from live_code.tools.packages import uv

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")


class Image(NamedTuple):
    python: Path
    site_packages: Path

    def has(self, name: str, version: str, *requires: str, module: str = "", scripts: str = "") -> Image:
        """Installs a package: metadata, and a module of its name with `module` in it."""
        stem = name.replace("-", "_")
        folder = self.site_packages / f"{stem}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]) + "\n")
        if scripts:
            (folder / "entry_points.txt").write_text(f"[console_scripts]\n{scripts}\n")
        return self.holds(stem, "__init__.py", module or f"__version__ = {version!r}\n")

    def holds(self, module: str, file: str, text: str) -> Image:
        """A module without metadata, or one more file of one."""
        (self.site_packages / module).mkdir(exist_ok=True)
        (self.site_packages / module / file).write_text(text)
        return self

    def copies(self, *modules: str) -> Image:
        """Real modules of the interpreter that the tests run on, behind metadata that is there already."""
        for module in modules:
            place = Path(importlib.import_module(module).__file__ or "").parent
            shutil.copytree(place, self.site_packages / module, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        return self

    def torch(self, version: str, cuda: str = "", metadata: bool = True, numpy: int = 0) -> Image:
        """A torch that says what a real one says of itself; `numpy`: the major version it was built against."""
        if metadata:
            self.has("torch", version, "typing-extensions>=4.8")
            self.has("typing-extensions", "4.12.2")
        text = f"__version__ = '{version}'\ncuda: Optional[str] = {cuda or None!r}\n"
        if numpy:
            module = {1: "numpy.core._multiarray_umath", 2: "numpy._core._multiarray_umath"}[numpy]
            (self.site_packages / "torch" / "lib").mkdir(parents=True)
            (self.site_packages / "torch" / "lib" / "libtorch_python.so").write_text(f"\0{module}\0")
        code = f"__version__ = '{version}'\ndef from_numpy(array): return array\n"
        return self.holds("torch", "version.py", text).holds("torch", "__init__.py", code)


def base_python(version: str = "") -> Path:
    """A real interpreter: of pyenv by version ('3.8'), else the one below the tests' own."""
    if not version:
        return Path(os.path.realpath(sys.executable))
    found = sorted(PYENV.glob(f"{version}.*/bin/python"))
    if not found:
        import pytest

        pytest.skip(f"there is no Python {version} here")
    return found[-1]


def venv(folder: Path, base: Path | None = None, system: bool = False, seed: bool = False) -> Image:
    """A venv made by uv, as Dockerfiles do it."""
    words: list[str | Path] = [uv.binary(), "venv", "-q", "--no-config", "--python", base or base_python(), folder]
    words += ["--system-site-packages"] * system + ["--seed"] * seed
    subprocess.run(words, check=True)
    return Image(folder / "bin" / "python", next(folder.glob("lib/python*/site-packages")))


def installed(folder: Path, version: str = "", conda: bool = False) -> Image:
    """An interpreter with a prefix of its own: the real one's binary and library, and empty site-packages."""
    base = base_python(version)
    library = next(base.parent.parent.glob("lib/python3*/os.py")).parent
    (folder / "bin").mkdir(parents=True)
    own = folder / "lib" / library.name
    own.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name != "site-packages":
            (own / entry.name).symlink_to(entry)
    for entry in library.parent.glob("libpython*"):
        (own.parent / entry.name).symlink_to(entry)
    (own / "site-packages").mkdir()
    shutil.copy(base, folder / "bin" / "python3")
    if conda:
        (folder / "conda-meta").mkdir()
    return Image(folder / "bin" / "python3", own / "site-packages")


CACHE = Path(os.environ.get("LIVE_CODE_TEST_CACHE", Path.home() / ".cache" / "live-code-tests"))


def real_torch() -> Image:
    """A venv with the real torch (its CPU build) and numpy; made once and kept."""
    return _kept("torch-2.13.0", "3.11", ["torch==2.13.0", "numpy", "pyyaml", "easydict"])


def real_mxnet() -> Image:
    """A venv with the real mxnet 1.9.1 and the numpy that it needs; made once and kept."""
    return _kept("mxnet-1.9.1", "3.10", ["mxnet==1.9.1", "numpy==1.23.5", "pyyaml", "easydict"])


def _kept(name: str, version: str, packages: list[str]) -> Image:
    """By pip, which alone reads the machine's own settings: where it keeps a torch without CUDA."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv(folder, base_python(version), seed=True)
            subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-qq", *packages], check=True)
            (folder / "complete").touch()
    return Image(folder / "bin" / "python", next(folder.glob("lib/python*/site-packages")))
