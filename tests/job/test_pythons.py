"""These tests again on the Pythons that images have, from the oldest we serve to the newest, with either numpy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["pytest", "hypothesis", "pyyaml", "easydict", "pillow"]


def interpreter(version: str) -> str | None:
    """A Python of this version: on PATH, or where pyenv keeps it."""
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    return str(kept[-1]) if kept else shutil.which(f"python{version}")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "numpy"), [("3.8", "numpy<2"), ("3.11", "numpy<2"), ("3.13", "numpy>=2")])
def test_the_sdk_on_this_python(tmp_path: Path, version: str, numpy: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    uv, made = str(Path(sys.executable).parent / "uv"), tmp_path / "environment"
    subprocess.run([uv, "venv", "--quiet", "--python", python, str(made)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(made / "bin/python"), *TOOLS, numpy], check=True)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    # What the bootstrapper's tests share, above this folder, needs a newer Python than the SDK does.
    words = ["-q", "-p", "no:cacheprovider", "-m", "not slow", "--confcutdir", "tests/job", "tests/job"]
    command = [str(made / "bin/python"), "-m", "pytest", *words]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
