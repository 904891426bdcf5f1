"""A change that is not committed: applied to the clean work tree, once, and told apart by its hash and its tree."""

from __future__ import annotations

from pathlib import Path

from live_code.errors import PatchError
from live_code.tools import files
from live_code.tools.git import local, worktree
from live_code.tools.git.local import GitFailed
from live_code.tools.settings import Inherited
from live_code.values import NamedTuple


class Patch(NamedTuple):
    """``sha256``: of the patch file. ``tree``: the id of the tree that the commit and the patch make together."""

    sha256: str
    tree: str


def apply(file: Path, place: Path, inherited: Inherited) -> Patch:
    """Applies the whole patch or nothing of it. Raises PatchError."""
    env = worktree.environment_in(place, inherited)
    try:
        digest = files.sha256_file(file)
        local.run(["apply", "--index", "--whitespace=nowarn", str(file.absolute())], env=env, cwd=place)
        return Patch(digest, local.run(["write-tree"], env=env, cwd=place).strip())
    except OSError as error:
        raise PatchError(f"git_patch {file} can't be read: {error.strerror}.", hint="Put it into /in.") from error
    except GitFailed as error:
        raise PatchError(
            f"git_patch {file} does not apply: {str(error).splitlines()[0]}.",
            hint="Make it against this very commit: git diff COMMIT > FILE.",
            details=str(error),
        ) from error
