"""A stand-in for the image: an interpreter with torch, made once and used again."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from live_code.errors import BuildError
from live_code.tools.terminal import log


def interpreter(folder: Path, requirements: Path, named: str) -> Path:
    """The interpreter that LIVE_CODE_PYTHON names, else that of ``folder``, which is made when it is not complete.

    Raises BuildError.
    """
    if named:
        return Path(named).absolute()
    python, marker = folder.absolute() / "bin" / "python", folder / ".made-from"
    wanted = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version}"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        print(f"making a stand-in for the image in {folder} (once): torch, some minutes ...", flush=True)
        _make(folder, python, requirements)
        marker.write_text(wanted, encoding="utf-8")
    return python


def _make(folder: Path, python: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # On top of the interpreter below our own virtual environment, which the stand-in must know nothing of.
    _run([os.path.realpath(sys.executable), "-m", "venv", "--without-pip", str(folder)])
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-r", str(requirements)]
    if sys.stdout.isatty():
        _run(install)
        return
    with log.still("installing torch", every_s=10):  # pip has no bar there, and its lines are many
        _run([*install, "--quiet", "--quiet"])


def _run(argv: list[str]) -> None:
    """With its output passed through: a download of minutes should be seen."""
    code = subprocess.run(argv, check=False).returncode
    if code:
        raise BuildError(
            f"the stand-in for the image can't be made: {argv[0]} ended with {code}.",
            hint="See the lines above, or let LIVE_CODE_PYTHON name an interpreter that has torch.",
        )
