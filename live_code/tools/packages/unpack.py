"""A bundle's way into a store: a file with a commit, its lock and its packages, for runs without a network."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from live_code.errors import ConfigError
from live_code.tools import files
from live_code.tools.settings import Settings
from live_code.tools.store import Store
from live_code.values import TYPE_CHECKING

if TYPE_CHECKING:
    import tarfile

LOCK = "requirements.lock"
# What of a store is worth carrying; the rest is made here, or is this machine's own.
CARRIED = ("git", "lfs", "wheels", "date")
FORMAT = "live-code-bundle-1"


def with_bundle(settings: Settings, bundle: Path, store: Store) -> Settings:
    """The settings of a run from a bundle: its content is in the store then, and its lock is named.

    Raises ConfigError.
    """
    lock = unpack(bundle, store)
    return settings._replace(packages=settings.packages._replace(lock=str(lock)))


def unpack(bundle: Path, store: Store) -> Path:
    """Puts a bundle's content into the store, beside what is there; returns the lock that a run shall use.

    Raises ConfigError.
    """
    import tarfile

    hint = "Make it with `live-code bundle`."
    try:
        with tarfile.open(bundle) as tar:
            names = tar.getnames()
            if FORMAT not in names or LOCK not in names:
                raise ConfigError(f"{bundle} is no bundle.", hint=hint)
            lock = store.path("bundle", files.sha256_file(bundle)[:32])
            for member in tar.getmembers():
                _put(tar, member, store, lock)
    except tarfile.TarError as error:
        raise ConfigError(f"{bundle} is no bundle, or was cut off.", hint=hint, details=str(error)) from error
    except OSError as error:
        raise ConfigError(f"the bundle {bundle} can't be read: {error.strerror or error}.", hint=hint) from error
    return lock


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, store: Store, lock: Path) -> None:
    """One member to its place, unless something is there; what is in a store is never replaced by a bundle's."""
    content = tar.extractfile(member) if member.isfile() else None
    if member.name == LOCK and content:
        files.write_text(lock, content.read().decode())
    if not member.name.startswith("store/"):
        return
    relative = PurePosixPath(member.name).relative_to("store")
    if ".." in relative.parts or relative.parts[0] not in CARRIED:
        raise ConfigError(f"the bundle has a member that leaves the store: {member.name}.", hint="It is damaged.")
    place = store.root / relative
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif content and not place.exists():
        with files.replacing(place) as aside:
            aside.write_bytes(content.read())
            aside.chmod(member.mode & 0o777)
    elif member.issym() and not place.is_symlink() and _stays(place, member.linkname, store.root):
        place.symlink_to(member.linkname)


def _stays(place: Path, target: str, root: Path) -> bool:
    return (place.parent / target).resolve().is_relative_to(root.resolve())
