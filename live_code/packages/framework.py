"""What the image ships as its framework: those packages are protected, and the resolver sees them as chosen."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from live_code.interpreter import Interpreter

PROTECT_VARIABLE = "LIVE_CODE_PROTECT"
_PROTECTED = re.compile(r"(torch|torchvision|torchaudio|triton|pytorch-triton|mxnet|mxnet-.+|nvidia-.+)")
# The name that requirements use for a module that images install under other names.
_ALIASES = ("torch", "torchvision", "torchaudio", "triton", "mxnet")


def protected(image: Interpreter, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Normalised name → version of all that must stay as the image has it."""
    listed = {normalised(name) for name in environ.get(PROTECT_VARIABLE, "").replace(",", " ").split()}
    found = {name: version for name, version in image.packages.items() if _PROTECTED.fullmatch(name) or name in listed}
    for name in _ALIASES:
        module = image.frameworks.get(name)
        if module and module.version and name not in found:
            found[name] = module.version
    return dict(sorted(found.items()))


def normalised(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
