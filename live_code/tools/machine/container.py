"""What a container may lack that programs count on: a name and a home for its user, shared memory, room for code."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from live_code.errors import OutputError
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# The forms that the platform shows of an image; every image that it takes has them.
FORMS = Path("/img-man")
# Where our images have it: https://cwrap.org/nss_wrapper.html
NSS_WRAPPER = Path("/usr/local/lib/libnss_wrapper.so")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - it is looked at only
NAME = "live-code"
# A batch of 16 RGB images of 640 x 640 float32 values takes 79 MB, and a loader's worker keeps two of them ready.
BYTES_PER_WORKER = 160 << 20


def is_image() -> bool:
    """Whether this is the container of an executor's image, not a person's machine."""
    return FORMS.is_dir()


def refused(place: Path, error: OSError, needed: int = 0) -> OutputError:
    """Why a task's output can't be written, and what to do. ``needed``: bytes, to begin at all."""
    folder = place
    while not os.path.exists(folder):  # noqa: PTH110 - Path raises where a folder above is closed
        folder = folder.parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        room = os.statvfs(folder)
        wanted = f", {needed / 1e6:.1f} MB are needed to begin" if needed else ""
        why = f"{error.strerror} ({room.f_bavail * room.f_frsize / 1e6:.1f} MB are free{wanted})"
        return OutputError(f"{place} can't be written: {why}.", hint="Free some space there.")
    if os.path.isfile(folder):  # noqa: PTH113 - as above
        return OutputError(f"{place} can't be written: {folder} is a file.", hint="Name a folder.")
    status = folder.stat()
    who = f"user {os.getuid()}; {folder} has owner {status.st_uid}, mode {status.st_mode & 0o7777:o}"
    hint = "Mount a folder that this user can write; mkdir it before: docker makes a missing one for root."
    return OutputError(f"{place} can't be written: {error.strerror} ({who}).", hint=hint)


def settled(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` with a HOME that can be written, and with a name for a user that has no passwd entry.

    getpass goes by USER; ssh and pwd by nss-wrapper, where an image has it. Raises OSError when not even /tmp can be
    written.
    """
    own = Path("/tmp", f"live-code-{os.getuid()}")  # noqa: S108 - the only place that any user can write
    added: dict[str, str] = {}
    if not _is_usable_home(environ.get("HOME", "")):
        added["HOME"] = str(_made(own) / "home")
        Path(added["HOME"]).mkdir(exist_ok=True)
    if not _has_name():
        home = added.get("HOME") or environ["HOME"]
        added.update({"USER": NAME, "LOGNAME": NAME})
        if NSS_WRAPPER.exists():
            added.update(_named(_made(own), home, environ.get("LD_PRELOAD", "")))
    return {**environ, **added}


def shortage_of_shared_memory(values: Mapping[str, Any], size: int) -> str:
    """The message when /dev/shm, of ``size`` bytes, can't hold the batches of the data loaders asked for; '' else."""
    workers = sum(_whole_number(value) for key, value in values.items() if "workers" in key)
    if size >= workers * BYTES_PER_WORKER:
        return ""
    return (
        f"{SHARED_MEMORY} has {size >> 20} MB for the batches of {workers} data loader workers; a job that fills it"
        " dies of a bus error. Start the container with --shm-size=16G or --ipc=host, or ask for fewer workers"
    )


def size_of_shared_memory() -> int:
    """In bytes; without a limit (there is no /dev/shm to fill) it is very large."""
    try:
        room = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 1 << 62
    return room.f_blocks * room.f_frsize


def forbids_code(folder: Path) -> str:
    """The message when packages in the folder can't load their compiled parts; '' else."""
    while not folder.exists():
        folder = folder.parent
    if not os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return ""
    return (
        f"{folder} is mounted noexec: packages with compiled parts that are installed there can't be imported. Mount"
        " a store at /cache, or start the container with --tmpfs /tmp:exec"
    )


def _is_usable_home(home: str) -> bool:
    return home not in ("", "/") and os.access(home, os.W_OK | os.X_OK)


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _made(own: Path) -> Path:
    """A folder of this user alone. Raises PermissionError when somebody else has put one there."""
    own.mkdir(mode=0o700, exist_ok=True)
    status = own.lstat()
    if status.st_uid != os.getuid() or own.is_symlink():
        raise PermissionError(f"{own} belongs to another user")
    return own


def _named(folder: Path, home: str, preloaded: str) -> dict[str, str]:
    """The image's users and groups, and this one."""
    user, group = os.getuid(), os.getgid()
    passwd, groups = folder / "passwd", folder / "group"
    passwd.write_text(f"{_text('/etc/passwd')}{NAME}:x:{user}:{group}::{home}:/bin/bash\n", encoding="utf-8")
    groups.write_text(f"{_text('/etc/group')}{NAME}:x:{group}:\n", encoding="utf-8")
    preload = dict.fromkeys((*preloaded.split(), str(NSS_WRAPPER)))
    return {"LD_PRELOAD": " ".join(preload), "NSS_WRAPPER_PASSWD": str(passwd), "NSS_WRAPPER_GROUP": str(groups)}


def _text(path: str) -> str:
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return text if text.endswith("\n") or not text else text + "\n"


def _whole_number(value: Any) -> int:
    try:
        return max(0, int(str(value)))
    except ValueError:
        return 0
