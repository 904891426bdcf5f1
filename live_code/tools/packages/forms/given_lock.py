"""A lock from an earlier run, taken as it is: read, and held against the image before anything is installed."""

from __future__ import annotations

import re
from pathlib import Path

from live_code.errors import ConfigError, RequirementsError
from live_code.tools import files
from live_code.tools.machine.interpreter import Interpreter
from live_code.tools.packages import solution
from live_code.tools.packages.framework import Protection
from live_code.tools.packages.messages import conflict

_HINT = "Name the requirements.lock of an earlier run: a file of the repo, or an absolute path."
_MADE_FOR = re.compile(r"^# made by live-code \S+ for (\S+) (\d+\.\d+)\S* on (\S+)", re.MULTILINE)


def read(name: str, root: Path) -> str:
    """The file that ``lock`` names: in the checkout, or anywhere in the container by an absolute path."""
    path = Path(name) if Path(name).is_absolute() else files.inside(root, name, "lock")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"lock names {name}, which can't be read: {why}.", hint=_HINT) from error


def check(name: str, text: str, image: Interpreter, protection: Protection) -> None:
    """Raises RequirementsError when it was made for another kind of interpreter or framework, or lacks hashes."""
    expected = (image.implementation, ".".join(image.version.split(".")[:2]), image.platform)
    made = _MADE_FOR.search(text)
    if made and made.groups() != expected:
        raise RequirementsError(
            f"{name} was made for {' '.join(made.groups())}, but the image has {' '.join(expected)}.",
            hint="Use the image that it was made on, or leave lock empty.",
        )
    for pin in solution.parse(text):
        if not pin.is_hashed and not pin.url:
            raise RequirementsError(f"{name} has no hash for {pin.name}.", hint="Name a lock with hashes.")
        shipped = protection.packages.get(pin.name)
        if shipped and not solution.same(shipped, pin.version):
            raise conflict.of_pin(f"{name} has {pin.name}=={pin.version}", pin.name, protection)
