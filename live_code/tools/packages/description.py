"""What an environment was made from, kept in it: to prove it before it is used again, and to say why one is new."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from live_code.tools import files
from live_code.tools.machine.interpreter import Interpreter
from live_code.values import NamedTuple

FILE = "environment.json"
_METADATA = (".dist-info", ".pth", ".egg-link")
_LOOKED_AT = 20


class Description(NamedTuple):
    """``entries``: the names in its folder of packages by which a package that came or went is seen."""

    interpreter: str
    image: Mapping[str, str]
    pins: Mapping[str, str]
    tree: str
    entries: tuple[str, ...] = ()


def of(image: Interpreter, lock: str, tree: str) -> Description:
    from live_code.tools.packages import solution  # for what is built, not for what is there

    frameworks = {
        f"{name} (module)": f"{module.version} {module.cuda}".strip() for name, module in image.frameworks.items()
    }
    pins = {pin.name: pin.version or pin.url for pin in solution.parse(lock)}
    return Description(f"{image.path} {image.version}", {**image.packages, **frameworks}, pins, tree)


def write(root: Path, described: Description, image: Interpreter) -> None:
    """Into a finished environment. Raises OSError."""
    files.write_json(root / FILE, described._replace(entries=entries(root, image))._asdict())


def entries(root: Path, image: Interpreter) -> tuple[str, ...]:
    names = os.listdir(image.packages_in(root))  # noqa: PTH208 - names are all that is wanted
    return tuple(sorted(name for name in names if name.endswith(_METADATA)))


def fault(root: Path, image: Interpreter) -> str | None:
    """What is wrong with an environment that is to be used again, or None. A few looks at its files: below 1 ms."""
    if not (root / "bin" / "python").exists():
        return f"its interpreter {image.path} is gone"
    if not (root / "pyvenv.cfg").is_file():
        return "pyvenv.cfg is missing"
    known = _read(root)
    if known is None:
        return f"its {FILE} can't be read"
    try:
        now = set(entries(root, image))
    except OSError:
        return "its packages are gone"
    changed = sorted(now.symmetric_difference(known.entries))
    return f"its packages were changed: {changed[0]} {'came' if changed[0] in now else 'went'}" if changed else None


def difference(folders: Iterable[Path], new: Description) -> str:
    """What sets a new environment apart from the most alike of the last ones, in a line; '' when there is none."""
    earlier = [known for root in _last(folders) if (known := _read(root))]
    changes = [text for known in earlier if (text := _changes(known, new))]
    return min(changes, key=len, default="")


def _changes(old: Description, new: Description) -> str:
    parts = []
    if old.interpreter != new.interpreter:
        parts.append(f"interpreter {old.interpreter} → {new.interpreter}")
    else:
        parts += [f"image: {text}" for text in _moves(old.image, new.image)]
    parts += _moves(old.pins, new.pins)
    if old.tree != new.tree and new.tree:
        parts.append("another commit's project" if old.tree else "with the commit's own project")
    shown = ", ".join(parts[:5])
    return f"{shown} and {len(parts) - 5} more" if len(parts) > 5 else shown


def _moves(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = sorted(set(old) | set(new))
    moved = [(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]
    return [f"{name} {was or 'none'} → {now or 'none'}" for name, was, now in moved]


def _last(folders: Iterable[Path]) -> list[Path]:
    roots = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if (path / FILE).exists()]
    return sorted(roots, key=lambda root: (root / FILE).stat().st_mtime, reverse=True)[:_LOOKED_AT]


def _read(root: Path) -> Description | None:
    try:
        return Description(**json.loads((root / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
