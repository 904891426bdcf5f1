"""Signed commits: where the container demands it, a commit counts only with a signature of someone it knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live_code.errors import ConfigError, RefusedError
from live_code.tools.git import local, repository
from live_code.tools.git.fetch import Wanted
from live_code.tools.git.local import GitFailed
from live_code.tools.settings import GitSettings
from live_code.tools.store import Store

SSH_SIGNERS, GPG_HOME = "LIVE_CODE_ALLOWED_SIGNERS", "LIVE_CODE_GPG_HOME"
_KEYRINGS, _TRUST = ("pubring.kbx", "pubring.gpg"), "trustdb.gpg"


def check(wanted: Wanted, store: Store, settings: GitSettings) -> None:
    """Raises RefusedError when the commit has no signature, or not one of a known signer."""
    repo = repository.holding(wanted.url, wanted.commit, store)
    signers = settings.allowed_signers or "/dev/null"
    words = ["--git-dir", str(repo.path), "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", wanted.commit]
    try:
        with _keyring(settings.gpg_home) as home:
            env = local.environment(settings.inherited, repository.home(repo, store))
            local.run(words, env={**env, "GNUPGHOME": home})
    except GitFailed as error:
        raise RefusedError(
            f"{wanted.commit} of {wanted.url} is not signed by anyone who is known here.",
            hint=f"Sign the commit, or add its signer to {SSH_SIGNERS} (ssh) or {GPG_HOME} (gpg).",
            details=str(error),
        ) from error


@contextmanager
def _keyring(given: str) -> Iterator[str]:
    """A gpg home with the public keys of ``given``; one that is not there for ''. Raises ConfigError.

    gpg writes into its home even to look at a signature, and the folder may be read-only or another user's.
    """
    if not given:
        yield os.devnull
        return
    import tempfile  # costs nine modules, and few tasks ask for a signature

    with tempfile.TemporaryDirectory(prefix="live-code-gpg-") as home:
        try:
            names = [name for name in (*_KEYRINGS, _TRUST) if Path(given, name).is_file()]
            for name in names:
                Path(home, name).write_bytes(Path(given, name).read_bytes())
        except OSError as error:
            raise ConfigError(f"{given}, which {GPG_HOME} names, can't be read: {error.strerror}.") from error
        if not set(names) & set(_KEYRINGS):
            hint = "Make one: gpg --homedir FOLDER --import KEYS."
            raise ConfigError(f"{given}, which {GPG_HOME} names, has no keyring in it.", hint=hint)
        yield home
