"""Signed commits: where the container demands it, a commit counts only with a signature of someone it knows."""

from __future__ import annotations

from collections.abc import Mapping

from live_code.errors import ConfigError
from live_code.git import local, repository
from live_code.git.errors import RefusedError
from live_code.git.fetch import Wanted
from live_code.git.local import GitFailed
from live_code.store import Store

VERIFY = "LIVE_CODE_VERIFY_SIGNATURE"
SSH_SIGNERS, GPG_HOME = "LIVE_CODE_ALLOWED_SIGNERS", "LIVE_CODE_GPG_HOME"


def check(wanted: Wanted, store: Store, environ: Mapping[str, str]) -> None:
    """Raises RefusedError when a signature is required and the commit has none, or not one of a known signer."""
    if not is_required(environ):
        return
    here = repository.find(wanted.url, store)
    env = local.environment(environ, here.path / "live-code")
    env |= {"GNUPGHOME": environ[GPG_HOME]} if environ.get(GPG_HOME) else {}
    signers = environ.get(SSH_SIGNERS) or "/dev/null"
    words = ["--git-dir", str(here.path), "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", wanted.commit]
    try:
        local.run(words, env=env)
    except GitFailed as error:
        raise RefusedError(
            f"{wanted.commit} of {wanted.url} is not signed by anyone who is known here.",
            hint=f"Sign the commit, or add its signer to {SSH_SIGNERS} (ssh) or {GPG_HOME} (gpg).",
            details=str(error),
        ) from error


def is_required(environ: Mapping[str, str]) -> bool:
    said = environ.get(VERIFY, "").strip().lower()
    if said not in ("", "off", "required"):
        raise ConfigError(f"{VERIFY} is {said!r}.", hint="It is required or off.")
    return said == "required"
