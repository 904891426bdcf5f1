"""A virtual environment made by hand, on top of any interpreter, in milliseconds and without pip."""

from __future__ import annotations

from pathlib import Path

from live_code.interpreter import Interpreter


def create(root: Path, image: Interpreter) -> Path:
    """Makes the environment in the folder ``root``; returns its interpreter.

    An environment made from another one sees the base interpreter's packages only, so a ``.pth`` file brings in the
    image's own folders, behind the environment's and before the system's. Raises OSError.
    """
    site_packages = folder_of_packages(root, image)
    site_packages.mkdir(parents=True)
    binaries = root / "bin"
    binaries.mkdir()
    major, minor, _ = image.version.split(".")
    for name in ("python", "python3", f"python{major}.{minor}"):
        (binaries / name).symlink_to(image.path if name == "python" else "python")
    (root / "pyvenv.cfg").write_text(_configuration(image), encoding="utf-8")
    if image.own_folders:
        lines = [f"import site; site.addsitedir({folder!r})\n" for folder in image.own_folders]
        (site_packages / "_image.pth").write_text("".join(lines), encoding="utf-8")
    return binaries / "python"


def folder_of_packages(root: Path, image: Interpreter) -> Path:
    major, minor, _ = image.version.split(".")
    return root / "lib" / f"python{major}.{minor}" / "site-packages"


def _configuration(image: Interpreter) -> str:
    visible = str(image.sees_system).lower()
    return f"home = {image.home}\ninclude-system-site-packages = {visible}\nversion = {image.version}\n"
