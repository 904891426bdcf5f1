"""How much room is left on a disk."""

from __future__ import annotations

import os
from pathlib import Path

FULL_BYTES = 1 << 20
LOW_BYTES = 1 << 30
LOW_SHARE = 0.05


def free(place: Path) -> int | None:
    """Bytes that we may still write there; None when nobody can say."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def full(place: Path) -> bool:
    """Whether a file of any size to speak of can't be written there any more, for want of bytes or of inodes."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < FULL_BYTES or bool(disk.f_files and not disk.f_favail)


def low(place: Path) -> int | None:
    """The free bytes when there are few: less than 1 GiB and than a twentieth of the disk. None: enough."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return None
    left = disk.f_bavail * disk.f_frsize
    return left if left < min(LOW_BYTES, LOW_SHARE * disk.f_blocks * disk.f_frsize) else None
