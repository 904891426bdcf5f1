"""A virtual environment made by hand, on top of any interpreter, in milliseconds and without pip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from live_code.tools.machine.interpreter import Interpreter

_SCRIPT = """#!{python}
import sys
from {module} import {first}
sys.exit({function}())
"""
_PATHS = "_image.pth"
# Programs of an image that would change it, or an environment that others share.
_INSTALLERS = {"pip", "pip3", "conda", "wheel", "easy_install"}


def create(root: Path, image: Interpreter, beneath: tuple[Path, ...] = ()) -> Path:
    """Makes the environment in the folder ``root``; returns its interpreter. ``beneath``: folders of packages that it
    sees behind its own.

    An environment made from another one sees the base interpreter's packages only, so a ``.pth`` file brings in the
    image's own folders, behind the environment's and before the system's. Raises OSError.
    """
    site_packages = image.packages_in(root)
    site_packages.mkdir(parents=True)
    binaries = root / "bin"
    binaries.mkdir()
    major, minor, _ = image.version.split(".")
    for name in ("python", "python3", f"python{major}.{minor}"):
        (binaries / name).symlink_to(image.path if name == "python" else "python")
    (root / "pyvenv.cfg").write_text(_configuration(image), encoding="utf-8")
    folders = [*map(str, beneath), *image.own_folders]
    if folders:
        (site_packages / _PATHS).write_text("".join(map(_line, folders)), encoding="utf-8")
    return binaries / "python"


def sees(root: Path, image: Interpreter, folder: Path) -> bool:
    """Whether the environment was made to see that folder of packages behind its own."""
    try:
        return _line(str(folder)) in (image.packages_in(root) / _PATHS).read_text(encoding="utf-8")
    except OSError:
        return False


def _line(folder: str) -> str:
    return f"import site; site.addsitedir({folder!r})\n"


def add_scripts(python: Path, wanted: Mapping[str, str]) -> None:
    """Programs of packages beneath, by name → entry point; run by this environment they see its packages too: an
    image's own ``torchrun`` would not. Those that are there already stay."""
    for name, entry in wanted.items():
        path = python.parent / name
        module, _, function = entry.split("[")[0].strip().partition(":")
        if path.exists() or not function or name in _INSTALLERS or name.startswith(("pip3", "python")):
            continue
        first = function.split(".")[0]
        path.write_text(_SCRIPT.format(python=python, module=module, first=first, function=function), encoding="utf-8")
        path.chmod(0o755)


def copy_scripts(python: Path, other: Path) -> None:
    """The other environment's programs, started by this one's interpreter. Raises OSError."""
    for path in other.parent.iterdir():
        if path.name.startswith("python") or (python.parent / path.name).exists():
            continue
        content = path.read_bytes()
        own = content.replace(str(other).encode(), str(python).encode(), 1) if content[:2] == b"#!" else content
        (python.parent / path.name).write_bytes(own)
        (python.parent / path.name).chmod(path.stat().st_mode)


def _configuration(image: Interpreter) -> str:
    visible = str(image.sees_system).lower()
    return f"home = {image.home}\ninclude-system-site-packages = {visible}\nversion = {image.version}\n"
